"""Deal every picture to folds; each is tested once per repeat.

Folds are dealt like the three sides, by whole joined groups and stratified by class. The joined
groups are those of the whole manifest, so that an archive's own test side, which is kept as it is,
cannot leak into a fold either.
"""

import logging
from typing import Literal

import numpy as np
import pandas as pd

from bakeoff.params.folds import FoldsParams
from bakeoff.runtime.errors import BakeoffError
from bakeoff.runtime.tables import FOLD_COLUMNS
from bakeoff.split.dealing import NoDealError, deal
from bakeoff.split.feasibility import leave_out
from bakeoff.split.leakage import Crossing, crossing, with_patients
from bakeoff.split.splitting import Split, hash64

logger = logging.getLogger(__name__)

Design = Literal["auto", "folds", "split"]

FEWEST = 3
"""Folds below which there is no test, validation and training part."""
LARGEST = 3000
"""Pictures from which `auto` prefers one split: its test side is then large enough."""


def wants_folds(design: Design, pictures: int, official_test: bool) -> bool:
    """Whether the design uses folds.

    An archive's own test side (`official_test`) makes `auto` score on it.
    """
    if design == "auto":
        return pictures < LARGEST and not official_test
    return design == "folds"


def deal_folds(split: Split, params: FoldsParams, design: Design, seed: int) -> pd.DataFrame:
    """Deal the pictures of a split to folds, once per repeat, if the design uses folds.

    A class with fewer groups than folds lowers the number of folds, which is logged.

    Returns:
        Columns `FOLD_COLUMNS`, sorted; `repeat` and `fold` count from 0. A picture that occurs
        twice has one row per repeat. Empty without folds.

    Raises:
        BakeoffError: `design` is `folds` and the groups of a class do not allow it.
    """
    if not wants_folds(design, len(split.pictures), split.official_test):
        return pd.DataFrame(columns=list(FOLD_COLUMNS))
    rows = with_fold_groups(split)
    try:
        count = _possible_count(rows, params.count)
        seeds = [hash64(seed, f"folds:{repeat}") for repeat in range(params.repeats)]
        deals = [_deal_once(rows, count, s).assign(repeat=r) for r, s in enumerate(seeds)]
    except BakeoffError as mistake:
        if design == "folds":
            raise
        logger.warning("no folds: %s", mistake)
        return pd.DataFrame(columns=list(FOLD_COLUMNS))
    folds = pd.concat(deals, ignore_index=True).drop_duplicates()
    return folds.sort_values(["repeat", "image_id"], ignore_index=True)[list(FOLD_COLUMNS)]


def _possible_count(rows: pd.DataFrame, asked: int) -> int:
    """The number of folds, at most one for each group of the rarest class."""
    per_class = rows.groupby("label")["group"].nunique().sort_index()
    rarest, groups = str(per_class.idxmin()), int(per_class.min())
    if groups < FEWEST:
        raise BakeoffError(
            f"params.yaml: 'evaluate.design' asks for folds, which need {FEWEST} groups of every"
            f" class, and class '{rarest}' has {groups}: add pictures of it, or set"
            f" 'evaluate.design' to split{leave_out(rarest, per_class.index)}"
        )
    if groups < asked:
        logger.warning(
            "%d folds, not the %d of 'folds.count': class '%s' has %d groups",
            *(groups, asked, rarest, groups),
        )
    return min(asked, groups)


def with_fold_groups(split: Split) -> pd.DataFrame:
    """The dealt pictures, with `group` the joined group over the whole manifest."""
    return split.pictures.assign(group=split.joined.loc[split.pictures["path"]].to_numpy())


def _deal_once(rows: pd.DataFrame, count: int, seed: int) -> pd.DataFrame:
    """Columns image_id and fold of one deal."""
    counts = pd.crosstab(rows["group"], rows["label"])
    counts = counts.loc[sorted(counts.index, key=lambda group: (hash64(seed, group), group))]
    try:
        dealt = deal(counts.to_numpy(np.int64), np.full(count, 1 / count))
    except NoDealError as refusal:
        label = counts.columns[refusal.class_index]
        raise BakeoffError(
            f"params.yaml: 'folds.count' is {count}, and class '{label}' cannot be in every"
            " fold, because its groups also hold pictures that other classes need elsewhere:"
            " lower it, or set 'evaluate.design' to split"
        ) from None
    fold = dict(zip(counts.index, dealt.tolist(), strict=True))
    return pd.DataFrame({"image_id": rows["image_id"], "fold": rows["group"].map(fold)})


def audit_folds(
    manifest: pd.DataFrame, pictures: pd.DataFrame, folds: pd.DataFrame, bits: int | None
) -> dict[str, int]:
    """Check that no patient, pixels or near duplicate is in two folds.

    Like the audit of the sides it starts from the manifest's own patients, pixels and hashes.

    Returns:
        Numbers for `leakage.json`: repeats, folds, and the crossings between a fold and the rest of
        its repeat, summed over all of them, which are 0 when this returns.

    Raises:
        BakeoffError: a leak, with one of the pictures.
    """
    totals = {"groups": 0, "exact_duplicates": 0, "near_duplicates": 0}
    rows = with_patients(manifest, pictures)
    for repeat in sorted(folds["repeat"].unique()):
        dealt = folds[folds["repeat"] == repeat]
        fold = rows["image_id"].map(dealt.set_index("image_id")["fold"])
        for number in sorted(dealt["fold"].unique()):
            found, _ = crossing(rows[fold == number], rows[fold != number], bits)
            _refuse(found, f"fold {number} of repeat {repeat}")
            totals["groups"] += found.groups
            totals["exact_duplicates"] += found.exact_duplicates
            totals["near_duplicates"] += found.near_duplicates or 0
    return {"repeats": folds["repeat"].nunique(), "folds": folds["fold"].nunique()} | totals


def _refuse(found: Crossing, where: str) -> None:
    if found.leaks:
        raise BakeoffError(
            f"the folds leak: {where} shares {found.groups} groups,"
            f" {found.exact_duplicates} exact and {found.near_duplicates or 0} near duplicates"
            f" with the rest (one is {found.example}); please report this with the manifest"
        )
