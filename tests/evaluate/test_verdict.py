from bakeoff.evaluate.costs import Cost
from bakeoff.evaluate.verdict import headline, verdict
from bakeoff.test_side.candidates import FOREST, MAJORITY
from tests.tiny_evidence import comparison_of, contender_of


def said(*models, **milliseconds: float) -> str:
    costs = {name: Cost(predict_ms_batch=ms) for name, ms in milliseconds.items()}
    return "\n".join(verdict(comparison_of(*models), costs))


def test_a_clear_winner_is_to_be_taken():
    text = said(contender_of("strong", 0.95, 1), contender_of(FOREST, 0.6, 2))
    assert text.startswith("strong is the most accurate of 2 models: 95.0 % (")
    assert "of 240 test pictures from 120 groups" in text
    assert "Take strong: every other model is shown to be worse." in text
    assert "strong is better than random_forest: +35.0 points (" in text
    assert "p < 0.001, corrected for all rivals" in text


def test_where_nothing_is_shown_nothing_is_claimed():
    text = said(contender_of("a", 0.76, 1), contender_of(FOREST, 0.75, 2), a=40, random_forest=4)
    assert "No difference between a and random_forest is shown: +0.8 points (" in text
    assert "better" not in text
    assert "random_forest is not shown to be worse and answers 10 times faster" in text


def test_a_forest_that_nobody_beats_is_said_so():
    text = said(contender_of("a", 0.7, 1), contender_of("b", 0.3, 3), contender_of(FOREST, 0.75, 2))
    assert "No backbone beats the random forest; for 1 of 2 rivals no difference" in text


def test_the_commonest_mistake_is_named_with_its_counts():
    model = contender_of("a", 0.9)
    wrong = model.card.matrix.copy()
    for i in range(3):
        wrong[i, i] = 0
    true, taken = divmod(int(wrong.argmax()), 3)
    names = model.predictions.classes
    sentence = f"take {names[true]} for {names[taken]}: {wrong.max():.0f} of 80."
    assert sentence in said(model, contender_of(FOREST, 0.6))


def test_a_best_model_that_is_no_better_than_the_majority_is_warned_of():
    text = said(contender_of("a", 0.40, 1), contender_of(MAJORITY, 0.38, 2))
    assert "Warning: a is not shown to be better than always naming the commonest class" in text
    fine = said(contender_of("a", 0.80, 1), contender_of(MAJORITY, 0.38, 2))
    assert "Warning" not in fine


def test_a_model_without_a_mistake_has_none_to_name():
    perfect = contender_of("a", 1.0)
    assert "makes no mistake" in said(perfect)
    assert "100.0 % (97.0 to 100.0 %)" in headline(comparison_of(perfect))
