"""Parts of the folds: who trains where, counted by hand."""

from dataclasses import replace

import numpy as np
import pytest

from bakeoff.features.sides import Side
from bakeoff.folds.pool import make_pool
from bakeoff.runtime.errors import BakeoffError
from tests.tiny_pool import tiny_folds, tiny_pool, tiny_sides
from tests.tiny_sides import CLASSES


def test_every_picture_is_tested_once_in_each_repeat_and_a_copy_never():
    pool = tiny_pool()
    assert (pool.originals, len(pool.side.labels)) == (30, 60)
    for repeat in range(2):
        tested = [part.test for part in pool.parts() if part.repeat == repeat]
        assert sorted(np.concatenate(tested)) == list(range(30))
    assert all((part.val < 30).all() for part in pool.parts())


def test_a_group_and_its_copies_stand_in_one_part():
    pool = tiny_pool()
    for part in pool.parts():
        groups = [set(pool.side.groups[rows]) for rows in (part.fitted, part.val, part.test)]
        assert not groups[0] & groups[1]
        assert not groups[1] & groups[2]
        assert not groups[0] & groups[2]
        assert set(part.train) == set(part.fitted) | {
            row for row in range(60) if pool.side.groups[row] in groups[1]
        }
        # An original trains with its copy.
        originals = part.train[part.train < 30]
        assert len(part.train) == 2 * len(originals)


def test_the_order_of_the_sides_and_of_their_rows_decides_nothing():
    sides = tiny_sides()
    mixed = [s.take(np.random.default_rng(9).permutation(len(s.labels))) for s in sides[::-1]]
    one, other = (make_pool(s, tiny_folds(), CLASSES, balanced=False) for s in (sides, mixed))
    assert one.side.sha256 == other.side.sha256
    np.testing.assert_array_equal(one.side.values, other.side.values)
    np.testing.assert_array_equal(one.folds, other.folds)


def test_balance_takes_copies_until_the_classes_of_a_part_are_equal():
    """Class 0 has two pictures a fold and no copy; class 1 one picture a fold, with three."""
    ids = [f"a{i}" for i in range(6)] + [f"b{i}" for i in range(3)]
    labels = np.array([0] * 6 + [1] * 3)
    folds = [0, 0, 1, 1, 2, 2, 0, 1, 2]
    originals = Side(
        np.array(ids), np.full(9, "original"), np.array(ids), labels, np.eye(9, dtype="f4")
    )
    copies = [
        replace(originals.take(np.arange(6, 9)), transforms=np.full(3, f"random{turn}"))
        for turn in range(3)
    ]
    table = tiny_folds().iloc[:9].assign(image_id=ids, fold=folds)
    pool = make_pool([originals, *copies], table, ("a", "b"), balanced=True)
    # Some pictures have no copy, so none is regular: four of class 0 ask for four of class 1.
    for fold in range(3):
        rows = pool.training(0, {fold})
        assert np.bincount(pool.side.labels[rows]).tolist() == [4, 4]
        held = pool.side.transforms[rows[pool.side.labels[rows] == 1]]
        assert sorted(held) == ["original", "original", "random0", "random0"]


def test_folds_of_another_split_are_refused():
    with pytest.raises(BakeoffError, match="are of different splits"):
        make_pool(tiny_sides(), tiny_folds().iloc[4:], CLASSES, balanced=False)
