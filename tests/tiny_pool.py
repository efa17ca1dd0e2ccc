"""A pool of examples dealt to folds, for tests: three clouds, two pictures a group, copies."""

import numpy as np
import pandas as pd

from bakeoff.features.sides import Side
from bakeoff.folds.pool import Pool, make_pool
from tests.tiny_sides import CLASSES


def tiny_sides(groups: int = 15, dim: int = 6, *, copies: bool = True) -> list[Side]:
    """Pictures of three classes by turns, in three sides, each with a copy near it."""
    rng = np.random.default_rng(1)
    group = np.repeat(np.arange(groups), 2)
    labels = group % 3
    values = rng.normal(size=(len(group), dim)) + 1.5 * np.eye(3, dim)[labels]
    ids = np.array([f"{7919 * i % 1009:032x}" for i in range(len(group))])
    whole = Side(
        ids,
        np.full(len(ids), "original"),
        np.array([f"g{g}" for g in group]),
        labels,
        values.astype(np.float32),
    )
    near = whole.values + rng.normal(scale=0.1, size=whole.values.shape).astype(np.float32)
    mirrored = Side(whole.image_ids, np.full(len(ids), "mirror"), whole.groups, labels, near)
    order = rng.permutation(len(ids))
    sides = [whole.take(np.sort(rows)) for rows in np.array_split(order, 3)]
    return [*sides, mirrored] if copies else sides


def tiny_folds(groups: int = 15, count: int = 5, repeats: int = 2) -> pd.DataFrame:
    """Whole groups to folds, every class in every fold; the second deal differs from the first."""
    group = np.repeat(np.arange(groups), 2)
    ids = [f"{7919 * i % 1009:032x}" for i in range(len(group))]
    parts = []
    for repeat in range(repeats):
        order = np.random.default_rng(repeat).permutation(groups // 3)
        fold = order[group // 3] % count
        parts.append(pd.DataFrame({"image_id": ids, "repeat": repeat, "fold": fold}))
    return pd.concat(parts, ignore_index=True)


def tiny_pool(groups: int = 15, dim: int = 6, *, copies: bool = True) -> Pool:
    """The sides above, dealt to five folds twice."""
    sides = tiny_sides(groups, dim, copies=copies)
    return make_pool(sides, tiny_folds(groups), CLASSES, balanced=False)
