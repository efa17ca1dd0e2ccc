"""The checked parameters of each model and of the data set, as the first stage wrote them down.

DVC can depend on a key of `params.yaml` only where it is spelled out. The stages of a model depend
on these files instead, in which the defaults are filled in: an edit of a head leaves the features
alone, and a key that says what its default says changes nothing.
"""

import json
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import BaseModel

from bakeoff.params.block import Block, parse
from bakeoff.params.datasets import KINDS, Dataset
from bakeoff.params.models import FeatureParams, Mirror, ModelParams, Unreachable
from bakeoff.params.tuning import Tuning
from bakeoff.runtime.errors import BakeoffError
from bakeoff.runtime.files import write_text
from bakeoff.runtime.layout import PARAMETERS

B = TypeVar("B", bound=BaseModel)


class FeatureRequest(Block):
    """What the stage `features` of a model depends on."""

    model: FeatureParams
    weights_mirror: Mirror | None
    weights_unreachable: Unreachable
    # what the first stage found where ImageNet weights are asked for
    decided: Literal["imagenet", "random"] | None = None
    preset: str | None = None  # SHA-256 of the files of the preset that the backbone names
    weights_file: str | None = None  # SHA-256 of the file that `weights` names


class ChosenDataset(Block):
    """The data set that `params.yaml` chooses."""

    name: str
    described: dict[str, Any]

    def dataset(self) -> Dataset:
        """Its description."""
        return parse(KINDS[self.described["kind"]], self.described, where="", path=_path("dataset"))


class SearchRequest(Block):
    """What the stage `tune` of a model depends on; no more than `trials` where they are 0."""

    trials: int
    tuning: Tuning | None = None
    model: ModelParams | None = None


def write_resolved(folder: Path, name: str, value: BaseModel | list[str]) -> None:
    """Write one of the files below `folder`; keys stay in the order that they have."""
    plain = value if isinstance(value, list) else value.model_dump(mode="json")
    write_text(folder / f"{name}.json", json.dumps(plain, indent=2, ensure_ascii=False) + "\n")


def resolved_features(model: str) -> FeatureRequest:
    """What `features` needs to know of `model`."""
    return _read(FeatureRequest, f"{model}/features")


def resolved_model(model: str) -> ModelParams:
    """The whole entry of `model`, defaults filled in."""
    return _read(ModelParams, f"{model}/train")


def resolved_search(model: str) -> SearchRequest:
    """What `tune` needs to know of `model`."""
    return _read(SearchRequest, f"{model}/tune")


def resolved_dataset() -> tuple[str, Dataset]:
    """The name and description of the data set."""
    chosen = _read(ChosenDataset, "dataset")
    return chosen.name, chosen.dataset()


def resolved_names() -> tuple[str, ...]:
    """The names of the models, in the order of `params.yaml`."""
    return tuple(_json(_path("models")))


def _path(name: str) -> Path:
    return PARAMETERS / f"{name}.json"


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise BakeoffError(f"{path}: missing or damaged; run `dvc repro fingerprint`") from None


def _read(model: type[B], name: str) -> B:
    return parse(model, _json(_path(name)), where="", path=_path(name))
