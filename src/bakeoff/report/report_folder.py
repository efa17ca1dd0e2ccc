"""The files of the report."""

from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path

import pandas as pd

from bakeoff.report.cards import model_cards
from bakeoff.report.contents import Evidence
from bakeoff.report.figure_files import draw, save_figures
from bakeoff.report.page import Context, write_report
from bakeoff.report.plot_data import write_plot_data
from bakeoff.report.plots.figures import save_png
from bakeoff.runtime.files import write_text, writing_folder
from bakeoff.runtime.tables import read_csv, write_table
from bakeoff.scoring.scorecard import write_confusion
from bakeoff.test_side.candidates import Candidate


def read_histories(candidates: Sequence[Candidate]) -> dict[str, pd.DataFrame]:
    """`history.csv` of the models that were trained in epochs."""
    paths = {c.name: c.folder / "history.csv" for c in candidates}
    histories = {name: read_csv(path) for name, path in paths.items() if path.is_file()}
    return {n: h for n, h in histories.items() if {"loss", "val_loss"} <= set(h.columns)}


def made_from(code: Mapping[str, str]) -> str:
    """The day, and the commit of `tracking.facts.code_tags`, in words."""
    commit = code.get("mlflow.source.git.commit", "")[:8]
    changed = " with changes" if code.get("git_dirty") == "true" else ""
    return f"{date.today().isoformat()}{commit and f', commit {commit}{changed}'}"


def write_report_files(reports: Path, evidence: Evidence, context: Context) -> None:
    """Write all files of the stage `report` to `reports`."""
    trained = evidence.comparison.trained
    write_table(evidence.suspects, reports / "label_errors.csv")
    write_table(evidence.table, reports / "comparison.csv", digits=6)
    drawn = draw(evidence, context.histories)
    with writing_folder(reports / "plots") as folder:
        save_figures(folder, evidence, drawn)
        for contender in trained:
            path = folder / "confusion_csv" / f"{contender.name}.csv"
            write_confusion(path, contender.card.matrix, contender.predictions.classes)
    with writing_folder(reports / "curves") as folder:
        write_plot_data(folder, trained, context.searches, context.histories)
    with writing_folder(reports / "cards") as folder:
        for name, text in model_cards(evidence, context.dataset, context.described).items():
            write_text(folder / f"{name}.md", text)
    save_png(drawn.cost.figure, reports / "cost.png")
    write_report(reports / "report.html", evidence, context, drawn)
