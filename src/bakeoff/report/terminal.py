"""The conclusions and the comparison in a terminal."""

import csv
import os
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from textwrap import fill
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from bakeoff.evaluate.wording import unbroken
from bakeoff.report.kept import kept_datasets, kept_folder
from bakeoff.runtime.errors import BakeoffError
from bakeoff.runtime.files import read_json
from bakeoff.runtime.layout import REPORTS
from bakeoff.runtime.plan import left_over

_FALLBACK = "random (fallback)"
_WIDTH = 92  # columns of the table, also if the output is not a terminal
_NEXT = (
    ("report.html", "the whole comparison, with curves and pictures"),
    ("cards", "a card for each model: what it is good for and what not"),
    ("predictions", "what each model said of each test picture"),
)


def show_comparison(reports: Path = REPORTS) -> None:
    """Print the conclusions, `comparison.csv`, best first, and the paths of the reports.

    Confidence intervals are in brackets, F1 is averaged over the classes, and ms is the time to
    predict a single picture.

    Raises:
        BakeoffError: There is no comparison yet.
    """
    path = reports / "comparison.csv"
    if not path.is_file():
        raise BakeoffError(f"{path} does not exist yet; run `dvc repro`")
    console = Console(width=max(_WIDTH, Console().width))
    rows = _read_rows(path)
    for line in _conclusions(reports / "evidence.json"):
        console.print(line, highlight=False, markup=False, soft_wrap=True)
    console.print(_table(rows))
    if any(row.get("weights") == _FALLBACK for row in rows):
        console.print(
            "random! the ImageNet weights were not found, so these backbones are random;\n"
            "        `bakeoff doctor` says what to do",
            style="bold red",
        )
    for name, what in _NEXT:
        if (reports / name).exists():
            console.print(f"{reports / name!s:<20} {what}", highlight=False)
    if gone := sorted({folder.name for folder in left_over()}):
        console.print(
            f"No longer in params.yaml: {', '.join(gone)}. `bakeoff prune --gone` lists and "
            "removes their folders, features and runs.",
            highlight=False,
        )
    kept = kept_datasets()
    if len(kept) > 1:
        place = f"{'mlruns/reports':<20}"
        console.print(f"{place} the last report of {', '.join(kept)}", highlight=False)
    console.print(f"{'make ui':<20} every run in MLflow, on 127.0.0.1", highlight=False)


def _conclusions(path: Path) -> list[str]:
    """The sentences of `evidence.json`, wrapped, the first as a heading; none without the file."""
    if not path.is_file():
        return []
    evidence: dict[str, Any] = read_json(path)
    first, *others = map(unbroken, evidence["verdict"])
    wrap = partial(fill, width=_WIDTH, subsequent_indent="  ", break_on_hyphens=False)
    lines = [fill(first, _WIDTH), "", *(wrap(f"- {sentence}") for sentence in others), ""]
    return [line.replace("\u00a0", " ") for line in lines]


def show_kept(datasets: Sequence[str]) -> None:
    """Print the last comparison of each of these data sets; BakeoffError where one has none."""
    known = kept_datasets()
    for dataset in datasets:
        if dataset not in known:
            there = f"there are {', '.join(known)}" if known else "there is none yet"
            raise BakeoffError(f"no report of the data set '{dataset}' is kept; {there}")
    console = Console(width=max(_WIDTH, Console().width))
    for dataset in dict.fromkeys(datasets):
        folder = kept_folder(dataset)
        page = os.path.relpath(folder / "report.html")
        console.print(f"{dataset}: {page}", highlight=False)
        console.print(_table(_read_rows(folder / "comparison.csv")), "")
    if len(set(datasets)) > 1:
        console.print(
            "These data sets have different test pictures: compare models within a table. A\n"
            "difference between two tables is one of the pictures as well.",
            style="bold",
        )


def _read_rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def _table(rows: list[dict[str, str]]) -> Table:
    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False)
    for header in ("model", "weights"):
        table.add_column(header, overflow="fold")
    for header in ("accuracy", "kappa", "F1", "fit s", "ms"):
        table.add_column(header, justify="right", no_wrap=True)
    for row in rows:
        interval = f"{_short(row, 'accuracy_low', 2)}-{_short(row, 'accuracy_high', 2)}"
        accuracy = f"{_short(row, 'accuracy', 3)} ({interval})"
        table.add_row(
            row.get("model", ""),
            row.get("weights", "").replace(_FALLBACK, "[bold red]random![/]"),
            accuracy,
            _short(row, "cohen_kappa", 3),
            _short(row, "macro_f1", 3),
            _short(row, "fit_seconds", 1),
            _short(row, "predict_ms", 1),
        )
    return table


def _short(row: dict[str, str], name: str, digits: int) -> str:
    """A cell with a fixed number of digits; empty if unknown."""
    try:
        return f"{float(row.get(name, '')):.{digits}f}"
    except ValueError:
        return ""
