"""Out-of-fold predictions, recomputed with scikit-learn alone."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from bakeoff.folds.backbone_heads import predict_heads
from bakeoff.folds.finished import Finished
from bakeoff.folds.forests import predict_forest
from bakeoff.folds.regression import FRACTIONS, nested_subsets, predict_regression
from bakeoff.params.baselines import ForestParams, LogisticParams
from bakeoff.params.training import HeadParams, TrainParams
from bakeoff.runtime.devices import prepare
from tests.tiny_pool import tiny_pool

GRID = (0.01, 0.1, 1.0)


@pytest.fixture
def finished(tmp_path):
    return Finished(tmp_path, "recipe", {})


def tempered(probabilities, temperature):
    powers = probabilities ** (1 / temperature)
    return powers / powers.sum(axis=1, keepdims=True)


def best_temperature(probabilities, labels):
    found = minimize_scalar(
        lambda t: log_loss(labels, tempered(probabilities, np.exp(t)), labels=[0, 1, 2]),
        bounds=(np.log(0.05), np.log(20)),
        method="bounded",
    )
    return np.exp(found.x)


@pytest.mark.parametrize("dim", [6, 80])  # fewer and more features than examples
def test_scikit_learn_alone_gives_the_regressions_fold_scores(dim, finished):
    """Nothing of the package but the features, labels and folds goes into the recomputation."""
    pool = tiny_pool(dim=dim)
    params = LogisticParams(inverse_regularization=GRID, max_iterations=1000)
    recipe, _ = predict_regression(pool, params, seed=0, finished=finished)
    x, y = pool.side.values.astype(float), pool.side.labels
    original = pool.side.transforms == "original"

    def fit(rows, c):
        model = LogisticRegression(C=c, max_iter=1000, class_weight="balanced")
        return make_pipeline(StandardScaler(), model).fit(x[rows], y[rows])

    for repeat, folds in enumerate(pool.folds):
        expected = np.empty((30, 3))
        for tested in range(5):
            losses, inner = [], []
            for c in GRID:
                said, true = [], []
                for held in set(range(5)) - {tested}:
                    scored = original & (folds == held)
                    model = fit((folds != tested) & (folds != held), c)
                    said.append(model.predict_proba(x[scored]))
                    true.append(y[scored])
                inner.append((np.concatenate(said), np.concatenate(true)))
                losses.append(log_loss(inner[-1][1], inner[-1][0], labels=[0, 1, 2]))
            best = int(np.argmin(losses))
            assert recipe.facts["inverse_regularization"][repeat][tested] == GRID[best]
            scored = original & (folds == tested)
            said = fit(folds != tested, GRID[best]).predict_proba(x[scored])
            expected[scored[:30]] = tempered(said, best_temperature(*inner[best]))
        np.testing.assert_allclose(recipe.probabilities[repeat], expected, atol=2e-3)
        accuracy = (recipe.probabilities[repeat].argmax(axis=1) == y[:30]).mean()
        assert accuracy == pytest.approx((expected.argmax(axis=1) == y[:30]).mean(), abs=1e-9)
        assert dim > 6 or accuracy > 0.5


def test_scikit_learn_alone_gives_the_forests_fold_scores(finished):
    pool = tiny_pool()
    recipe = predict_forest(pool, ForestParams(trees=12), seed=4, finished=finished)
    x, y, original = pool.side.values, pool.side.labels, pool.side.transforms == "original"
    for repeat, folds in enumerate(pool.folds):
        for tested in range(5):
            held = {0: 1, 1: 0, 2: 3, 3: 2, 4: 0}[tested]

            def vote(trees, rows, scored, seed=4 + repeat):
                forest = RandomForestClassifier(trees, class_weight="balanced", random_state=seed)
                votes = forest.fit(x[rows], y[rows]).predict_proba(x[scored])
                return np.maximum(votes, 0.5 / trees)

            scored = original & (folds == held)
            small = vote(4, (folds != tested) & (folds != held), scored)
            temperature = best_temperature(small, y[scored])
            assert recipe.facts["temperatures"][repeat][tested] == pytest.approx(
                temperature, rel=1e-3
            )
            scored = original & (folds == tested)
            expected = tempered(vote(12, folds != tested, scored), temperature)
            np.testing.assert_allclose(
                recipe.probabilities[repeat, scored[:30]], expected, atol=1e-3
            )


def test_the_tested_pictures_labels_reach_no_recipe(finished, tmp_path):
    prepare("single", 0)
    pool = tiny_pool()
    part = pool.parts()[0]
    spoilt = pool.side.labels.copy()
    spoilt[np.isin(pool.side.groups, pool.side.groups[part.test])] = 2
    other = replace(pool, side=replace(pool.side, labels=spoilt))
    recipes = (
        lambda p, f: predict_regression(
            p, LogisticParams(inverse_regularization=GRID), seed=0, finished=f
        )[0],
        lambda p, f: predict_forest(p, ForestParams(trees=5), seed=0, finished=f),
        lambda p, f: predict_heads(
            p, HeadParams(hidden=(4,)), TrainParams(epochs=2), seed=0, finished=f
        ),
    )
    for number, recipe in enumerate(recipes):
        one, two = (
            recipe(p, Finished(tmp_path, f"{number}-{i}", {})).probabilities[0, part.test]
            for i, p in enumerate((pool, other))
        )
        np.testing.assert_array_equal(one, two)


def test_a_head_chooses_on_the_next_fold_and_learns(finished):
    prepare("single", 0)
    pool = tiny_pool(groups=60)
    params = TrainParams(epochs=20, learning_rate=0.02)
    told = []
    recipe = predict_heads(
        pool, HeadParams(hidden=(8,)), params, seed=3, finished=finished, advance=told.append
    )
    right = recipe.probabilities.argmax(axis=2) == pool.labels
    assert right.mean() > 0.6
    assert np.array(recipe.facts["best_epochs"]).max() <= np.array(recipe.facts["epochs"]).max()
    np.testing.assert_allclose(recipe.probabilities.sum(axis=2), 1)
    assert sum(told) == 10


def test_an_interrupted_recipe_goes_on_after_its_finished_parts(tmp_path):
    pool, params = tiny_pool(), ForestParams(trees=5)
    whole = predict_forest(pool, params, seed=0, finished=Finished(tmp_path, "whole", {}))

    class Stopped(Exception):
        pass

    def stop_at_third(parts, seen=[]):  # noqa: B006
        seen.append(parts)
        if len(seen) == 3:
            raise Stopped

    finished = Finished(tmp_path, "broken", {})
    with pytest.raises(Stopped):
        predict_forest(pool, params, seed=0, finished=finished, advance=stop_at_third)
    kept = sorted(tmp_path.glob("broken/*/*.npz"))
    assert len(kept) == 3 + 2  # three folds, and the forests of two pairs
    kept[0].write_bytes(b"damaged")
    again = predict_forest(pool, params, seed=0, finished=finished)
    np.testing.assert_array_equal(again.probabilities, whole.probabilities)
    assert len(sorted(tmp_path.glob("broken/*/*.npz"))) == 10 + 2 * 3


def test_another_key_finds_nothing_and_the_older_one_can_be_forgotten(tmp_path):
    one, other = (Finished(tmp_path, "recipe", {"seed": seed}) for seed in (1, 2))
    one.put("piece", {"a": np.arange(3)})
    assert other.get("piece") is None
    other.put("piece", {"a": np.arange(4)})
    other.forget_others()
    assert one.get("piece") is None
    np.testing.assert_array_equal(other.get("piece")["a"], np.arange(4))


def test_the_learning_curve_grows_by_whole_groups_of_every_class(finished):
    pool = tiny_pool(groups=60)
    _, curve = predict_regression(pool, LogisticParams(), seed=0, finished=finished)
    assert curve.right.shape == (2, len(FRACTIONS), 120)
    # 96 originals in a training part, 16 groups of a class: at least 1, 2, 4, 8 and 16 of them.
    assert curve.pictures.tolist() == [6, 12, 24, 48, 96]
    assert curve.right[:, -1].mean() > curve.right[:, 0].mean()
    rows = pool.parts()[0].train
    subsets = nested_subsets(pool, rows, FRACTIONS, np.random.default_rng(0))
    for smaller, larger in zip(subsets, subsets[1:], strict=False):
        assert set(smaller) < set(larger)
    for subset in subsets:
        assert len(np.unique(pool.side.labels[subset])) == 3
        taken = np.isin(pool.side.groups[rows], pool.side.groups[subset])
        np.testing.assert_array_equal(rows[taken], subset)
    np.testing.assert_array_equal(subsets[-1], rows)
