"""The pictures a model was trained on, as the vectors by which a new picture is compared."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bakeoff.features.sides import Side, read_feature_facts, read_feature_side
from bakeoff.runtime.errors import BakeoffError
from bakeoff.runtime.files import read_json
from bakeoff.runtime.layout import FEATURES, PROCESSED, SPLITS
from bakeoff.runtime.tables import read_table
from bakeoff.serve.familiarity import Familiarity, familiarity
from bakeoff.serve.predictor import Pixels, backbones_of, keras_function

Describe = Callable[[Pixels], NDArray[np.floating[Any]]]

_FOREST_DESCRIPTOR = "pixels"  # takes 1 ms a picture; the others take up to 20


@dataclass(frozen=True)
class TrainingSide:
    """A training side's original pictures, and how a new picture is described as they are."""

    image_ids: tuple[str, ...]
    labels: NDArray[np.int64]  # (n,), indices of classes
    paths: dict[str, Path]  # by image_id
    familiarity: Familiarity
    described_by: str
    describe: Describe  # (n, side, side, channels), uint8, to (n, d)


def read_training_side(folder: Path) -> TrainingSide:
    """The training side of the model in `folder`.

    A frozen backbone's cached features describe it, or a forest's pixels.

    Raises:
        BakeoffError: the model describes pictures in another way, or the files of its training
            side are missing or of another training.
    """
    metadata = read_json(folder / "metadata.json")
    described_by, side, describe = _described(folder, metadata)
    if side.sha256 != metadata["train_ids_sha256"]:
        raise BakeoffError(
            f"the training pictures of {metadata['model']} are no longer those of this "
            "repository; run `dvc repro` to train it on them"
        )
    originals = side.originals()
    table = read_table(SPLITS / "train.csv", ("image_id", "path"))
    return TrainingSide(
        tuple(originals.image_ids.tolist()),
        originals.labels,
        {i: Path(path) for i, path in zip(table["image_id"], table["path"], strict=True)},
        familiarity(originals.values, originals.groups.tolist()),
        described_by,
        describe,
    )


def _described(folder: Path, metadata: dict[str, Any]) -> tuple[str, Side, Describe]:
    """By what, the training side, and the function that describes a new picture."""
    network = _frozen_network(folder, metadata)
    if network is not None:
        name, path = network
        if read_feature_facts(FEATURES / name)["weights"] != read_json(path / "metadata.json").get(
            "weights"
        ):
            raise BakeoffError(
                f"{FEATURES / name} is of other weights than the model; run `dvc repro`"
            )
        side = read_feature_side(FEATURES / name, "train")
        return f"features of {name}", side, keras_function(path, "pooling")
    params = metadata["params"]
    if _FOREST_DESCRIPTOR in params.get("descriptors", ()):
        from bakeoff.baselines.descriptors import describe
        from bakeoff.baselines.forest import describe_side

        names, pixels_side = [_FOREST_DESCRIPTOR], params["pixels_side"]
        side = describe_side(names, pixels_side, "train", PROCESSED, FEATURES)
        return (
            f"{pixels_side} x {pixels_side} pixels",
            side,
            lambda pictures: describe(list(pictures), names, pixels_side),
        )
    raise BakeoffError(
        f"{metadata['model']} has neither a frozen backbone nor a forest's pixels, so new pictures "
        "are not compared with its training pictures; name a model that has"
    )


def _frozen_network(folder: Path, metadata: dict[str, Any]) -> tuple[str, Path] | None:
    """Name and folder of the network whose cached features the model uses."""
    if metadata["kind"] == "head":
        return metadata["model"], folder
    return next(iter(backbones_of(folder).items()), None)
