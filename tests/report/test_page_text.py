import math

import numpy as np
import pandas as pd
import pytest

from bakeoff.evaluate.costs import Cost
from bakeoff.evaluate.table import comparison_table, weights_in_words
from bakeoff.report import page_text as words
from bakeoff.runtime.tables import write_table
from bakeoff.test_side.candidates import FOREST, MAJORITY
from tests.tiny_evidence import comparison_of, contender_of


def table() -> pd.DataFrame:
    fallback = {"kind": "random", "fallback": True}
    found = comparison_of(
        contender_of("a", 0.9, 1, weights=fallback),
        contender_of(FOREST, 0.6, 2, image_side=None, weights={"kind": "none"}),
    )
    return comparison_table(
        found,
        found,
        {"a": Cost(2, 130, 3, 2, 5e6, 20, 900), FOREST: Cost(1, 0.5)},
    )


@pytest.mark.parametrize(
    ("value", "text"), [(0.1234, "0.12"), (12.345, "12.3"), (1234.5, "1,234"), (math.nan, "")]
)
def test_quantities_have_three_digits(value, text):
    assert words.short(value) == text


def test_rows_are_text_and_unknown_cells_are_empty():
    axis = words.bar_axis(table())
    best, forest = words.model_rows(table(), axis)
    assert (best["accuracy"], best["train"], best["parameters"]) == (
        "90.0 %",
        "2.2 min",
        "5,000,000",
    )
    assert best["against"] == "+30.0 better"
    assert best["fallback"]
    assert best["pareto"]
    assert (forest["predict"], forest["megabytes"], forest["against"]) == ("", "", "")
    assert forest["train"] == "1.50 s"
    assert 0 <= forest["low"] < forest["at"] < forest["high"] < best["at"] < best["high"] <= 100


def test_the_commonest_mistakes_are_the_largest_cells_off_the_diagonal():
    model = contender_of("a", 0.8)
    wrong = model.card.matrix - np.diag(np.diag(model.card.matrix))
    rows = words.commonest_mistakes(model)
    assert [int(row[2]) for row in rows] == sorted(wrong[wrong > 0].astype(int), reverse=True)
    true, taken = np.unravel_index(wrong.argmax(), wrong.shape)
    classes = model.predictions.classes
    share = f"{wrong.max() / 80 * 100:.0f} %"
    assert rows[0] == (classes[true], classes[taken], f"{wrong.max():.0f}", share)
    assert words.commonest_mistakes(contender_of("perfect", 1.0)) == []


def test_recall_stands_with_its_interval_which_is_never_certain():
    perfect = words.per_class_rows(contender_of("perfect", 1.0))
    # 80 pictures of each class in 80 groups: Clopper and Pearson's bound is 0.025 ** (1 / 80).
    assert [row[2] for row in perfect] == ["1.000 (0.95 to 1.00)"] * 3


def test_the_axis_of_the_bar_chart_has_a_length_even_for_equal_scores():
    flat = pd.DataFrame({n: [1.0] for n in ("accuracy", "accuracy_low", "accuracy_high")})
    low, high = words.bar_axis(flat.assign(model="a"))
    assert low < high


def test_a_low_majority_class_does_not_stretch_the_axis():
    found = comparison_of(contender_of("a", 0.9, 1), contender_of(MAJORITY, 0.1, 2))
    rows = comparison_table(found, found, {})
    axis = words.bar_axis(rows)
    best, majority = words.model_rows(rows, axis)
    assert axis[0] >= 0.8
    assert best["on_axis"]
    assert not majority["on_axis"]


def test_every_number_is_a_row_of_as_many_cells_as_models():
    rows = dict(words.every_number(table()))
    assert rows["accuracy"] == ["0.9", "0.6"]
    assert rows["parameters"] == ["5,000,000", ""]
    assert "model" not in rows


def test_confusion_cells_hold_counts_and_shares_of_the_row():
    model = contender_of("a", 0.9)
    rows = words.confusion_rows(model)
    assert [name for name, _ in rows] == ["amber", "blue", "coral"]
    assert sum(int(cell["count"]) for _, cells in rows for cell in cells) == 240
    assert rows[0][1][0]["right"]
    assert rows[0][1][0]["share"] == f"{model.card.matrix[0, 0] / 80 * 100:.0f} %"


def test_where_weights_come_from_in_words():
    assert weights_in_words({"weights": {"kind": "imagenet"}}) == "imagenet"
    assert (
        weights_in_words({"weights": {"kind": "random", "fallback": True}}) == "random (fallback)"
    )
    assert weights_in_words({"weights": {"kind": "none"}}) == weights_in_words({}) == ""


def test_the_table_is_written_with_empty_cells_for_what_is_unknown(tmp_path):
    write_table(table(), tmp_path / "c.csv", digits=6)
    read = pd.read_csv(tmp_path / "c.csv")
    assert read["model"].tolist() == ["a", FOREST]
    first = ["model", "kind", "weights", "searched", "image_side", "n_train", "n_val"]
    assert list(read.columns)[:7] == first
    assert read["minus_forest"].tolist()[0] == pytest.approx(0.3)
    assert np.isnan(read["predict_ms"][1])
    assert read["image_side"][0] == 224
    assert (
        (tmp_path / "c.csv")
        .read_text()
        .splitlines()[1]
        .startswith("a,head,random (fallback),0,224,500,")
    )
