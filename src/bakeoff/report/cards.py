"""Model cards (Mitchell et al. 2019) in Markdown, one for each model."""

import html
import re
from collections.abc import Mapping
from typing import Any

from bakeoff.evaluate.comparison import Comparison, Contender
from bakeoff.evaluate.remarks import FEWEST_FOR_CALIBRATION, few_groups, unseen
from bakeoff.evaluate.table import origin_in_words, weights_in_words
from bakeoff.evaluate.verdict import headline, leak_warning, selection, sentence_of, tested
from bakeoff.params.datasets import Dataset
from bakeoff.report.contents import Evidence
from bakeoff.report.page_text import fixed, interval_text, per_class_rows, read_template

_NO_SHARES = (
    "log_loss", "brier", "cohen_kappa", "matthews", "macro_auc", "macro_average_precision",
)  # fmt: skip


def model_cards(evidence: Evidence, dataset: str, described: Dataset) -> dict[str, str]:
    """The card of each trained model, by name."""
    template = read_template("card.md.j2")
    return {
        model.name: template.render(card=_card(evidence, model, dataset, described))
        for model in evidence.test.trained
    }


def _card(
    evidence: Evidence, model: Contender, dataset: str, described: Dataset
) -> dict[str, object]:
    meta = model.metadata
    scores = [
        (name, fixed(value), _interval(model, name))
        for name, value in model.card.overall.items()
        if name != "calibration_error" or len(model.predictions.labels) >= FEWEST_FOR_CALIBRATION
    ]
    return {
        "name": model.name,
        "kind": meta["kind"],
        "backbone": meta.get("backbone"),
        "image_side": meta.get("image_side"),
        "weights": weights_in_words(meta),
        "fallback": "fallback" in weights_in_words(meta),
        "weights_source": weights_source(meta),
        "origin": origin_in_words(meta),
        "dataset": dataset,
        "description": as_markdown(described.description),
        "licence": as_markdown(described.licence),
        "source": as_markdown(described.source),
        "classes": [as_markdown(name) for name in model.predictions.classes],
        "n_train": meta["n_train"],
        "n_val": meta["n_val"],
        "n_test": len(model.predictions.labels),
        "groups": evidence.test.groups,
        "leaking": evidence.evaluation.leaking,
        "record_side": meta["record_side"],
        "channels": meta["channels"],
        "fit": meta["fit"],
        "equalize": meta["equalize"],
        "temperature": meta["temperature"],
        "scores": scores,
        "per_class": [[as_markdown(row[0]), *row[1:]] for row in per_class_rows(model)],
        "conclusions": [as_markdown(sentence) for sentence in _conclusions(evidence, model)],
        "folds": evidence.comparison.folds,
        "file": "model.skops" if meta["kind"] in ("forest", "logistic") else "model.keras",
        "descriptors": meta["params"].get("descriptors"),
        "pixels_side": meta["params"].get("pixels_side"),
    }


def as_markdown(text: str) -> str:
    r"""A text that Markdown shows as it is, in a line or in a cell: no HTML, no link, no emphasis.

    Examples:
        >>> print(as_markdown("<b>a|b</b>"))
        &lt;b&gt;a\|b&lt;/b&gt;
    """
    line = re.sub(r"[ \t\r\n]+", " ", text.strip())
    escaped = re.sub(r"([\\`*\[\]|~$])|(?<!\w)_|_(?!\w)", r"\\\g<0>", line)
    return html.escape(escaped, quote=False)


def weights_source(metadata: Mapping[str, Any]) -> str:
    """File, publisher with licence, and SHA-256 of pretrained weights; empty for random ones."""
    weights = metadata.get("weights") or {}
    if weights.get("kind") not in ("imagenet", "file", "preset"):
        return ""
    return f"{weights['file']} ({weights['origin']}), SHA-256 {weights['sha256']}"


def _in_folds(comparison: Comparison, name: str) -> str:
    """The score of the recipe, where conclusions rest on folds."""
    recipe = next((c for c in comparison.contenders if c.name == name), None)
    if recipe is None or not comparison.folds:
        return ""
    interval = recipe.intervals["accuracy"]
    return (
        "The accuracy of its recipe in the folds is "
        f"{recipe.card.overall['accuracy'] * 100:.1f} % "
        f"({interval_text(interval.low, interval.high)})."
    )


def _conclusions(evidence: Evidence, model: Contender) -> list[str]:
    """The report's first sentences, then what is known of this model."""
    comparison = evidence.comparison
    families = (*comparison.against_best, *comparison.against_forest)
    sentences = [*leak_warning(evidence.evaluation), headline(comparison)]
    sentences.append(f"Scored {tested(comparison)}.")
    sentences += [sentence_of(pairing) for pairing in families if pairing.model == model.name]
    sentences += [unseen(comparison), few_groups(comparison), _in_folds(comparison, model.name)]
    sentences += [selection(comparison)] if model.name == comparison.best.name else []
    return [sentence for sentence in dict.fromkeys(sentences) if sentence]


def _interval(model: Contender, score: str) -> str:
    interval = model.intervals.get(score)
    if interval is None:
        return ""
    if score in _NO_SHARES:
        return f"{fixed(interval.low)} to {fixed(interval.high)}" if fixed(interval.low) else ""
    return interval_text(interval.low, interval.high)
