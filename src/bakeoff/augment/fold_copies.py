"""The copies that folds need beyond the plan: in a fold every picture may be a training picture."""

import math

import pandas as pd

from bakeoff.augment.augmentation_plan import copies_of
from bakeoff.params.data import AugmentParams
from bakeoff.pictures.transforms import RANDOM
from bakeoff.runtime.tables import COPIES, PLAN_COLUMNS

_COPY = ["path", "transform", "seed"]


def plan_fold_copies(
    plan: pd.DataFrame,
    pictures: pd.DataFrame,
    folds: pd.DataFrame,
    params: AugmentParams,
    seed: int,
) -> pd.DataFrame:
    """The copies that a training picture would have, of the pictures that do not have them.

    A copy's seed does not depend on its picture's side; `folds` is empty where there are none.

    Returns:
        Columns `PLAN_COLUMNS`, with `split` "copies", sorted by path. Empty without folds, and
        where the training side gets no copies. With `params.balance` each class gets as many
        random copies as the most unequal training part of the folds asks for; which of them a
        part takes is decided there.
    """
    if folds.empty or "train" not in params.sides:
        return pd.DataFrame(columns=list(PLAN_COLUMNS))
    rows = pictures.rename(columns={"side": "split"}).assign(split=COPIES).sort_values("path")
    parts = [copies_of(rows, transform) for transform in params.transforms]
    parts += [copies_of(rows, RANDOM, seed, number) for number in range(params.copies)]
    if params.balance:
        regular = len(params.transforms) + params.copies
        for label, extra in _balancing_copies(pictures, folds, regular).items():
            own = rows[rows["label"] == label]
            numbers = range(params.copies, params.copies + extra)
            parts += [copies_of(own, RANDOM, seed, number) for number in numbers]
    if not parts:
        return pd.DataFrame(columns=list(PLAN_COLUMNS))
    wanted = pd.concat(parts, ignore_index=True)
    planned = pd.MultiIndex.from_frame(plan[_COPY])
    missing = wanted[~pd.MultiIndex.from_frame(wanted[_COPY]).isin(planned)]
    return missing.sort_values(_COPY, ignore_index=True)[list(PLAN_COLUMNS)]


def _balancing_copies(pictures: pd.DataFrame, folds: pd.DataFrame, regular: int) -> dict[str, int]:
    """Random copies of each picture of a class that suffice in every training part."""
    placed = pictures[["image_id", "label"]].merge(folds, on="image_id")
    most: dict[str, int] = {}
    for _, dealt in placed.groupby("repeat"):
        count = int(dealt["fold"].max()) + 1
        for test in range(count):
            for left_out in ({test}, {test, (test + 1) % count}):
                sizes = dealt.loc[~dealt["fold"].isin(left_out), "label"].value_counts()
                for label, size in sizes.items():
                    missing = (1 + regular) * int(sizes.max() - size)
                    most[str(label)] = max(most.get(str(label), 0), math.ceil(missing / size))
    return dict(sorted(most.items()))
