"""Dealing groups: rules that hold for every deal, and the best deal where all can be tried."""

from itertools import product

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from bakeoff.split.dealing import NoDealError, deal

FRACTIONS = st.sampled_from(
    [(0.7, 0.15, 0.15), (0.8, 0.1, 0.1), (0.4, 0.3, 0.3), (0.9, 0.05, 0.05)]
).map(np.array)


def held(pictures, sides):
    return np.stack([pictures[sides == side].sum(axis=0) for side in range(3)], axis=1)


@st.composite
def single_class_groups(draw):
    """Groups that hold one class each, at least three of every class."""
    rows = []
    classes = draw(st.integers(1, 4))
    for number in range(classes):
        for size in draw(st.lists(st.integers(1, 12), min_size=3, max_size=40)):
            row = [0] * classes
            row[number] = size
            rows.append(row)
    return np.array(draw(st.permutations(rows)))


@settings(max_examples=80, deadline=None)
@given(pictures=single_class_groups(), fractions=FRACTIONS)
def test_every_class_is_within_one_group_of_its_fractions(pictures, fractions):
    sides = deal(pictures, fractions)
    counts = held(pictures, sides)
    groups = held((pictures > 0).astype(int), sides)
    assert (groups >= 1).all()
    for label in range(pictures.shape[1]):
        deviation = counts[label] - counts[label].sum() * fractions
        largest = pictures[:, label].max()
        assert deviation.max() <= largest + 1e-9
        if deviation.min() < -largest - 1e-9:
            # Only where the one group that every side must have has taken it all.
            assert (groups[label][deviation > 0] == 1).all()


@settings(max_examples=60, deadline=None)
@given(
    pictures=st.lists(
        st.lists(st.integers(0, 4), min_size=3, max_size=3), min_size=3, max_size=25
    ).map(np.array),
    fractions=FRACTIONS,
)
def test_groups_of_several_classes_leave_no_side_without_a_class(pictures, fractions):
    assume((pictures.sum(axis=0) > 0).all() and (pictures.sum(axis=1) > 0).all())
    try:
        sides = deal(pictures, fractions)
    except NoDealError as refusal:
        assert 0 <= refusal.class_index < 3
        return
    assert (held(pictures, sides) >= 1).all()


def test_a_small_deal_is_the_best_there_is():
    generator = np.random.default_rng(5)
    fractions = np.array([0.5, 0.25, 0.25])
    for _ in range(4):
        pictures = np.zeros((7, 2), int)
        pictures[np.arange(7), np.arange(7) % 2] = generator.integers(1, 6, 7)

        def cost(sides, pictures=pictures):
            counts = held(pictures, np.array(sides))
            expected = np.outer(pictures.sum(axis=0), fractions)
            if (counts == 0).any():
                return np.inf
            return ((counts - expected) ** 2 / expected).sum()

        best = min(cost(sides) for sides in product(range(3), repeat=7))
        # The deal also weighs the sum of the classes a little, so it may differ by that much.
        assert cost(deal(pictures, fractions)) <= best + 0.35


def test_ten_equal_groups_are_dealt_as_asked():
    sides = deal(np.ones((20, 1), int), np.array([0.7, 0.15, 0.15]))
    assert np.bincount(sides).tolist() == [14, 3, 3]


def test_large_and_small_groups_go_to_every_side():
    pictures = np.array([[10]] * 20 + [[1]] * 200)
    sides = deal(pictures, np.array([0.7, 0.15, 0.15]))
    assert np.bincount(sides[:20]).tolist() == [14, 3, 3]


def test_a_class_of_two_groups_is_refused():
    with pytest.raises(NoDealError) as refusal:
        deal(np.array([[1, 0]] * 5 + [[0, 3]] * 2), np.array([0.7, 0.15, 0.15]))
    assert refusal.value.class_index == 1
