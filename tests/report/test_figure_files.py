"""The report's pictures: a confusion matrix is drawn once, and anew when it changed."""

from types import SimpleNamespace
from typing import Any

import numpy as np

from bakeoff.report import figure_files as report_figures
from bakeoff.report.plots.confusion import confusion_figure
from bakeoff.report.plots.figures import to_png


def model(name: str, first: int, classes: tuple[str, ...] = ("cat", "dog")) -> Any:
    matrix = np.array([[first, 1], [2, 3]], np.float64)
    predictions = SimpleNamespace(classes=classes)
    return SimpleNamespace(name=name, card=SimpleNamespace(matrix=matrix), predictions=predictions)


def test_a_confusion_matrix_is_drawn_once_and_anew_when_anything_in_it_changed(
    tmp_path, monkeypatch
):
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    drawn: list[str] = []

    def counted(matrix, classes, title):
        drawn.append(title)
        return confusion_figure(matrix, classes, title)

    monkeypatch.setattr(report_figures, "confusion_figure", counted)
    others = [model("vgg16", 5), model("b0", 4), model("vgg16", 4, ("cat", "cow"))]
    for shown in [model("vgg16", 4), *others]:
        fresh = to_png(confusion_figure(shown.card.matrix, shown.predictions.classes, shown.name))
        assert report_figures._confusion_png(shown) == fresh
        assert report_figures._confusion_png(shown) == fresh
    assert drawn == ["vgg16", "vgg16", "b0", "vgg16"]
