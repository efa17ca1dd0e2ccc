"""The model folders to compare, and the check that they were trained on the same pictures."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from bakeoff.params.baselines import FORESTS
from bakeoff.runtime.errors import BakeoffError
from bakeoff.runtime.files import read_json, sha256_of_folder

FOREST = "random_forest"
MAJORITY = "majority_class"
NETWORKS = ("head", "fine_tuned", "from_scratch")  # kinds

_SAME_FOR_ALL = {
    "classes": "classes",
    "train_ids_sha256": "training pictures",
    "val_ids_sha256": "validation pictures",
}


@dataclass(frozen=True)
class Candidate:
    """One finished model folder."""

    name: str
    folder: Path
    metadata: dict[str, Any]

    @property
    def kind(self) -> str:
        """`head`, `fine_tuned`, `from_scratch`, `forest` or `logistic`."""
        return str(self.metadata["kind"])

    @property
    def classes(self) -> tuple[str, ...]:
        """The class names, in the order of the probabilities."""
        return tuple(self.metadata["classes"])

    @property
    def features(self) -> str | None:
        """The model whose cached features this one predicts from, if any."""
        if self.kind == "head":
            return self.name
        return self.name.removeprefix("logistic_") if self.kind == "logistic" else None

    @property
    def trained_on(self) -> str | None:
        """The model whose cached features this one was trained on, if any."""
        return self.name if self.kind == "fine_tuned" else self.features

    @property
    def descriptors(self) -> tuple[str, ...]:
        """The forest's descriptors; empty for other models."""
        return tuple(self.metadata["params"]["descriptors"]) if self.kind == "forest" else ()

    @cached_property
    def sha256(self) -> str:
        """Hash of the folder's content."""
        return sha256_of_folder(self.folder)


def compared_names(models: Sequence[str]) -> list[str]:
    """The names of all compared models: forests, `models` of `params.yaml`, their regressions."""
    return [*FORESTS, *models, *(f"logistic_{name}" for name in models)]


def read_candidates(models: Path, names: Sequence[str]) -> list[Candidate]:
    """Read the folders of the named models, except those that record that they were skipped.

    BakeoffError where a folder is missing, or two models were not trained on the same pictures.
    """
    candidates = []
    for name in names:
        path = models / name / "metadata.json"
        if not path.is_file():
            raise BakeoffError(f"{path}: no such model; run `dvc repro` to train it")
        metadata = read_json(path)
        if "skipped" not in metadata:
            candidates.append(Candidate(name, models / name, metadata))
    check_trained_alike(candidates)
    return candidates


def check_trained_alike(candidates: Sequence[Candidate]) -> None:
    """BakeoffError, naming both, where a model's lists of pictures are not the first one's."""
    for key, what in _SAME_FOR_ALL.items():
        for candidate in candidates[1:]:
            first = candidates[0]
            if candidate.metadata[key] != first.metadata[key]:
                raise BakeoffError(
                    f"models/{candidate.name} and models/{first.name} have different {what} "
                    f"({key} in their metadata.json), so comparing them means nothing; "
                    "run `dvc repro` to train both on the same split"
                )
