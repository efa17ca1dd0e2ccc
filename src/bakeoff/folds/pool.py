"""All pictures and copies with their features, and the training and test parts of the folds."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bakeoff.features.sides import Side, read_feature_side
from bakeoff.pictures.transforms import ORIGINAL
from bakeoff.runtime.errors import BakeoffError
from bakeoff.runtime.tables import COPIES, SIDES

Rows = NDArray[np.intp]


@dataclass(frozen=True)
class Part:
    """The test part of one fold of one repeat, and its training parts."""

    repeat: int  # from 0
    fold: int  # the tested one, from 0
    train: Rows  # rows of all other folds, copies among them
    fitted: Rows  # those of them that are not in the next fold
    val: Rows  # originals of the next fold, used for validation
    test: Rows  # originals of the tested fold


@dataclass(frozen=True)
class Pool:
    """Every original, then every copy, in an order that depends on no side."""

    side: Side  # n examples, sorted by image_id and transform, originals first
    classes: tuple[str, ...]  # the `k` class names
    originals: int  # number n of originals
    # (R, N) the fold of each example in each repeat; a copy's is its original's
    folds: NDArray[np.int64]
    # whether a training part takes of each class only as many copies as make all classes equal
    # (`augment.balance`)
    balanced: bool

    @property
    def sha256(self) -> str:
        """Hash of the examples, their feature vectors and their folds."""
        digest = hashlib.sha256(f"{self.side.sha256} {self.classes} {self.balanced}".encode())
        for array in (self.side.values, self.side.labels, self.folds):
            digest.update(np.ascontiguousarray(array).data)
        digest.update("\n".join(self.side.groups.tolist()).encode())
        return digest.hexdigest()

    @property
    def repeats(self) -> int:
        """Number of repeats."""
        return len(self.folds)

    @property
    def count(self) -> int:
        """Folds of a repeat."""
        return int(self.folds.max()) + 1

    @property
    def labels(self) -> NDArray[np.int64]:
        """(n,) classes of the originals."""
        return self.side.labels[: self.originals]

    def pictures(self) -> pd.DataFrame:
        """The originals: columns image_id, label, group, and fold_0, fold_1, … of each repeat."""
        columns = {
            "image_id": self.side.image_ids[: self.originals],
            "label": self.labels,
            "group": self.side.groups[: self.originals],
        }
        dealt = {f"fold_{r}": folds[: self.originals] for r, folds in enumerate(self.folds)}
        return pd.DataFrame(columns | dealt)

    def parts(self) -> list[Part]:
        """A part for each fold of each repeat, in order."""
        return [self._part(r, f) for r in range(self.repeats) for f in range(self.count)]

    def _part(self, repeat: int, fold: int) -> Part:
        following = (fold + 1) % self.count
        return Part(
            repeat,
            fold,
            self.training(repeat, {fold}),
            self.training(repeat, {fold, following}),
            self.tested(repeat, following),
            self.tested(repeat, fold),
        )

    def tested(self, repeat: int, fold: int) -> Rows:
        """Rows of a fold's originals."""
        return np.flatnonzero(self.folds[repeat, : self.originals] == fold)

    def training(self, repeat: int, left_out: set[int]) -> Rows:
        """Rows of the originals and copies of all folds except those left out."""
        rows = np.flatnonzero(~np.isin(self.folds[repeat], list(left_out)))
        return self._balance(rows) if self.balanced else rows

    def _balance(self, rows: Rows) -> Rows:
        """The rows with only so many copies of each class as the largest class has in all.

        Each picture gives its first copy before any gives its second.
        """
        copies = rows[rows >= self.originals]
        originals = rows[rows < self.originals]
        ids = pd.Series(self.side.image_ids[copies])
        turn = ids.groupby(ids).cumcount().to_numpy()
        counts = np.bincount(self.side.labels[originals])
        target = (1 + self._regular_copies()) * counts.max()
        kept = [originals]
        for label, count in enumerate(counts):
            own = self.side.labels[copies] == label
            order = np.argsort(turn[own], kind="stable")
            kept.append(copies[own][order][: target - count])
        return np.sort(np.concatenate(kept))

    def _regular_copies(self) -> int:
        """Copies that every picture has; those of small classes have more, to balance with."""
        ids = self.side.image_ids
        copies = pd.Series(ids[self.originals :]).value_counts()
        return int(copies.reindex(np.unique(ids[: self.originals]), fill_value=0).min())


def make_pool(
    sides: Sequence[Side], folds: pd.DataFrame, classes: Sequence[str], *, balanced: bool
) -> Pool:
    """Combine the examples of all sides with their folds.

    Raises:
        BakeoffError: the folds do not list exactly the pictures of the sides.
    """
    side = Side(
        *(
            np.concatenate([getattr(part, name) for part in sides])
            for name in ("image_ids", "transforms", "groups", "labels", "values")
        )
    )
    copy = side.transforms != ORIGINAL
    side = side.take(np.lexsort((side.transforms, side.image_ids, copy)))
    table = folds.pivot(index="image_id", columns="repeat", values="fold")
    if set(table.index) != set(side.image_ids) or table.isna().any(axis=None):
        raise BakeoffError(
            "data/splits/folds.csv and the exported pictures are of different splits; run "
            "`dvc repro` to make both from the same"
        )
    placed = table.loc[side.image_ids.tolist()].to_numpy(np.int64).T
    return Pool(side, tuple(classes), int((~copy).sum()), placed, balanced)


def read_feature_pool(
    folder: Path, folds: pd.DataFrame, classes: Sequence[str], *, balanced: bool
) -> Pool:
    """The pool of a backbone's features, `data/features/<model>`.

    Raises:
        BakeoffError: a file is missing, or the features are not of the folds' split.
    """
    names = [name for name in (*SIDES, COPIES) if (folder / f"{name}.npy").is_file()]
    sides = [read_feature_side(folder, name) for name in names or SIDES]
    return make_pool(sides, folds, classes, balanced=balanced)
