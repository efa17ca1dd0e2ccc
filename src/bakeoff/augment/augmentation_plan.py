"""The augmentation plan: one row for every example that is exported, originals included."""

import numpy as np
import pandas as pd

from bakeoff.params.data import AugmentParams
from bakeoff.pictures.transforms import ORIGINAL, RANDOM
from bakeoff.runtime.tables import PLAN_COLUMNS, SIDES
from bakeoff.split.splitting import hash64

PICTURE_COLUMNS = ("path", "image_id", "label", "group")  # what a plan needs of a picture


def plan_augmentation(pictures: pd.DataFrame, params: AugmentParams, seed: int) -> pd.DataFrame:
    """Plan the copies.

    Every original is in the plan once. The sides in `params.sides` get one copy per picture and
    transform, and `params.copies` random copies. With `params.balance` the smaller classes of the
    training side then get further random copies until each is as large as the largest. `pictures`
    has the columns side and `PICTURE_COLUMNS`.

    Returns:
        Columns `PLAN_COLUMNS` in export order: train shuffled, so that every shard mixes the
        classes; then val and test, sorted by path. A copy's seed depends on the picture and on
        the number of the copy alone, so other pictures never change it.
    """
    rows = pictures.rename(columns={"side": "split"})[["split", *PICTURE_COLUMNS]]
    rows = rows.sort_values("path")
    augmented = rows[rows["split"].isin(params.sides)]
    parts = [copies_of(rows, ORIGINAL)]
    parts += [copies_of(augmented, transform) for transform in params.transforms]
    parts += [copies_of(augmented, RANDOM, seed, number) for number in range(params.copies)]
    plan = pd.concat(parts, ignore_index=True)
    if params.balance:
        train = rows[rows["split"] == "train"]
        counts = plan.loc[plan["split"] == "train", "label"].value_counts()
        plan = pd.concat([plan, *_balance(train, counts, params.copies, seed)], ignore_index=True)
    return _in_export_order(plan, seed)


def copies_of(rows: pd.DataFrame, transform: str, seed: int = 0, number: int = 0) -> pd.DataFrame:
    """One copy of every row; `number` distinguishes random copies of a picture."""
    if transform != RANDOM:
        return rows.assign(transform=transform, seed=0)
    seeds = [hash64(seed, f"{image_id}:{number}") >> 32 for image_id in rows["image_id"]]
    return rows.assign(transform=transform, seed=seeds)


def _balance(
    train: pd.DataFrame, counts: "pd.Series[int]", first: int, seed: int
) -> list[pd.DataFrame]:
    """Random copies that raise every class to the largest, spread evenly over its pictures.

    `first` numbers the first copy; the seed also decides which pictures get one more than others.
    """
    parts = []
    for label in sorted(counts.index):
        members = train[train["label"] == label]
        order = [hash64(seed, f"balance:{path}") for path in members["path"]]
        members = members.iloc[np.argsort(np.array(order, np.uint64), kind="stable")]
        missing, number = int(counts.max() - counts[label]), first
        while missing > 0:
            parts.append(copies_of(members.iloc[:missing], RANDOM, seed, number))
            missing, number = missing - len(members), number + 1
    return parts


def _in_export_order(plan: pd.DataFrame, seed: int) -> pd.DataFrame:
    plan = plan.sort_values(["path", "transform", "seed"], ignore_index=True)
    sides = {side: plan[plan["split"] == side] for side in SIDES}
    shuffled = np.random.default_rng(seed).permutation(len(sides["train"]))
    sides["train"] = sides["train"].iloc[shuffled]
    # Where nothing is shuffled, originals come before their copies.
    for side in SIDES[1:]:
        copies = (sides[side]["transform"] != ORIGINAL).rename("copy")
        sides[side] = sides[side].assign(copy=copies).sort_values(["path", "copy"], kind="stable")
    return pd.concat(list(sides.values()), ignore_index=True)[list(PLAN_COLUMNS)]
