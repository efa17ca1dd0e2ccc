"""The report: one self-contained page, which needs no network."""

import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd

from bakeoff.evaluate.comparison import Comparison
from bakeoff.evaluate.folded import Curve
from bakeoff.evaluate.intervals import Interval
from bakeoff.evaluate.remarks import FEWEST_FOR_CALIBRATION
from bakeoff.evaluate.verdict import conclusions, tested
from bakeoff.evaluate.wording import interval_points, points, unbroken
from bakeoff.params.datasets import Dataset
from bakeoff.params.evidence import EvaluateParams
from bakeoff.report import page_text
from bakeoff.report.contents import Evidence
from bakeoff.report.data_facts import (
    example_counts,
    provenance,
    record_facts,
    split_facts,
    weights_rows,
)
from bakeoff.report.figure_files import Drawn
from bakeoff.report.glossary import GLOSSARY
from bakeoff.report.page_pictures import Thumbnails
from bakeoff.report.picture_sections import picture_sections
from bakeoff.report.plots.figures import to_svg
from bakeoff.runtime.addresses import without_secrets
from bakeoff.runtime.files import write_text
from bakeoff.runtime.tables import SIDES
from bakeoff.test_side.repeats import Spread
from bakeoff.tfrecord.index import RecordIndex

_MOST_BYTES = 5_000_000
# Tried in this order until the page is small enough.
_THUMBNAILS = (Thumbnails(200, 80), Thumbnails(136, 75), Thumbnails(96, 65), Thumbnails(64, 55))
_PACKAGES = (
    "tensorflow", "keras", "scikit-learn", "numpy", "scipy", "pandas", "pillow", "mlflow", "dvc",
)  # fmt: skip
_FIRST = 5  # sentences of the verdict that are in view


@dataclass(frozen=True)
class Context:
    """What the page shows besides the evidence."""

    dataset: str
    described: Dataset
    index: RecordIndex
    leakage: Mapping[str, Any]  # reports/split/leakage.json
    params: EvaluateParams
    params_text: str  # params.yaml
    histories: Mapping[str, pd.DataFrame]
    searches: Mapping[str, pd.DataFrame]  # trials.csv of the models that were searched
    paths: Mapping[str, str]  # by image_id, in data/interim
    made: str  # when, and from which commit


def write_report(path: Path, evidence: Evidence, context: Context, drawn: Drawn) -> None:
    """Write the page; pictures are reduced until it is smaller than 5 MB."""
    template = page_text.read_template("report.html.j2")
    page = _page(evidence, context, drawn)
    html = ""
    for thumbnails in _THUMBNAILS:
        html = template.render(page=page | picture_sections(evidence, context.paths, thumbnails))
        if len(html.encode()) < _MOST_BYTES:
            break
    write_text(path, html)


