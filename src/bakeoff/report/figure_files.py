"""The figures of the report, drawn once and saved as files as well."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from bakeoff.evaluate.comparison import Contender
from bakeoff.evaluate.remarks import FEWEST_FOR_CALIBRATION
from bakeoff.report import page_pictures
from bakeoff.report.contents import Evidence
from bakeoff.report.plots.confusion import confusion_figure
from bakeoff.report.plots.curves import (
    learning_curves_figure,
    precision_recall_figure,
    roc_figure,
)
from bakeoff.report.plots.figures import Styles, model_styles, save_png, to_png
from bakeoff.report.plots.quality import (
    MOST_CLASSES,
    cost_figure,
    per_class_figure,
    reliability_figure,
)
from bakeoff.report.sheets import Captioned, save_contact_sheet
from bakeoff.runtime.files import writing_file
from bakeoff.test_side.cache import Arrays, cached, sha256_of_array

_OVERLAID = 8  # models in one panel; more lines would be indistinguishable


@dataclass(frozen=True)
class Titled:
    """A figure, its file's name, and its caption."""

    name: str
    title: str
    caption: str
    figure: Figure


@dataclass(frozen=True)
class Drawn:
    """The figures of the report."""

    curves: tuple[Titled, ...]
    cost: Titled


def draw(evidence: Evidence, histories: Mapping[str, pd.DataFrame]) -> Drawn:
    """Draw the figures that compare models; histories are of those trained in epochs."""
    trained = evidence.comparison.trained
    # A network that is trained in one fold only, or in none, has a history and no row.
    styles = model_styles(list(dict.fromkeys([*(c.name for c in trained), *histories])))
    curves = [*_class_curves(trained, styles), _reliability(trained)]
    if histories:
        text = "Validation as lines, training dotted."
        figure = learning_curves_figure(histories, styles)
        curves.append(Titled("learning_curves", "Learning", text, figure))
    text = "Filled: on the Pareto front of accuracy and milliseconds. Bars are the intervals."
    cost = Titled("cost", "Quality against cost", text, cost_figure(evidence.table, styles))
    return Drawn(tuple(curves), cost)


def _class_curves(trained: Sequence[Contender], styles: Styles) -> list[Titled]:
    """Dots and curves for each class, of the best few models."""
    shown = trained[:_OVERLAID]
    best = "" if len(shown) == len(trained) else f" The {_OVERLAID} most accurate models."
    predictions = {c.name: c.predictions for c in shown}
    of_class = f"Each class against the rest.{best}"
    cards = {c.name: c.card.per_class for c in shown}
    classes = shown[0].predictions.classes
    per_class = per_class_figure(cards, classes, styles)
    words = "Recall: share of a class that is found. Precision: share of what is called it that is."
    if len(classes) > MOST_CLASSES:
        words += f" The {MOST_CLASSES} of {len(classes)} classes with the lowest recall."
    precision_recall = precision_recall_figure(predictions, styles)
    return [
        Titled("per_class", "Class by class", f"{words}{best}", per_class),
        Titled("roc", "ROC", of_class, roc_figure(predictions, styles)),
        Titled("precision_recall", "Precision and recall", of_class, precision_recall),
    ]


def _reliability(trained: Sequence[Contender]) -> Titled:
    shown = len(trained[0].predictions.labels) >= FEWEST_FOR_CALIBRATION
    also = ", with the calibration error of both" if shown else ""
    text = (
        f"Grey before, blue after temperature scaling{also}. On the diagonal a model is as often "
        "right as it says. A dot's area grows with its pictures."
    )
    both = {c.name: (c.uncalibrated.reliability, c.card.reliability) for c in trained}
    return Titled("reliability", "Reliability", text, reliability_figure(both, errors=shown))


def save_figures(folder: Path, evidence: Evidence, drawn: Drawn) -> None:
    """Save every figure as a PNG file under `folder`; the cost figure contains measured times."""
    for titled in drawn.curves:
        save_png(titled.figure, folder / f"{titled.name}.png")
    hardest = page_pictures.hardest(evidence)
    if hardest:
        save_contact_sheet(hardest, folder / "hardest.png")
    for model in evidence.comparison.trained:
        _save_of_model(folder, evidence, model)


def _confusion_png(model: Contender) -> bytes:
    """The model's confusion matrix as a PNG, cached, because most models do not change."""
    matrix, classes = model.card.matrix, model.predictions.classes
    inputs = {
        "matrix": sha256_of_array(matrix),
        "classes": json.dumps(classes),
        "title": model.name,
    }

    def drawn() -> Arrays:
        png = to_png(confusion_figure(matrix, classes, model.name))
        return {"png": np.frombuffer(png, np.uint8)}

    return cached("figures", inputs, drawn)["png"].tobytes()


def _save_of_model(folder: Path, evidence: Evidence, model: Contender) -> None:
    name = model.name
    with writing_file(folder / "confusion" / f"{name}.png") as partial:
        partial.write_bytes(_confusion_png(model))
    galleries: Sequence[tuple[str, list[Captioned]]] = (
        ("mistakes", page_pictures.mistakes(evidence, model)),
        ("grad_cam", page_pictures.seen(evidence, model)),
        ("mean_maps", page_pictures.mean_maps(evidence, model)),
        ("importances", page_pictures.importances(evidence, model)),
    )
    for kind, shown in galleries:
        if shown:
            save_contact_sheet(shown, folder / kind / f"{name}.png")
