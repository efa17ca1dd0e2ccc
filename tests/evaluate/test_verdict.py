from dataclasses import replace

from bakeoff.evaluate import remarks
from bakeoff.evaluate.costs import Cost
from bakeoff.evaluate.folded import Curve
from bakeoff.evaluate.learning_curve import CurveReading
from bakeoff.evaluate.verdict import headline, verdict
from bakeoff.test_side.candidates import FOREST, MAJORITY
from tests.tiny_evidence import comparison_of, contender_of

FALLBACK = {"kind": "random", "fallback": True}


def said(*models, curves=None, **milliseconds: float) -> str:
    costs = {n: Cost(predict_ms=ms, predict_ms_batch=ms / 2) for n, ms in milliseconds.items()}
    return "\n".join(verdict(comparison_of(*models), costs, curves or {}))


def test_a_clear_winner_is_called_better():
    text = said(contender_of("strong", 0.95, 1), contender_of(FOREST, 0.6, 2))
    assert text.startswith("strong (95.0 %, ")
    assert "is better than the other model.\nScored on the 240 test images of 120 groups." in text
    assert "Recommended: strong." in text
    assert "strong is better than random_forest: +35.0 points (" in text
    assert "p < 0.001, corrected for all rivals" in text


def test_a_tie_is_called_a_tie():
    text = said(contender_of("a", 0.76, 1), contender_of(FOREST, 0.75, 2), a=40, random_forest=4)
    assert text.startswith("A tie: a (75.8 %, ")
    assert "and random_forest are statistically indistinguishable" in text
    assert "better" not in text
    assert "Recommended: a, or random_forest, which ties with it and is about 10 times" in text


def test_a_time_that_only_one_of_two_measurements_shows_is_no_reason():
    models = comparison_of(contender_of("a", 0.76, 1), contender_of(FOREST, 0.75, 2))
    disturbed = {"a": Cost(predict_ms=40, predict_ms_batch=4), FOREST: Cost(0, 0, 4, 3)}
    assert "none is much faster" in "\n".join(verdict(models, disturbed, {}))


def test_a_winner_alone_is_not_compared_with_models_that_tie():
    text = said(contender_of("a", 0.3, 1), contender_of(FOREST, 0.75, 2), a=4, random_forest=4)
    assert "is better than the other model." in text
    assert "Recommended: random_forest.\n" in text
    assert text.count("better") == 1


def test_random_weights_are_never_recommended():
    random, forest = contender_of("a", 0.76, 1, weights=FALLBACK), contender_of(FOREST, 0.75, 2)
    assert "Recommended: random_forest." in said(random, forest)
    weak = contender_of(FOREST, 0.3, 2)
    assert "No model is recommended" in said(random, weak)


def test_a_forest_that_nobody_beats_is_named():
    text = said(contender_of("a", 0.7, 1), contender_of("b", 0.3, 3), contender_of(FOREST, 0.75, 2))
    assert "No backbone beats the random forest; 1 of 2 other models are" in text


def test_folds_do_not_speak_of_values_that_a_search_found():
    models = contender_of("a", 0.76, 1, params={"trials": 9}), contender_of(FOREST, 0.75, 2)
    comparison = comparison_of(*models)
    assert "search" not in "\n".join(verdict(comparison, {}, {}))
    text = "\n".join(verdict(replace(comparison, folds=5), {}, {}))
    assert "The folds score a with the values of params.yaml. The exported models have" in text


def test_the_commonest_mistake_is_the_one_of_the_largest_share():
    model = contender_of("a", 0.9)
    wrong = model.card.matrix.copy()
    for i in range(3):
        wrong[i, i] = 0
    true, taken = divmod(int(wrong.argmax()), 3)  # all classes have 80 pictures
    names = model.predictions.classes
    share = f"{wrong.max() / 80 * 100:.0f} % of 80."
    assert f"{names[true]} taken for {names[taken]}, {share}" in said(
        model, contender_of(FOREST, 0.6)
    )


def test_a_best_model_that_is_no_better_than_the_majority_is_warned_of():
    text = said(contender_of("a", 0.40, 1), contender_of(MAJORITY, 0.38, 2))
    assert "Warning: a is not shown to be better than the majority class" in text
    fine = said(contender_of("a", 0.80, 1), contender_of(MAJORITY, 0.38, 2))
    assert "Warning" not in fine


def test_the_learning_curve_is_that_of_the_best_models_backbone():
    curves = {
        "a": Curve((20.0, 200.0), (0.5, 0.8), CurveReading(0.05, 0.02, 0.08)),
        "b": Curve((20.0, 200.0), (0.5, 0.5), CurveReading(0.0, -0.005, 0.005)),
    }
    text = said(contender_of("logistic_b", 0.9, 1), contender_of("a", 0.3, 2), curves=curves)
    assert "regression on b, from 20 to 200 training images, is flat" in text


def test_a_learning_curve_is_of_no_backbone_whose_name_ends_alike():
    curves = {"b": Curve((20.0, 200.0), (0.5, 0.8), CurveReading(0.05, 0.02, 0.08))}
    assert "learning curve" not in said(contender_of("ab", 0.9, 1), curves=curves)


def test_what_could_not_be_seen_is_about_the_models_that_tie():
    models = [contender_of("a", 0.92, 1), contender_of("poor", 0.4, 3), contender_of("bad", 0.3, 4)]
    near = contender_of("b", 0.9, 2)
    found = {p.model: p.power for p in comparison_of(*models, near).against_best}
    tied, other = found["b"], found["poor"]
    assert tied.least_difference < other.least_difference
    text = said(*models, near)
    assert f"Against 3 rivals, a difference of {tied.least_difference * 100:.0f} points" in text
    needed = float(f"{tied.pictures_needed(0.05):.2g}")
    assert f"to find one of 5 points as surely takes about {needed:,.0f} test images" in text
    assert "Against 2 rivals, a difference of" in said(*models)  # which both are worse


def test_images_needed_are_only_reported_where_these_do_not_suffice(monkeypatch):
    monkeypatch.setattr(remarks, "_POINTS", 50)
    text = said(contender_of("a", 0.92, 1), contender_of("b", 0.9, 2))
    assert "a smaller one less often.\n" in text


def test_calibration_is_only_reported_from_500_images_on():
    assert "calibration error" not in said(contender_of("a", 0.9), contender_of(FOREST, 0.6))


def test_a_model_without_a_mistake_has_none_to_name():
    perfect = contender_of("a", 1.0)
    assert "makes no mistake" in said(perfect)
    assert "100.0 %, 97.0 to 100.0 %" in headline(comparison_of(perfect))
