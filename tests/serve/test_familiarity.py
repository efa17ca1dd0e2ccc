"""Distances that can be computed by hand, and how often pictures of the same kind are unlike."""

import numpy as np
import pytest

from bakeoff.runtime.errors import BakeoffError
from bakeoff.serve.familiarity import familiarity, unit_vectors


def on_circle(*degrees: float) -> np.ndarray:
    angles = np.deg2rad(degrees)
    return np.stack([np.cos(angles), np.sin(angles)], axis=1)


def chord(degrees: float) -> float:
    return float(2 * np.sin(np.deg2rad(degrees) / 2))


def test_the_limit_is_the_distance_to_the_nearest_picture_of_another_group():
    vectors = on_circle(0, 2, 10, 60)
    alone = familiarity(vectors, ["a", "b", "c", "d"])
    assert alone.limit == pytest.approx(chord(50))
    grouped = familiarity(on_circle(0, 2, 10), ["a", "a", "c"])
    assert grouped.limit == pytest.approx(chord(10))  # 0 looks past 2, which is of its own group


def test_length_does_not_count_and_zeros_stay():
    known = familiarity(on_circle(0, 90) * [[3.0], [0.1]], ["a", "b"])
    near = known.nearest(np.array([0.0, 50.0]), 2)
    assert near.places.tolist() == [1, 0]
    np.testing.assert_allclose(near.distances, [0, chord(90)], atol=1e-6)
    assert unit_vectors(np.zeros((1, 3))).tolist() == [[0, 0, 0]]


def test_of_many_pictures_the_limit_is_a_percentile_and_not_the_largest():
    steps = np.concatenate([np.arange(990) * 0.1, [99.0 + 0.05 * n**2 for n in range(1, 11)]])
    known = familiarity(on_circle(*steps), [str(n) for n in range(1000)])
    gaps = np.diff(steps)
    nearest = np.minimum(np.append(gaps, np.inf), np.insert(gaps, 0, np.inf))
    # of 1000 distances the 991st smallest: ceil(0.99 * 1001)
    assert known.limit == pytest.approx(chord(np.sort(nearest)[990]), rel=0.01)


def test_one_group_says_nothing():
    with pytest.raises(BakeoffError, match="of one group"):
        familiarity(on_circle(0, 10), ["a", "a"])


def test_new_groups_of_the_same_kind_are_seldom_unlike_and_another_kind_always():
    """Patients with three pictures each; plain leave-one-out would call nearly all unlike."""
    rng = np.random.default_rng(20)
    middle = rng.normal(size=(1, 16)) * 4

    def patients(count: int) -> np.ndarray:
        return (middle + rng.normal(size=(count, 16))).repeat(3, axis=0) + rng.normal(
            0, 0.1, (3 * count, 16)
        )

    groups = np.arange(300).repeat(3).astype(str)
    known = familiarity(patients(300), groups)
    alone = familiarity(known.vectors, np.arange(900).astype(str))
    new, other = patients(400)[::3], rng.normal(size=(50, 16))

    def unlike(vectors: np.ndarray, limit: float) -> float:
        return float(np.mean([known.nearest(v, 1).distances[0] > limit for v in vectors]))

    assert unlike(new, known.limit) <= 0.03
    assert unlike(new, alone.limit) > 0.9
    assert unlike(other, known.limit) == 1
