"""The files of the report: the table, and the data of `dvc plots`."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from bakeoff.evaluate.comparison import Contender
from bakeoff.evaluate.searches import plotted_trials
from bakeoff.evaluate.table import write_table
from bakeoff.report.cards import model_cards
from bakeoff.report.evidence import Evidence
from bakeoff.report.figures import draw, save_figures
from bakeoff.report.page import Context, write_report
from bakeoff.report.plots.curves import precision_recall_points, roc_points
from bakeoff.report.plots.figures import save_png
from bakeoff.runtime.files import write_text, writing_folder
from bakeoff.runtime.tables import read_csv
from bakeoff.scoring.predictions import Predictions
from bakeoff.scoring.validation_files import write_confusion
from bakeoff.test_side.candidates import MAJORITY, Candidate


def read_histories(candidates: Sequence[Candidate]) -> dict[str, pd.DataFrame]:
    """`history.csv` of the models that were trained in epochs."""
    paths = {c.name: c.folder / "history.csv" for c in candidates}
    histories = {name: read_csv(path) for name, path in paths.items() if path.is_file()}
    return {n: h for n, h in histories.items() if {"loss", "val_loss"} <= set(h.columns)}


def write_report_files(reports: Path, evidence: Evidence, context: Context) -> None:
    """Write all files of the stage `report` to `reports`."""
    comparison = evidence.comparison
    trained = [c for c in comparison.contenders if c.name != MAJORITY]
    write_table(reports / "comparison.csv", evidence.table)
    drawn = draw(evidence, context.histories)
    with writing_folder(reports / "plots") as folder:
        save_figures(folder, evidence, drawn)
        _write_plot_data(folder, trained)
        _write_rows(folder / "search.csv", [plotted_trials(context.searches)])
    with writing_folder(reports / "cards") as folder:
        for name, text in model_cards(evidence, context.dataset, context.described).items():
            write_text(folder / f"{name}.md", text)
    save_png(drawn.cost.figure, reports / "cost.png")
    write_report(reports / "report.html", evidence, context, drawn)


def _write_plot_data(folder: Path, trained: Sequence[Contender]) -> None:
    """Write the data of `dvc plots`: one file for all models, with a column `model`."""
    predictions = {c.name: c.predictions for c in trained}
    for contender in trained:
        path = folder / "confusion_csv" / f"{contender.name}.csv"
        path.parent.mkdir(exist_ok=True)
        write_confusion(path, contender.card.matrix, contender.predictions.classes)
    _write_rows(folder / "confusion.csv", [_answers(n, p) for n, p in predictions.items()])
    roc = [_curve(n, p, roc_points, ("fpr", "tpr")) for n, p in predictions.items()]
    _write_rows(folder / "roc.csv", roc)
    precision_recall = [
        _curve(n, p, precision_recall_points, ("recall", "precision"))
        for n, p in predictions.items()
    ]
    _write_rows(folder / "precision_recall.csv", precision_recall)
    bins = [_bins(c.name, c) for c in trained]
    _write_rows(folder / "reliability.csv", bins)
    _write_rows(folder / "accuracy.csv", [_accuracy(c) for c in trained])


def _answers(name: str, predictions: Predictions) -> pd.DataFrame:
    classes = np.array(predictions.classes)
    return pd.DataFrame(
        {
            "model": name,
            "actual": classes[predictions.labels],
            "predicted": classes[predictions.predicted],
        }
    )


def _curve(name: str, predictions: Predictions, points: Any, axes: tuple[str, str]) -> pd.DataFrame:
    parts = []
    for label, of_class in enumerate(predictions.classes):
        held = int((predictions.labels == label).sum())
        if 0 < held < len(predictions.labels):
            x, y = points(predictions, label)
            parts.append(
                pd.DataFrame(
                    {
                        "model": name,
                        "class": of_class,
                        "step": range(len(x)),
                        axes[0]: x,
                        axes[1]: y,
                    }
                )
            )
    return pd.concat(parts) if parts else pd.DataFrame(columns=["model", "class", "step", *axes])


def _bins(name: str, contender: Contender) -> pd.DataFrame:
    bins = contender.card.reliability
    return pd.DataFrame(
        {
            "model": name,
            "confidence": bins.confidence,
            "accuracy": bins.accuracy,
            "pictures": bins.counts,
        }
    )


def _accuracy(contender: Contender) -> pd.DataFrame:
    interval = contender.intervals["accuracy"]
    row = {
        "model": contender.name,
        "accuracy": contender.card.overall["accuracy"],
        "low": interval.low,
        "high": interval.high,
    }
    return pd.DataFrame([row])


def _write_rows(path: Path, parts: Sequence[pd.DataFrame]) -> None:
    pd.concat(parts).to_csv(path, index=False, float_format="%.6g", lineterminator="\n")
