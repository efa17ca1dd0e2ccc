"""Every parameter at once, before the first stage runs."""

from pathlib import Path

from bakeoff.params.applications import check_side
from bakeoff.params.block import PARAMS, TOP_LEVEL, Block, read_key
from bakeoff.params.data import AugmentParams, SortParams, SplitParams, TfrecordParams
from bakeoff.params.datasets import read_chosen_dataset
from bakeoff.params.evidence import EvaluateParams, TrackingParams
from bakeoff.params.folds import FoldsParams
from bakeoff.params.models import (
    ComputeParams,
    ForestParams,
    LogisticParams,
    ModelDefaults,
    model_names,
    read_model_params,
)
from bakeoff.params.tuning import read_forest_tuning, read_logistic_tuning, read_model_tuning
from bakeoff.runtime.errors import BakeoffError

_BLOCKS: dict[str, type[Block]] = {
    "sort": SortParams,
    "split": SplitParams,
    "augment": AugmentParams,
    "tfrecord": TfrecordParams,
    "compute": ComputeParams,
    "defaults": ModelDefaults,
    "random_forest": ForestParams,
    "logistic": LogisticParams,
    "folds": FoldsParams,
    "evaluate": EvaluateParams,
    "tracking": TrackingParams,
}


def check_all(path: Path = PARAMS) -> None:
    """Read every block, every model and the chosen data set.

    Raises:
        BakeoffError: the first mistake.
    """
    for key in TOP_LEVEL:
        read_key(key, path)
    for key, block in _BLOCKS.items():
        block.read(key, path)
    seed = read_key("seed", path)
    if not isinstance(seed, int) or isinstance(seed, bool) or not 0 <= seed < 2**32:
        raise BakeoffError(f"{path}: 'seed' is {seed!r}: a whole number from 0 to 4294967295")
    read_chosen_dataset(path)
    read_forest_tuning(path)
    read_logistic_tuning(path)
    for name in model_names(path):
        _check_model(name, path)


def _check_model(name: str, path: Path) -> None:
    params = read_model_params(name, path)
    read_model_tuning(name, path)
    try:
        check_side(params.backbone, params.image_side)
    except BakeoffError as mistake:
        what = str(mistake).removeprefix(f"{path.name}: ")
        raise BakeoffError(f"{path}: 'models.{name}': {what}") from None
    asked = params.weights
    if asked not in ("imagenet", "random") and not Path(asked).expanduser().is_file():
        raise BakeoffError(
            f"{path}: 'models.{name}.weights' is {asked!r}: not imagenet, not random, and no file"
        )
