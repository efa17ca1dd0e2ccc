"""The random forest that every backbone has to beat."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray
from sklearn.ensemble import RandomForestClassifier
from sklearn.tree import DecisionTreeClassifier

from bakeoff.baselines.classical import fit_calibrated
from bakeoff.baselines.classifier import Classifier
from bakeoff.baselines.descriptors import describe
from bakeoff.features.sides import Side, read_feature_facts, read_feature_side, read_record_side
from bakeoff.params.baselines import ForestParams
from bakeoff.params.found import Found
from bakeoff.runtime.errors import BakeoffError
from bakeoff.runtime.parallel import worker_count
from bakeoff.tfrecord.index import RecordIndex

logger = logging.getLogger(__name__)

_FEATURES = "features:"
_DAG = Path("dvc.yaml")


def describe_side(
    params_descriptors: Sequence[str], pixels_side: int, split: str, records: Path, features: Path
) -> Side:
    """One side with the vectors of the forest's descriptors.

    Raises:
        BakeoffError: a descriptor is unknown, or a model has no features.
    """
    ours = [name for name in params_descriptors if not name.startswith(_FEATURES)]
    side = read_record_side(
        records, split, (lambda pictures: describe(pictures, ours, pixels_side)) if ours else None
    )
    for name in params_descriptors:
        if name.startswith(_FEATURES):
            side = side.beside(_features(features, name.removeprefix(_FEATURES), split))
    return side


def _features(folder: Path, model: str, split: str) -> Side:
    if not (folder / model / f"{split}.npy").is_file():
        raise BakeoffError(
            f"params.yaml: a forest's 'descriptors' name {_FEATURES}{model}, but there are no "
            f"features in {folder / model}; name a model with a frozen backbone"
        )
    _check_declared(folder / model)
    return read_feature_side(folder / model, split)


def _check_declared(features: Path) -> None:
    """Refuse features that are no dependency in DVC, whose change would not rerun the forest."""
    if not _DAG.is_file():
        return
    stage = yaml.safe_load(_DAG.read_text(encoding="utf-8"))["stages"]["random_forest"]
    if features.as_posix() not in stage["do"]["deps"]:
        raise BakeoffError(
            f"params.yaml: a forest's 'descriptors' name {_FEATURES}{features.name}, and "
            f"{_DAG} does not say that random_forest depends on it: add the line "
            f"'- {features.as_posix()}' to that stage's 'deps'"
        )


def fit_forest(train: Side, val: Side, params: ForestParams, classes: int, seed: int) -> Classifier:
    """Fit the forest on all cores; the result does not depend on their number.

    Many votes are exactly zero, because a leaf holds few pictures. Half a tree's vote is the lower
    bound, which keeps logarithms finite. `min_samples_leaf` is raised where
    the trees would take more than `max_megabytes`.
    """
    params = within_memory(train, params, classes, seed)
    estimator = new_forest(params, seed).set_params(oob_score=True)
    return fit_calibrated(estimator, train, val, classes=classes, floor=0.5 / params.trees)


def new_forest(params: ForestParams, seed: int) -> RandomForestClassifier:
    """An unfitted forest that fits on all cores."""
    return RandomForestClassifier(
        n_estimators=params.trees,
        max_depth=params.max_depth,
        min_samples_leaf=params.min_samples_leaf,
        class_weight=None if params.class_weight == "none" else params.class_weight,
        n_jobs=worker_count(),
        random_state=seed,
    )


def within_memory(train: Side, params: ForestParams, classes: int, seed: int) -> ForestParams:
    """The parameters, with `min_samples_leaf` doubled until the trees keep to `max_megabytes`.

    What the forest will hold is estimated from one tree of it: nodes x (64 + 8 x classes) bytes for
    each tree. With three classes and hundreds of pictures that is some 5 MB, with 120 classes and
    thousands of pictures gigabytes.
    """
    asked, size = params, forest_megabytes(train, params, classes, seed)
    first = size
    while size > params.max_megabytes and params.min_samples_leaf < len(train.labels):
        larger = 2 * params.min_samples_leaf
        params = params.model_copy(update={"min_samples_leaf": larger})
        size = forest_megabytes(train, params, classes, seed)
    if params is not asked:
        logger.warning(
            "its %d trees would take %.0f MB with min_samples_leaf %d, and max_megabytes is %g; "
            "min_samples_leaf is %d instead, which takes %.0f MB",
            params.trees,
            first,
            asked.min_samples_leaf,
            params.max_megabytes,
            params.min_samples_leaf,
            size,
        )
    return params


def forest_megabytes(train: Side, params: ForestParams, classes: int, seed: int) -> float:
    """What the trees of such a forest take in memory, estimated from one, in units of 10^6 bytes.

    Saving takes as much again for a while.
    """
    drawn = np.random.default_rng(seed).integers(0, len(train.labels), len(train.labels))
    tree = DecisionTreeClassifier(
        max_depth=params.max_depth,
        min_samples_leaf=params.min_samples_leaf,
        max_features="sqrt",
        random_state=seed,
    ).fit(train.values[drawn], train.labels[drawn])
    return float(params.trees * tree.tree_.node_count * (64 + 8 * classes) / 1e6)


def forest_metadata(
    name: str,
    forest: Classifier,
    params: ForestParams,
    *,
    index: RecordIndex,
    features: Path,
    seed: int,
    found: Found,
) -> dict[str, Any]:
    """The content of `metadata.json` for a forest; `weights` are those of its input features."""
    models = [d.removeprefix(_FEATURES) for d in params.descriptors if d.startswith(_FEATURES)]
    records = [read_feature_facts(features / model) for model in models]
    trees = forest.estimator.estimators_
    return {
        "model": name,
        "kind": "forest",
        **index.picture_facts(),
        "backbone": records[0]["backbone"] if records else None,
        "image_side": params.pixels_side if "pixels" in params.descriptors else None,
        "weights": records[0]["weights"] if records else {"kind": "none"},
        "parameters": int(sum(tree.tree_.node_count for tree in trees)),
        "min_samples_leaf": int(forest.estimator.min_samples_leaf),
        "out_of_bag_accuracy": float(forest.estimator.oob_score_),
        "seed": seed,
        "params": params.model_dump(mode="json") | found.facts(),
    }


def forest_sentence(
    name: str, accuracy: float, out_of_bag: float, train: Side, seconds: float
) -> str:
    """What the stage says of a fitted forest.

    Out-of-bag accuracy is left out where copies of a picture are in the bag while the picture is
    not: it would be too high.
    """
    copies = (train.transforms != "original").any()
    also = "" if copies else f", {out_of_bag:.3f} out of bag"
    return f"{name}: {accuracy:.3f} accuracy on validation{also}, fitted in {seconds:.1f} s"


def pixel_importances(
    classifier: Classifier, descriptors: Sequence[str], pixels_side: int, channels: int
) -> NDArray[np.float64] | None:
    """Mean decrease in impurity of each pixel, shape `(side, side)`, summed over channels.

    The values are scikit-learn's importances and sum to one over all features. None if the forest
    does not use pixels.
    """
    before = 0
    for name in descriptors:
        if name == "pixels":
            length = pixels_side**2 * channels
            own = classifier.estimator.feature_importances_[before : before + length]
            return own.reshape(pixels_side, pixels_side, channels).sum(axis=2)
        if name.startswith(_FEATURES):
            return None
        before += describe(np.zeros((1, 64, 64, channels), np.uint8), [name], pixels_side).shape[1]
    return None
