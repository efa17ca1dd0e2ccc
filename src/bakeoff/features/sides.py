"""One side of the split as arrays: picture ids in order, labels, and feature vectors."""

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bakeoff.runtime.errors import BakeoffError
from bakeoff.runtime.files import read_json
from bakeoff.runtime.tables import read_csv
from bakeoff.tfrecord.numpy_reading import record_batches

_DTYPES = {"image_id": str, "transform": str, "group": str, "label": "int64"}

Describe = Callable[[NDArray[np.uint8]], NDArray[np.float32]]


@dataclass(frozen=True)
class Side:
    """Examples of one side in export order, each with its feature vector."""

    image_ids: NDArray[np.str_]  # (n,)
    transforms: NDArray[np.str_]  # (n,), "original" or the copy's transform
    groups: NDArray[np.str_]  # (n,)
    labels: NDArray[np.int64]  # (n,)
    values: NDArray[np.float32]  # (n, d); d is 0 where there are no feature vectors

    @property
    def sha256(self) -> str:
        """Hash of the list of examples in order."""
        return examples_sha256(self.image_ids, self.transforms)

    def originals(self) -> "Side":
        """The side without augmented copies."""
        return self.take(np.flatnonzero(self.transforms == "original"))

    def take(self, rows: NDArray[np.intp]) -> "Side":
        """The examples at `rows`, in that order."""
        return Side(
            self.image_ids[rows],
            self.transforms[rows],
            self.groups[rows],
            self.labels[rows],
            self.values[rows],
        )

    def beside(self, other: "Side") -> "Side":
        """The same examples with `other`'s vectors appended to these.

        Raises:
            BakeoffError: the two list different examples.
        """
        if self.sha256 != other.sha256:
            raise BakeoffError(
                "data/features and data/processed list different pictures; run `dvc repro` to "
                "make both from the same split"
            )
        return replace(self, values=np.concatenate([self.values, other.values], axis=1))


def examples_sha256(image_ids: Iterable[str], transforms: Iterable[str]) -> str:
    """SHA-256 over one line `image_id transform` per example, in order."""
    lines = (f"{i} {t}\n" for i, t in zip(image_ids, transforms, strict=True))
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def read_feature_side(folder: Path, split: str) -> Side:
    """Read a side of `data/features/<model>`, without TensorFlow.

    Raises:
        BakeoffError: a file is missing, or the two files do not match.
    """
    try:
        values = np.load(folder / f"{split}.npy", allow_pickle=False)
        table = read_csv(folder / f"{split}.csv", dtype=_DTYPES)
    except (OSError, ValueError) as error:
        raise BakeoffError(
            f"{folder}: cannot read the features of the {split} side ({error}); "
            f"run `dvc repro features@{folder.name}`"
        ) from None
    if len(table) != len(values):
        raise BakeoffError(
            f"{folder}: {split}.csv lists {len(table)} pictures and {split}.npy holds "
            f"{len(values)}; run `dvc repro features@{folder.name}`"
        )
    return Side(
        table["image_id"].to_numpy(np.str_),
        table["transform"].to_numpy(np.str_),
        table["group"].to_numpy(np.str_),
        table["label"].to_numpy(np.int64),
        values,
    )


def read_feature_facts(folder: Path) -> dict[str, Any]:
    """Read a model's `features.json`, without TensorFlow.

    Raises:
        BakeoffError: it is missing or damaged.
    """
    try:
        facts: dict[str, Any] = read_json(folder / "features.json")
    except (OSError, ValueError):
        raise BakeoffError(
            f"{folder}/features.json: missing or damaged; run `dvc repro features@{folder.name}`"
        ) from None
    return facts


def read_record_side(folder: Path, split: str, describe: Describe | None = None) -> Side:
    """Read a side of `data/processed` and keep only a feature vector of each picture.

    `describe` maps pictures, uint8 `(n, height, width, channels)`, to vectors `(n, d)`; without it
    they are empty.
    """
    parts = []
    for batch in record_batches(folder, split, decode=describe is not None):
        values = describe(batch.images) if describe else None
        parts.append(
            Side(
                batch.image_ids,
                batch.transforms,
                batch.groups,
                batch.labels,
                np.empty((len(batch.labels), 0), np.float32) if values is None else values,
            )
        )
    fields = ("image_ids", "transforms", "groups", "labels", "values")
    return Side(*(np.concatenate([getattr(part, name) for part in parts]) for name in fields))
