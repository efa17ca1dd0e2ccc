"""The folds' further copies, counted by hand."""

import pandas as pd
import pytest

from bakeoff.augment.augmentation_plan import plan_augmentation
from bakeoff.augment.fold_copies import plan_fold_copies
from bakeoff.params.data import AugmentParams
from bakeoff.runtime.tables import FOLD_COLUMNS, PLAN_COLUMNS
from tests.augment.test_augmentation_plan import TURN, counts, pictures


def folds(count: int = 3) -> pd.DataFrame:
    """Thirteen pictures dealt in turn, once."""
    ids = pictures()["image_id"]
    return pd.DataFrame(
        {"image_id": ids, "repeat": 0, "fold": [i % count for i in range(len(ids))]}
    )


def both(params: AugmentParams, seed: int = 3) -> tuple[pd.DataFrame, pd.DataFrame]:
    plan = plan_augmentation(pictures(), params, seed)
    return plan, plan_fold_copies(plan, pictures(), folds(), params, seed)


def test_validation_and_test_pictures_get_the_training_pictures_copies():
    _, copies = both(AugmentParams())
    assert counts(copies) == {
        ("copies", "a", "mirror_horizontal"): 2,
        ("copies", "b", "mirror_horizontal"): 3,
    }
    assert copies["path"].is_monotonic_increasing
    assert tuple(copies.columns) == PLAN_COLUMNS


def test_a_copy_has_its_seed_from_its_picture_wherever_that_stands():
    params = AugmentParams(transforms=(), copies=2, random=TURN)
    _, copies = both(params)
    everywhere = pictures().assign(side="train")
    elsewhere = plan_augmentation(everywhere, params, 3)
    seeds = elsewhere[elsewhere["transform"] == "random"].groupby("image_id")["seed"].apply(set)
    assert len(copies) == 2 * 5
    assert all(row.seed in seeds[row.image_id] for row in copies.itertuples())


def test_every_original_ends_with_the_same_copies_once():
    params = AugmentParams(copies=1, random=TURN, sides=("train", "val"))
    plan, copies = both(params)
    whole = pd.concat([plan, copies])
    assert not whole.duplicated(["path", "transform", "seed"]).any()
    assert (whole.groupby("path").size() == 3).all()
    assert set(copies["image_id"]) == {f"testb{i}" for i in range(3)}


def test_balance_has_enough_copies_for_the_most_unequal_training_part():
    params = AugmentParams(transforms=(), random=TURN, balance=True)
    plan, copies = both(params)
    whole = pd.concat([plan, copies])
    extra = whole[whole["transform"] == "random"].groupby(["label", "image_id"]).size()
    # Of a and b the folds hold 3 and 2, 2 and 2, 3 and 1: trained on the last fold alone, the one
    # picture of b needs two copies.
    assert extra["b"].unique().tolist() == [2]
    assert "a" not in extra.index.get_level_values("label")


@pytest.mark.parametrize("params", [AugmentParams(sides=()), AugmentParams(transforms=())])
def test_where_training_pictures_get_no_copies_there_are_none(params):
    assert both(params)[1].empty


def test_without_folds_there_are_none():
    none = pd.DataFrame(columns=list(FOLD_COLUMNS))
    params = AugmentParams()
    plan = plan_augmentation(pictures(), params, 3)
    assert plan_fold_copies(plan, pictures(), none, params, 3).empty
