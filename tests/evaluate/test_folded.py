"""Recipes in folds, from arrays whose scores are known."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import cohen_kappa_score

from bakeoff.evaluate.evaluation import Evaluation
from bakeoff.evaluate.evaluation_folder import read_evaluation, write_evaluation
from bakeoff.evaluate.folded import (
    against_twins,
    compare_folds,
    read_all_folds,
    read_fold_curve,
)
from bakeoff.evaluate.verdict import tested as how_tested
from bakeoff.folds.out_of_fold import (
    FoldPredictions,
    LearningCurve,
    Predicted,
    RecipePredictions,
    write_folds,
)
from bakeoff.params.evidence import EvaluateParams
from bakeoff.test_side.candidates import FOREST, MAJORITY, Candidate
from tests.tiny_evidence import comparison_of, contender_of

COUNT, REPEATS, FOLDS = 90, 2, 3
LABELS = np.arange(COUNT) % 3
GROUPS = np.array([f"g{i // 2}" for i in range(COUNT)])
PARAMS = EvaluateParams(bootstrap=200)
METADATA = {"n_train": 60, "n_val": 30, "classes": ["a", "b", "c"]}
CANDIDATES = [
    Candidate(FOREST, Path(), METADATA | {"kind": "forest"}),
    Candidate("net", Path(), METADATA | {"kind": "head", "backbone": "VGG16"}),
    Candidate("logistic_net", Path(), METADATA | {"kind": "logistic"}),
]


def folds_of(model: str, recipe: str, accuracy: float, seed: int) -> FoldPredictions:
    generator = np.random.default_rng(seed)
    right = generator.random((REPEATS, COUNT)) < accuracy
    said = np.where(right, LABELS, (LABELS + 1) % 3)
    probabilities = np.where(np.eye(3, dtype=bool)[said], 0.8, 0.1).astype(np.float32)
    folds = np.stack([np.arange(COUNT) // 2 % FOLDS, (np.arange(COUNT) // 2 + 1) % FOLDS])
    ids = np.array([f"{i:03d}" for i in range(COUNT)])
    facts = {"temperatures": [[2.0] * FOLDS] * REPEATS}
    return FoldPredictions(
        model, recipe, ("a", "b", "c"), ids, LABELS, GROUPS, folds, probabilities, facts
    )


RECIPES = [
    folds_of(FOREST, "forest", 0.5, 1),
    folds_of("net", "head", 0.9, 2),
    folds_of("net", "logistic", 0.88, 3),
    folds_of("net", "forest", 0.6, 4),
]


@pytest.fixture(scope="module")
def comparison():
    return compare_folds(RECIPES, CANDIDATES, PARAMS, 7)


def test_a_recipe_is_named_after_the_model_that_it_trains(comparison):
    names = {c.name for c in comparison.contenders}
    assert names == {FOREST, "net", "logistic_net", "forest_net", MAJORITY}
    assert comparison.named("forest_net").metadata["params"]["descriptors"] == ["features:net"]


def test_a_score_is_the_mean_over_repeats(comparison):
    net = comparison.named("net")
    assert net.card.overall["accuracy"] == pytest.approx(RECIPES[1].right.mean())
    kappas = [cohen_kappa_score(LABELS, p.argmax(axis=1)) for p in RECIPES[1].probabilities]
    assert net.card.overall["cohen_kappa"] == pytest.approx(np.mean(kappas))
    assert net.card.matrix.sum() == pytest.approx(COUNT)


def test_the_majority_is_that_of_each_training_part(comparison):
    majority = comparison.named(MAJORITY)
    for folds, predictions in zip(RECIPES[0].folds, majority.repeats, strict=True):
        train = LABELS[folds != 0]
        assert predictions.probabilities[folds == 0][0] == pytest.approx(
            np.bincount(train) / len(train)
        )


def test_temperatures_are_undone_picture_by_picture(comparison):
    before = comparison.named("net").uncalibrated.overall["log_loss"]
    sharper = np.array([0.8, 0.1, 0.1]) ** 2
    sharper /= sharper.sum()
    right = RECIPES[1].right
    expected = -np.where(right, np.log(sharper[0]), np.log(sharper[1])).mean()
    assert before == pytest.approx(expected, rel=1e-5)


def test_the_headline_says_how_every_picture_was_tested(comparison):
    text = how_tested(comparison)
    assert "in 2 x 3 folds, each image scored by models that never saw its group" in text
    assert "on all 90 images of 45 groups" in text


def test_both_witnesses_are_kept(comparison):
    pairing = next(p for p in comparison.against_forest if p.model == "net")
    assert pairing.conclusion == "better"
    assert 0 < pairing.fold_p < 0.05
    assert pairing.p_adjusted >= max(pairing.group_p, pairing.fold_p)


def test_what_is_written_is_read_back(comparison, tmp_path):
    curve = LearningCurve(
        np.array([0.25, 0.5, 1.0]),
        np.array([15.0, 30.0, 60.0]),
        np.stack([RECIPES[i].right for i in (0, 3, 1)], axis=1),
    )
    test = comparison_of(*(contender_of(c.name, 0.7, i) for i, c in enumerate(CANDIDATES)))
    curves = {"net": read_fold_curve(curve, RECIPES[0])}
    evaluation = Evaluation(test, comparison, curves, {}, {})
    write_evaluation(tmp_path, evaluation)
    models = [
        Candidate(c.name, Path(), {**test.named(c.name).metadata, **c.metadata}) for c in CANDIDATES
    ]
    again = read_evaluation(tmp_path, models)
    assert again.curves == curves
    assert again.comparison.against_best == comparison.against_best
    assert again.comparison.folds == FOLDS
    for ours, theirs in zip(again.comparison.contenders, comparison.contenders, strict=True):
        assert ours.name == theirs.name
        assert ours.card.overall == pytest.approx(theirs.card.overall, nan_ok=True)
        assert ours.uncalibrated.overall == pytest.approx(theirs.uncalibrated.overall, nan_ok=True)
        assert ours.intervals == theirs.intervals


def test_a_network_of_one_fold_is_compared_with_its_frozen_head_on_that_fold(tmp_path):
    network = folds_of("net", "network", 0.95, 5)
    network.probabilities[0, network.folds[0] != 0] = np.nan
    network.probabilities[1:] = np.nan
    network.facts["temperatures"] = [[2.0, None, None], [None] * 3]
    write_recipes(tmp_path, [*RECIPES, network])
    tuned = [replace(c, metadata=c.metadata | {"kind": "fine_tuned"}) if c.name == "net" else c
             for c in CANDIDATES]  # fmt: skip
    recipes, _ = read_all_folds(tmp_path, tuned)
    assert len(recipes) == 5
    comparison = compare_folds(recipes, tuned, PARAMS, 7)
    assert "net" not in {c.name for c in comparison.contenders}
    assert "head_net" in {c.name for c in comparison.contenders}
    (pairing,) = against_twins(recipes, tuned, 0.95).values()
    assert (pairing.model, pairing.rival) == ("net", "head_net")
    assert pairing.power.pictures == (network.folds[0] == 0).sum() == 30
    tested = network.folds[0] == 0
    expected = network.right[0, tested].mean() - RECIPES[1].right[0, tested].mean()
    assert pairing.difference == pytest.approx(expected)


def write_recipes(folder: Path, recipes: list[FoldPredictions]) -> None:
    """The files that the stage of folds leaves of these recipes."""
    first = recipes[0]
    pictures = pd.DataFrame(
        {"image_id": first.image_ids, "label": first.labels, "group": first.groups}
        | {f"fold_{repeat}": folds for repeat, folds in enumerate(first.folds)}
    )
    for model in {recipe.model for recipe in recipes}:
        (folder / model).mkdir()
        own = {
            recipe.recipe: RecipePredictions(recipe.probabilities.astype(float), recipe.facts)
            for recipe in recipes
            if recipe.model == model
        }
        write_folds(folder / model, Predicted(pictures, first.classes, own))
