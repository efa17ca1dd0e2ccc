"""Resampled areas against scikit-learn's, which takes weights one at a time."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics

from bakeoff.evaluate import intervals
from bakeoff.evaluate.ranking import resampled_areas
from bakeoff.scoring.probability_scores import average_precision, roc_auc, weighted_areas


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(st.booleans(), st.integers(0, 5), st.integers(0, 3)), min_size=1))
def test_weighted_areas_equal_scikit_learns(rows):
    positive, scores, weights = (np.array(column) for column in zip(*rows, strict=True))
    positive = positive.astype(bool)
    (auc,), (precision,) = weighted_areas(positive, scores / 5, weights[None].astype(float))
    if weights[positive].sum() == 0:
        assert np.isnan(auc)
        assert np.isnan(precision)
        return
    expected = metrics.average_precision_score(positive, scores, sample_weight=weights)
    assert precision == pytest.approx(expected)
    if weights[~positive].sum() == 0:
        assert np.isnan(auc)
    else:
        assert auc == pytest.approx(metrics.roc_auc_score(positive, scores, sample_weight=weights))


def scored(generator, groups, k=3):
    """Probabilities of pictures in groups of one to three, alike within a group."""
    owner = np.repeat(np.arange(groups), generator.integers(1, 4, groups))
    labels = generator.integers(0, k, groups)[owner]
    level = np.eye(k)[labels] * 1.5 + generator.normal(size=(groups, k))[owner]
    odds = np.exp(level + generator.normal(size=(len(owner), k)))
    return owner, labels, odds / odds.sum(axis=1, keepdims=True)


def test_a_resample_scores_as_if_its_pictures_were_listed_that_often():
    owner, labels, probabilities = scored(np.random.default_rng(0), 40)
    found = resampled_areas(labels, probabilities, owner, 5, seed=3)
    (draws,) = intervals.group_counts(40, 5, 3)
    for number, draw in enumerate(draws):
        rows = np.repeat(np.arange(len(labels)), draw[owner].astype(int))
        for name, score in (("macro_auc", roc_auc), ("macro_average_precision", average_precision)):
            expected = np.nanmean(score(labels[rows], probabilities[rows]))
            assert found[name][number] == pytest.approx(expected)


def test_drawing_in_blocks_changes_nothing(monkeypatch):
    owner, labels, probabilities = scored(np.random.default_rng(1), 30)
    whole = resampled_areas(labels, probabilities, owner, 40, seed=3)
    monkeypatch.setattr("bakeoff.evaluate.ranking._AT_ONCE", 500)
    parts = resampled_areas(labels, probabilities, owner, 40, seed=3)
    for name, values in whole.items():
        assert np.array_equal(values, parts[name])


@pytest.mark.slow
def test_the_areas_intervals_cover_the_truth():
    owner, labels, probabilities = scored(np.random.default_rng(0), 200_000)
    truth = {
        "macro_auc": roc_auc(labels, probabilities).mean(),
        "macro_average_precision": average_precision(labels, probabilities).mean(),
    }
    generator, runs = np.random.default_rng(7), 1000
    covered = dict.fromkeys(truth, 0)
    for run in range(runs):
        owner, labels, probabilities = scored(generator, 150)
        for name, drawn in resampled_areas(labels, probabilities, owner, 500, run).items():
            found = intervals.percentile_interval(drawn, 150, 0.95)
            covered[name] += found.low <= truth[name] <= found.high
    assert 0.93 <= covered["macro_auc"] / runs <= 0.97
    assert 0.92 <= covered["macro_average_precision"] / runs <= 0.97
