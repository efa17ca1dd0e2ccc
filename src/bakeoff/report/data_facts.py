"""The page's tables about the data: examples, records, leakage, source and weights."""

from collections.abc import Mapping
from typing import Any

from bakeoff.evaluate.table import weights_in_words
from bakeoff.params.datasets import Dataset
from bakeoff.report.contents import Evidence
from bakeoff.runtime.tables import SIDES
from bakeoff.tfrecord.index import RecordIndex


def example_counts(index: RecordIndex) -> list[tuple[str, list[int]]]:
    """Examples of each class on each side, and their sum."""
    sides = [index.splits[side] for side in SIDES]
    rows = [(name, [side.labels.get(name, 0) for side in sides]) for name in index.classes]
    rows.append(("examples", [side.examples for side in sides]))
    rows.append(("of these originals", [side.originals for side in sides]))
    return rows


def record_facts(index: RecordIndex) -> list[tuple[str, str]]:
    """How pictures became records."""
    return [
        ("Picture", f"{index.height} x {index.width} pixels, {index.channels} channels"),
        ("Encoding", index.encoding),
        ("Fit to the square", index.fit),
        ("Equalised", index.equalize),
    ]


def split_facts(leakage: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The leakage audit's findings: groups and pictures that two sides share."""
    audited = ("groups", "exact_duplicates", "near_duplicates")
    return [(f"{n.replace('_', ' ').capitalize()} on two sides", str(leakage[n])) for n in audited]


def provenance(dataset: Dataset) -> list[tuple[str, str]]:
    """Source, licence and citation, where the data set states them."""
    facts = (
        ("Source", dataset.source),
        ("Licence", dataset.licence),
        ("Citation", " ".join(dataset.citation.split())),
    )
    return [(name, text) for name, text in facts if text]


def weights_rows(evidence: Evidence) -> list[tuple[str, str, str, str]]:
    """Model, kind, origin and start of the hash of each backbone's weights."""
    rows = []
    for contender in evidence.comparison.contenders:
        weights = contender.metadata.get("weights") or {}
        if weights.get("kind") not in (None, "none"):
            sha256 = str(weights.get("sha256") or "")[:16]
            words = weights_in_words(contender.metadata)
            rows.append((contender.name, words, str(weights.get("origin") or ""), sha256))
    return rows
