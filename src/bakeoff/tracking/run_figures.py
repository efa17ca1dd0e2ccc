"""The figures that a run shows, drawn from the files of a model or a search."""

from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from bakeoff.params.found import IMPORTANCES, TRIALS
from bakeoff.runtime.files import read_json
from bakeoff.runtime.tables import read_csv
from bakeoff.tracking.store import Store

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def log_figures(store: Store, run_id: str, figures: "Mapping[str, Figure]") -> None:
    """Log figures as PNG files at the root of a run's artifacts, where *Compare* shows them."""
    from bakeoff.report.plots.figures import save_png

    with TemporaryDirectory() as folder:
        for name, figure in figures.items():
            path = Path(folder) / f"{name}.png"
            save_png(figure, path)
            store.client.log_artifact(run_id, str(path))


def model_figures(folder: Path) -> "dict[str, Figure]":
    """The confusion matrix of the validation side, and learning curves where there are epochs."""
    from bakeoff.report.plots.confusion import confusion_figure
    from bakeoff.report.plots.curves import learning_curves_figure

    figures: dict[str, Figure] = {}
    metadata: dict[str, Any] = read_json(folder / "metadata.json")
    matrix, history = folder / "confusion_matrix.csv", folder / "history.csv"
    if matrix.is_file():
        table = read_csv(matrix, all_text=True).iloc[:, 1:]
        classes = tuple(map(str, table.columns))
        counts = table.to_numpy(str).astype(np.float64)
        figures["confusion_matrix"] = confusion_figure(counts, classes, "validation")
    epochs = read_csv(history) if history.is_file() else pd.DataFrame()
    if len(epochs) and "phase" in epochs:  # the forest and the regression also have a history
        figure = learning_curves_figure({folder.name: epochs})
        for axes in figure.axes:
            axes.axvline(metadata["best_epoch"], color="0.5", ls="dotted", lw=1)
        figures["learning_curves"] = figure
    return figures


def search_figures(folder: Path) -> "dict[str, Figure]":
    """The history of a search, and the importances of the parameters.

    MLflow itself draws the trials, which are runs, over their parameters (*Compare*).
    """
    from bakeoff.report.plots.search import history_figure, importance_figure

    trials = read_csv(folder / TRIALS)
    shares = read_csv(folder / IMPORTANCES)
    figures = {"history": history_figure(trials)}
    if len(shares):
        named = zip(shares["parameter"], shares["importance"], strict=True)
        figures["importances"] = importance_figure(dict(named))
    return figures