def _page(evidence: Evidence, context: Context, drawn: Drawn) -> dict[str, Any]:
    """The page without the pictures."""
    comparison, table, best = evidence.comparison, evidence.table, evidence.comparison.best
    axis = page_text.bar_axis(table)
    sentences = conclusions(evidence.evaluation, evidence.costs)
    return {
        "title": context.dataset,
        "description": context.described.description.replace("`", ""),
        "provenance": provenance(context.described),
        "headline": unbroken(sentences[0]),
        **_findings(sentences[1:]),
        "notice": context.described.notice,
        "made": context.made,
        "glossary": GLOSSARY,
        "tested": tested(comparison),
        "folds": comparison.folds,
        "repeated": len(best.repeats),
        "n_tested": len(best.predictions.labels),
        "calibrated_from": FEWEST_FOR_CALIBRATION,
        "own_scores": _own_scores(evidence),
        "learning": _learning(evidence.evaluation.curves),
        "random_models": _random_models(comparison),
        "n_train": best.metadata["n_train"],
        "n_val": best.metadata["n_val"],
        "n_test": len(evidence.test.best.predictions.labels),
        "test_groups": evidence.test.groups,
        "train_sha256": evidence.test.best.metadata["train_ids_sha256"][:12],
        "val_sha256": evidence.test.best.metadata["val_ids_sha256"][:12],
        "groups": comparison.groups,
        "confidence": f"{context.params.confidence * 100:g} %",
        "axis": [f"{end * 100:.0f} %" for end in axis],
        "rows": page_text.model_rows(table, axis),
        "every_number": page_text.every_number(table),
        "pairings": _families(comparison),
        "spreads": _spreads(evidence.evaluation.spreads),
        "repeats": context.params.repeats,
        "suspected": len(evidence.suspects),
        "suspected_by": evidence.suspects["model"].iloc[0] if len(evidence.suspects) else "",
        "curves": [
            {"title": f.title, "caption": f.caption, "svg": to_svg(f.figure)} for f in drawn.curves
        ],
        "cost": {"caption": drawn.cost.caption, "svg": to_svg(drawn.cost.figure)},
        "classes": best.predictions.classes,
        "sides": SIDES,
        "counts": example_counts(context.index),
        "record_facts": record_facts(context.index) + split_facts(context.leakage),
        "weights": weights_rows(evidence),
        "versions": [("Python", platform.python_version())] + [(p, version(p)) for p in _PACKAGES],
        "params": without_secrets(context.params_text),
    }


def _findings(sentences: Sequence[str]) -> dict[str, list[str]]:
    """The first sentences and all warnings, which are in view, and the others."""
    seen = [s for i, s in enumerate(sentences) if i < _FIRST or s.startswith("Warning")]
    more = [s for s in sentences if s not in seen]
    return {"verdict": [*map(unbroken, seen)], "more": [*map(unbroken, more)]}


def _own_scores(evidence: Evidence) -> list[tuple[str, str, str]]:
    """The exported models' own accuracies on the test side, where the folds are concluded from."""
    if not evidence.comparison.folds:
        return []
    return [
        (
            c.name,
            f"{c.card.overall['accuracy'] * 100:.1f} %",
            page_text.interval_text(c.intervals["accuracy"].low, c.intervals["accuracy"].high),
        )
        for c in evidence.test.contenders
    ]


def _learning(curves: Mapping[str, Curve]) -> list[dict[str, Any]]:
    """The learning curve of each backbone's regression as text."""
    return [
        {
            "model": name,
            "steps": [
                f"{pictures:.0f}: {accuracy * 100:.1f} %"
                for pictures, accuracy in zip(curve.pictures, curve.accuracy, strict=True)
            ],
            "gain": points(curve.reading.gain),
            "interval": interval_points(Interval(curve.reading.low, curve.reading.high)),
            "reading": curve.reading.reading,
        }
        for name, curve in curves.items()
    ]


def _spreads(spreads: Mapping[str, Spread]) -> list[tuple[str, ...]]:
    """Mean, deviation, lowest and highest accuracy over the seeds, in percent."""
    rows = []
    for name, spread in spreads.items():
        ends = spread.accuracies.min(), spread.accuracies.max()
        rows.append((name, *(f"{v * 100:.1f}" for v in (spread.mean, spread.deviation, *ends))))
    return rows


def _random_models(comparison: Comparison) -> list[tuple[str, bool]]:
    """Frozen backbones with random weights, and whether these replace pretrained ones.

    A regression uses the backbone of a network that is already in the list.
    """
    return [
        (c.name, bool(c.metadata["weights"].get("fallback")))
        for c in comparison.contenders
        if c.metadata["kind"] in ("head", "fine_tuned")
        and c.metadata["weights"]["kind"] == "random"
    ]


def _families(comparison: Comparison) -> list[tuple[str, list[dict[str, str]]]]:
    """The paired tests, a table for each family."""
    families = {
        f"Against the best, {comparison.best.name}": comparison.against_best,
        "Against the random forest": comparison.against_forest,
        "Against the majority class": comparison.against_majority,
    }
    return [
        (title, page_text.pairing_rows(pairings))
        for title, pairings in families.items()
        if pairings
    ]
