"""Check all parameters before the first stage runs."""

import os
import re
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from bakeoff.params.baselines import FORESTS, LogisticParams, read_forest_params
from bakeoff.params.block import PARAMS, TOP_LEVEL, Block, missing, read_key, read_params
from bakeoff.params.data import AugmentParams, SortParams, SplitParams, TfrecordParams
from bakeoff.params.dataset_files import dataset_path, read_chosen_dataset
from bakeoff.params.evidence import EvaluateParams, TrackingParams
from bakeoff.params.folds import FoldsParams
from bakeoff.params.mistakes import shown_value
from bakeoff.params.model_names import model_names
from bakeoff.params.models import (
    ComputeParams,
    FeatureParams,
    ModelDefaults,
    read_feature_params,
    read_model_params,
)
from bakeoff.params.resolved import ChosenDataset, FeatureRequest, SearchRequest, write_resolved
from bakeoff.params.tuning import read_forest_tuning, read_logistic_tuning, read_model_tuning
from bakeoff.runtime.errors import BakeoffError

BLOCKS: dict[str, type[Block]] = {
    "sort": SortParams,
    "split": SplitParams,
    "augment": AugmentParams,
    "tfrecord": TfrecordParams,
    "compute": ComputeParams,
    "defaults": ModelDefaults,
    "logistic": LogisticParams,
    "folds": FoldsParams,
    "evaluate": EvaluateParams,
    "tracking": TrackingParams,
}
_SPELLED_OUT = (
    "sort.mode",
    "evaluate.design",
)  # keys on which some stages depend without their block
_MOST_SEED = 2**32 - 1
_UNFIT = re.compile(r"[?{}]|%[0-9A-Fa-f]{2}")
Check = Callable[[Path], object]


_FEW = 5  # missing keys that get a sentence each


def check_all(path: Path = PARAMS, *, weights: bool = True) -> None:
    """Read every block, every model and the chosen data set.

    Args:
        path: The parameter file; the data sets are in `datasets/` beside it.
        weights: Whether weights files must exist too. A stage whose features already exist does not
            need them.

    Raises:
        BakeoffError: one sentence for each mistake.
    """
    check_place(path.absolute().parent)
    tree = read_params(path)
    absent = [key for key in TOP_LEVEL if key not in tree]
    if len(absent) > _FEW:
        named = ", ".join(f"'{key}'" for key in absent)
        raise BakeoffError(f"{path}: the keys {named} are missing; docs/parameters.md has all keys")
    if absent:
        raise BakeoffError(*(missing(key, path) for key in absent))
    checks: list[Check] = [partial(block.read, key) for key, block in BLOCKS.items()]
    checks += [partial(read_key, key) for key in _SPELLED_OUT]
    checks += [_check_seed, _check_dataset, read_logistic_tuning]
    checks += [partial(_check_forest, name) for name in FORESTS]
    wrong = _mistakes(checks, path) + _mistakes([model_names], path)
    for name in tree["models"] if isinstance(tree["models"], dict) else ():
        if isinstance(name, str) and "." not in name:
            wrong += _mistakes([partial(_check_model, name, weights=weights)], path)
    if wrong:
        raise BakeoffError(*dict.fromkeys(wrong))


def all_feature_params(path: Path = PARAMS) -> dict[str, FeatureParams]:
    """What the features of each model depend on, by its name."""
    return {name: read_feature_params(name, path) for name in model_names(path)}


def feature_requests() -> dict[str, FeatureRequest]:
    """What the stage `features` of each model depends on, weights not yet decided."""
    defaults = ModelDefaults.read("defaults")
    return {
        name: FeatureRequest(
            model=params,
            weights_mirror=defaults.weights_mirror,
            weights_unreachable=defaults.weights_unreachable,
        )
        for name, params in all_feature_params().items()
    }


def write_parameters(folder: Path, requests: Mapping[str, FeatureRequest]) -> None:
    """Write the parameters that each model's stages, and the stages that read data, depend on."""
    name, dataset = read_chosen_dataset()
    described = dataset.model_dump(mode="json", exclude_unset=True)
    write_resolved(folder, "dataset", ChosenDataset(name=name, described=described))
    names = model_names()
    write_resolved(folder, "models", list(names))
    for name in names:
        tuning = read_model_tuning(name)
        features = requests[name].model
        settled = {"image_side": features.image_side, "pooling": features.pooling}
        model = read_model_params(name).model_copy(update=settled)
        search = SearchRequest(trials=0)
        if tuning.trials:
            search = SearchRequest(trials=tuning.trials, tuning=tuning, model=model)
        write_resolved(folder / name, "features", requests[name])
        write_resolved(folder / name, "train", model)
        write_resolved(folder / name, "tune", search)


def check_place(root: Path) -> None:
    """Refuse a repository in a folder whose name DVC or MLflow misreads."""
    unfit = _UNFIT.search(str(root))
    if unfit:
        raise BakeoffError(
            f"{root}: the repository's path holds '{unfit[0]}', which DVC or MLflow's database "
            "misread; move the repository to a folder without it"
        )


def check_tracking_address() -> None:
    """Refuse a mistyped `MLFLOW_TRACKING_URI`, in which no host or port can be found."""
    address = os.environ.get("MLFLOW_TRACKING_URI", "")
    try:
        parts = urlsplit(address)
        fine = parts.port != 0 and (not parts.scheme.startswith("http") or parts.hostname)
    except ValueError:
        fine = False
    if not fine:
        raise BakeoffError(
            f"the environment variable MLFLOW_TRACKING_URI is {shown_value(address)}, which is no "
            "address; write it as http://host:5000, or unset it"
        )


def _mistakes(checks: list[Check], path: Path) -> list[str]:
    found: list[str] = []
    for check in checks:
        try:
            check(path)
        except BakeoffError as mistake:
            found += mistake.sentences
    return found


def _check_seed(path: Path) -> None:
    seed = read_key("seed", path)
    if type(seed) is not int or not 0 <= seed <= _MOST_SEED:
        raise BakeoffError(
            f"{path}: 'seed' is {shown_value(seed)}: give a whole number from 0 to {_MOST_SEED}"
        )


def _check_dataset(path: Path) -> None:
    name, dataset = read_chosen_dataset(path)
    if SplitParams.read("split", path).official_test and "test" not in dataset.official:
        raise BakeoffError(
            f"{path}: 'split.official_test' is true, and {dataset_path(name)} names no test "
            'folder: add official: {test: "*/test/*"} there, or set it to false'
        )


def _check_forest(name: str, path: Path) -> None:
    params = read_forest_params(name, path)
    if params is None:
        return
    read_forest_tuning(name, path)
    frozen = [n for n, params in all_feature_params(path).items() if not params.from_scratch]
    for descriptor in params.descriptors:
        kind, _, model = descriptor.partition(":")
        if kind == "features" and model not in frozen:
            raise BakeoffError(
                f"{path}: '{name}.descriptors' names {descriptor}, and '{model}' is no model with "
                f"a frozen backbone (there: {', '.join(frozen) or 'none'}); correct it or remove it"
            )


def _check_model(name: str, path: Path, *, weights: bool) -> None:
    params = read_model_params(name, path)
    read_model_tuning(name, path)
    asked = params.weights
    known = asked in ("imagenet", "random", "preset") or not weights
    if not known and not Path(asked).expanduser().is_file():
        raise BakeoffError(
            f"{path}: 'models.{name}.weights' is {shown_value(asked)}, and there is no such file: "
            "give imagenet, random or the path of a weights file"
        )
