import io

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from bakeoff.evaluate.costs import Cost
from bakeoff.evaluate.table import comparison_table
from bakeoff.report import sheets as maps
from bakeoff.report.plots import confusion, curves, figures, quality
from bakeoff.test_side.candidates import FOREST
from tests.tiny_evidence import CLASSES, answering, comparison_of, contender_of

MODELS = {"a": answering(0.8, 1), "b": answering(0.6, 2)}
MATRIX = np.array([[5.0, 1, 0], [2, 3, 0], [0, 0, 0]])


def table() -> pd.DataFrame:
    found = comparison_of(contender_of("a", 0.8, 1), contender_of(FOREST, 0.6, 2))
    return comparison_table(found, found, {"a": Cost(2, 30, 3, 2), FOREST: Cost(1)})


def history() -> pd.DataFrame:
    values = np.linspace(1, 0.2, 4)
    columns = ("loss", "val_loss", "accuracy", "val_accuracy")
    return pd.DataFrame({"epoch": range(1, 5)} | {name: values for name in columns})


DRAWN = {
    "confusion": lambda: confusion.confusion_figure(MATRIX, CLASSES, "counts"),
    "learning": lambda: curves.learning_curves_figure({"a": history()}),
    "roc": lambda: curves.roc_figure(MODELS),
    "precision_recall": lambda: curves.precision_recall_figure(MODELS),
    "reliability": lambda: quality.reliability_figure(
        {n: (contender_of(n, 0.7).uncalibrated.reliability,) * 2 for n in ("a", "b")}
    ),
    "cost": lambda: quality.cost_figure(table()),
    "per_class": lambda: quality.per_class_figure(
        {n: contender_of(n, 0.7).card.per_class for n in ("a", "b")}, CLASSES
    ),
}


@pytest.mark.parametrize("name", DRAWN)
def test_the_same_data_give_the_same_bytes(name):
    once, again = figures.to_png(DRAWN[name](), 60), figures.to_png(DRAWN[name](), 60)
    assert once == again
    assert b"matplotlib" not in once
    picture = np.asarray(Image.open(io.BytesIO(once)).convert("L"))
    assert picture.std() > 5  # something is drawn


@pytest.mark.parametrize("name", DRAWN)
def test_figures_in_a_page_take_its_text_colour_and_hold_no_date(name):
    svg = figures.to_svg(DRAWN[name]())
    assert svg == figures.to_svg(DRAWN[name]())
    assert svg.startswith("<svg ")
    assert svg.endswith("</svg>")
    assert "#000000" not in svg
    assert "metadata" not in svg
    assert "<text" in svg


def test_models_that_tie_are_all_named_and_distinguished():
    names = [FOREST, *(f"{kind}m{i}" for i in range(5) for kind in ("", "logistic_"))]
    same = {"accuracy": 0.8, "accuracy_low": 0.7, "accuracy_high": 0.9, "pareto": False}
    ties = pd.DataFrame([{"model": name, **same} for name in names])
    ties = ties.assign(predict_ms_batch=10.0, fit_seconds=1.0, feature_seconds=np.nan)
    drawn = quality.cost_figure(ties)
    drawn.draw_without_rendering()
    (legend,) = drawn.legends
    boxes = [text.get_window_extent() for text in legend.get_texts()]
    assert [text.get_text() for text in legend.get_texts()] == names
    assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])
    points = [bars.lines[0] for bars in drawn.axes[0].containers]
    assert len({(point.get_color(), point.get_marker()) for point in points}) == len(names)


def test_cost_without_a_measured_time_is_an_empty_figure():
    unknown = table().assign(predict_ms_batch=np.nan, fit_seconds=np.nan)
    assert not quality.cost_figure(unknown).legends


