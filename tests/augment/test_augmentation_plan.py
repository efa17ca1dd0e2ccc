"""The augmentation plan, counted by hand."""

import pandas as pd
import pytest

from bakeoff.augment.augmentation_plan import plan_augmentation
from bakeoff.params.data import AugmentParams, RandomTransforms

TURN = RandomTransforms(rotation=10)


def pictures() -> pd.DataFrame:
    rows = [("train", "a", 6), ("train", "b", 2), ("val", "a", 2), ("test", "b", 3)]
    return pd.DataFrame(
        [
            (side, f"data/interim/{label}/{side}{i}.png", f"{side}{label}{i}", label, f"g{i}")
            for side, label, count in rows
            for i in range(count)
        ],
        columns=["side", "path", "image_id", "label", "group"],
    )


def counts(plan: pd.DataFrame) -> dict:
    return plan.groupby(["split", "label", "transform"]).size().to_dict()


def test_named_transforms_give_one_copy_each_on_the_sides_named():
    plan = plan_augmentation(pictures(), AugmentParams(), 0)
    assert counts(plan) == {
        ("train", "a", "original"): 6,
        ("train", "a", "mirror_horizontal"): 6,
        ("train", "b", "original"): 2,
        ("train", "b", "mirror_horizontal"): 2,
        ("val", "a", "original"): 2,
        ("test", "b", "original"): 3,
    }
    assert (plan["seed"] == 0).all()
    asked = AugmentParams(sides=("val",), transforms=("rotate_90", "mirror_vertical"))
    plan = plan_augmentation(pictures(), asked, 0)
    assert plan["split"].value_counts().to_dict() == {"train": 8, "val": 6, "test": 3}
    assert plan[plan["split"] == "val"]["transform"].tolist()[:2] == ["original", "mirror_vertical"]


def test_random_copies_have_a_seed_of_their_own():
    params = AugmentParams(transforms=(), copies=3, random=TURN)
    plan = plan_augmentation(pictures(), params, 5)
    copies = plan[plan["transform"] == "random"]
    assert len(copies) == 3 * 8
    assert copies["seed"].is_unique
    assert copies["seed"].between(0, 2**32 - 1).all()
    # Another picture's arrival changes no copy of the others.
    fewer = plan_augmentation(pictures().drop(index=0), params, 5)
    assert set(fewer["seed"]) < set(copies["seed"]) | {0}


@pytest.mark.parametrize("copies", [0, 2])
def test_balance_brings_every_training_class_up_to_the_largest(copies):
    params = AugmentParams(copies=copies, random=TURN, balance=True)
    plan = plan_augmentation(pictures(), params, 1)
    per_class = plan.groupby(["split", "label"]).size()
    expected = 6 * (2 + copies)
    assert per_class[("train", "a")] == per_class[("train", "b")] == expected
    assert per_class[("val", "a")], per_class[("test", "b")] == (2, 3)
    added = plan[(plan["label"] == "b") & (plan["transform"] == "random")]
    assert added["seed"].is_unique
    assert set(added.groupby("path").size()) == {(expected - 4) // 2}


def test_the_plan_does_not_depend_on_the_order_of_rows():
    params = AugmentParams(copies=1, random=TURN, balance=True)
    expected = plan_augmentation(pictures(), params, 1)
    shuffled = pictures().sample(frac=1, random_state=2)
    pd.testing.assert_frame_equal(plan_augmentation(shuffled, params, 1), expected)


def test_training_is_shuffled_and_the_other_sides_are_sorted():
    plan = plan_augmentation(pictures(), AugmentParams(transforms=()), 0)
    train = plan[plan["split"] == "train"]["path"].tolist()
    assert train != sorted(train)
    assert plan["split"].tolist() == ["train"] * 8 + ["val"] * 2 + ["test"] * 3
    assert plan[plan["split"] == "test"]["path"].is_monotonic_increasing
    other = plan_augmentation(pictures(), AugmentParams(transforms=()), 1)
    assert other[other["split"] == "train"]["path"].tolist() != train


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"copies": 1}, "'copies' asks for random copies.* 'random'"),
        ({"balance": True}, "'balance' asks for random copies.*'random'"),
        ({"balance": True, "random": {"rotation": 5}, "sides": ("val",)}, "'sides'"),
    ],
)
def test_copies_that_would_change_nothing_are_refused(params, message):
    with pytest.raises(ValueError, match=message):
        AugmentParams(**params)
