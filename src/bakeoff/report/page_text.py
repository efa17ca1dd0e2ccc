"""The report's tables as text, with rounded numbers."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from bakeoff.evaluate.comparison import Contender
from bakeoff.evaluate.intervals import Interval
from bakeoff.evaluate.pairings import Pairing
from bakeoff.evaluate.wording import interval_points, p_value, points
from bakeoff.report.hardest_classes import hardest_first
from bakeoff.test_side.candidates import MAJORITY

_MOST_CLASSES = 12  # a confusion matrix of more classes is a picture, not a table
_PER_CLASS = ("precision", "f1", "specificity", "auc")

_MOST_MISTAKES = 10
MOST_ROWS = 30  # of tables class by class
_IN_MAIN_TABLE = ("cohen_kappa", "macro_f1", "macro_auc", "log_loss")
_CALIBRATION = (
    "temperature", "calibration_error_before", "calibration_error", "log_loss_before", "log_loss",
)  # fmt: skip


def read_template(name: str) -> Template:
    """A template of the report; only HTML is escaped."""
    environment = Environment(
        loader=PackageLoader("bakeoff.report"),
        autoescape=name.endswith(".html.j2"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(name)


def fixed(value: float, digits: int = 3) -> str:
    """A number with fixed digits; empty when unknown."""
    return "" if _unknown(value) else f"{value:.{digits}f}"


def short(value: float) -> str:
    """A positive quantity in three significant digits, without an exponent; empty when unknown."""
    if _unknown(value):
        return ""
    digits = 0 if value >= 100 else 1 if value >= 10 else 2
    return f"{value:,.{digits}f}"


def _unknown(value: float) -> bool:
    return value is None or value is pd.NA or math.isnan(value)


def model_in_words(meta: Mapping[str, Any]) -> str:
    """A short description of a model."""
    params = meta["params"]
    match meta["kind"]:
        case "forest":
            trees = f"{params['trees']} trees" if "trees" in params else "a forest in folds"
            return f"{trees} on {', '.join(params['descriptors'])}"
        case "logistic":
            return f"logistic regression on {meta['backbone']} features"
        case "head":
            return f"{meta['backbone']} at {meta['image_side']} pixels, frozen, with a trained head"
        case kind:
            return f"{meta['backbone']} at {meta['image_side']} pixels, {kind.replace('_', ' ')}"


def model_rows(table: pd.DataFrame, axis: tuple[float, float]) -> list[dict[str, Any]]:
    """The main table, a dictionary of text for each model; `axis` are the ends of interval bars."""
    return [_model_row(row, axis) for row in table.to_dict("records")]


def _model_row(row: Mapping[Any, Any], axis: tuple[float, float]) -> dict[str, Any]:
    def place(value: float) -> float:
        share = 0.0 if _unknown(value) else (value - axis[0]) / (axis[1] - axis[0])
        return round(100 * min(1.0, max(0.0, share)), 2)

    known = not _unknown(row["accuracy_low"])
    parameters = row["parameters"]
    return {
        "model": row["model"],
        "kind": row["kind"],
        "anchor": row["model"] != MAJORITY,
        "pareto": row["pareto"],
        "weights": row["weights"],
        "fallback": "fallback" in row["weights"],
        "accuracy": fixed(row["accuracy"] * 100, 1) + " %",
        "interval": interval_text(row["accuracy_low"], row["accuracy_high"]),
        "low": place(row["accuracy_low"] if known else row["accuracy"]),
        "high": place(row["accuracy_high"] if known else row["accuracy"]),
        "at": place(row["accuracy"]),
        "on_axis": row["accuracy"] >= axis[0],
        "scores": [_with_interval(row, score) for score in _IN_MAIN_TABLE],
        "calibration": [fixed(row[score]) for score in _CALIBRATION],
        "calibration_error": fixed(row["calibration_error"]),
        "against": _against(row),
        "against_class": conclusion_class(row["against_forest"]),
        "train": seconds_text(row["fit_seconds"] + row["feature_seconds"]),
        "feature_seconds": short(row["feature_seconds"]),
        "fit_seconds": short(row["fit_seconds"]),
        "predict": short(row["predict_ms_batch"]),
        "predict_one": short(row["predict_ms"]),
        "parameters": "" if _unknown(parameters) else f"{int(parameters):,}",
        "megabytes": short(row["megabytes"]),
        "memory": short(row["peak_memory_mb"]),
    }


def _with_interval(row: Mapping[Any, Any], score: str) -> tuple[str, str]:
    """A score and its interval."""
    return fixed(row[score]), span(Interval(row[f"{score}_low"], row[f"{score}_high"]))


def _against(row: Mapping[Any, Any]) -> str:
    conclusion = row["against_forest"]
    if not conclusion:
        return ""
    gained = points(row["minus_forest"])
    return f"{gained} {conclusion if conclusion in ('better', 'worse') else 'not shown'}"


def conclusion_class(conclusion: str) -> str:
    """The style of a conclusion."""
    return conclusion if conclusion in ("better", "worse") else "none"


def interval_text(low: float, high: float) -> str:
    """An interval of shares in percent."""
    return "" if _unknown(low) else f"{low * 100:.1f} to {high * 100:.1f} %"


def seconds_text(seconds: float) -> str:
    """Seconds, or minutes from two minutes on."""
    if _unknown(seconds):
        return ""
    return f"{seconds / 60:.1f} min" if seconds >= 120 else f"{short(seconds)} s"


def bar_axis(table: pd.DataFrame) -> tuple[float, float]:
    """The range of accuracies that contains every trained model's interval, rounded to 0.05.

    The majority class is often so far below that its interval would leave the others no room.
    """
    trained = table[table["model"] != MAJORITY]
    values = np.concatenate(
        [trained[c].to_numpy(np.float64) for c in ("accuracy", "accuracy_low", "accuracy_high")]
    )
    low, high = math.floor(np.nanmin(values) * 20), math.ceil(np.nanmax(values) * 20)
    return low / 20, max(high, low + 1) / 20


def every_number(table: pd.DataFrame) -> list[tuple[str, list[str]]]:
    """Each column of numbers of the comparison as a row of text."""
    rows = []
    for name in table.columns:
        values = list(table[name])
        if all(isinstance(v, str | bool) for v in values):
            continue
        whole = pd.api.types.is_integer_dtype(table[name])
        rows.append((name, [_cell(v, whole) for v in values]))
    return rows


def _cell(value: Any, whole: bool) -> str:
    if _unknown(value):
        return ""
    return f"{int(value):,}" if whole else f"{value:.4g}"


def pairing_rows(pairings: Sequence[Pairing]) -> list[dict[str, str]]:
    """One family of paired tests as text."""
    return [
        {
            "model": p.model,
            "difference": points(p.difference),
            "interval": "" if _unknown(p.interval.low) else interval_points(p.interval),
            "p": p_value(p.p_adjusted).removeprefix("= "),
            "detectable": fixed(p.power.least_difference * 100, 1),
            "conclusion": p.conclusion,
            "class": conclusion_class(p.conclusion),
        }
        for p in pairings
    ]


def confusion_rows(model: Contender) -> list[tuple[str, list[dict[str, Any]]]]:
    """The confusion matrix as cells of text; empty when it has too many classes for a table."""
    classes, matrix = model.predictions.classes, model.card.matrix
    if len(classes) > _MOST_CLASSES:
        return []
    rows = []
    for i, name in enumerate(classes):
        total = matrix[i].sum()
        cells = []
        for j, count in enumerate(matrix[i]):
            share = count / total if total else 0.0
            cells.append(
                {
                    "count": f"{count:.0f}",
                    "share": f"{share * 100:.0f} %" if total else "",
                    "percent": round(100 * share, 1),
                    "right": i == j,
                }
            )
        rows.append((name, cells))
    return rows


def commonest_mistakes(model: Contender) -> list[tuple[str, str, str, str]]:
    """The ten most frequent mistakes: true class, predicted class, count, share of true class."""
    classes, wrong = model.predictions.classes, model.card.matrix.copy()
    totals = wrong.sum(axis=1)
    np.fill_diagonal(wrong, 0)
    cells = np.argsort(-wrong, axis=None, kind="stable")[:_MOST_MISTAKES]
    return [
        (classes[true], classes[predicted], f"{count:.0f}", f"{count / totals[true] * 100:.0f} %")
        for true, predicted in zip(*np.unravel_index(cells, wrong.shape), strict=True)
        if (count := wrong[true, predicted])
    ]


def per_class_rows(model: Contender, most: int | None = None) -> list[list[str]]:
    """Scores class by class as text, recall with its interval.

    Many classes are sorted by recall, the lowest first, and no more than `most` are given.
    """
    scores, classes = model.card.per_class, model.predictions.classes
    many = len(classes) > MOST_ROWS
    return [
        [classes[i], f"{scores['pictures'][i]:.0f}"]
        + [f"{fixed(scores['recall'][i])} ({span(model.recalls[i])})".removesuffix(" ()")]
        + [fixed(scores[score][i]) for score in _PER_CLASS]
        + [f"{scores[score][i]:.0f}" for score in ("false_positives", "false_negatives")]
        for i in (hardest_first([scores["recall"]])[:most] if many else range(len(classes)))
    ]


def span(interval: Interval, digits: int = 2) -> str:
    """An interval as two numbers; empty when unknown."""
    if _unknown(interval.low):
        return ""
    return f"{fixed(interval.low, digits)} to {fixed(interval.high, digits)}"