def test_a_panel_without_a_measured_time_says_so_and_has_no_ticks():
    known = {"predict_ms_batch": 10.0, "fit_seconds": np.nan}
    panels = quality.cost_figure(table().assign(**known)).axes
    assert [[t.get_text() for t in axes.texts] for axes in panels] == [[], ["not measured here"]]
    assert len(panels[0].get_xticks()) > 0
    assert len(panels[1].get_xticks()) == 0


def test_cells_hold_counts_and_shares():
    svg = figures.to_svg(confusion.confusion_figure(MATRIX, CLASSES, "t"))
    assert ">5<" in svg
    assert ">83 %<" in svg


def test_each_class_has_its_panel_and_many_classes_share_one():
    assert len(curves.roc_figure(MODELS).axes) == 3
    generator = np.random.default_rng(0)
    many = answering(0.5)
    many = type(many)(
        tuple("abcdefgh"),
        many.image_ids,
        np.arange(240) % 8,
        generator.dirichlet(np.ones(8), 240),
    )
    assert len(curves.roc_figure({"a": many}).axes) == 1


def test_long_curves_are_thinned_but_keep_their_ends():
    generator = np.random.default_rng(0)
    rows = generator.dirichlet(np.ones(2), 5000)
    labels = generator.integers(0, 2, 5000)
    long = type(answering(0.5))(("a", "b"), np.arange(5000).astype(str), labels, rows)
    false, true = curves.roc_points(long, 1)
    assert len(false) <= 200
    assert (false[0], true[0], false[-1], true[-1]) == (0, 0, 1, 1)


def test_a_regression_has_its_networks_colour_and_all_lines_differ():
    names = [f"{kind}m{i}" for i in range(16) for kind in ("", "logistic_")]
    styles = figures.model_styles(names)
    assert len({tuple(style.values()) for style in styles.values()}) == 32
    for i in range(16):
        assert styles[f"m{i}"]["color"] == styles[f"logistic_m{i}"]["color"]


def test_of_many_classes_the_hardest_are_drawn_and_legible():
    recall = np.linspace(1, 0, 120)
    many = [f"a class with a long name, {i}" for i in range(120)]
    drawn = quality.per_class_figure(
        {n: {"recall": recall, "precision": recall} for n in ("a", "logistic_a")}, many
    )
    drawn.draw_without_rendering()
    labels = drawn.axes[0].get_yticklabels()
    assert [text.get_text() for text in labels] == many[:-26:-1]
    boxes = [text.get_window_extent() for text in labels]
    assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])
    matrix = np.eye(120) * 9
    matrix[100:, 3] = 1
    drawn = confusion.confusion_figure(matrix, many, "m")
    assert drawn.axes[0].get_title() == "m: the 40 of 120 classes with the most mistakes"
    shown = [text.get_text() for text in drawn.axes[0].get_yticklabels()]
    assert shown == [many[i] for i in (*range(20), *range(100, 120))]


def test_heat_is_laid_where_it_is():
    picture = np.full((40, 40, 1), 100, np.uint8)
    heat = np.zeros((4, 4))
    heat[0, 3] = 1
    mixed = maps.overlay(picture, heat)
    assert mixed.shape == (40, 40, 3)
    assert (mixed[30:, :10] == 100).all()
    assert np.abs(mixed[2, 37].astype(int) - 100).max() > 60


def test_a_contact_sheet_holds_every_picture_with_its_words(tmp_path):
    shown = [
        maps.Captioned(np.full((50, 60, channels), 40 * i, np.uint8), f"number {i}", str(i))
        for i, channels in enumerate((1, 3, 1, 3, 1, 3, 1))
    ]
    maps.save_contact_sheet(shown, tmp_path / "one.png")
    maps.save_contact_sheet(shown, tmp_path / "two.png")
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "two.png").read_bytes()
    sheet = np.asarray(Image.open(tmp_path / "one.png"))
    assert [int(sheet[30, 30 + 180 * i, 0]) for i in range(6)] == [0, 40, 80, 120, 160, 200]
    assert sheet[240, 30, 0] == 240
    assert (sheet[185:210, :180] < 128).any()  # a caption
