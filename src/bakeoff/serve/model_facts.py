"""What a page says of its model: data set, score with interval, and warnings."""

from pathlib import Path
from typing import Any

import pandas as pd

from bakeoff.params.dataset_files import dataset_path, read_dataset
from bakeoff.params.evidence import EvaluateParams
from bakeoff.report.page_text import model_in_words
from bakeoff.runtime.dvc import locked_dataset
from bakeoff.runtime.errors import BakeoffError
from bakeoff.runtime.files import read_json
from bakeoff.runtime.layout import MODELS, REPORTS
from bakeoff.runtime.tables import read_csv
from bakeoff.serve.best_model import about

_LOCK = Path("dvc.lock")


def model_facts(folder: Path, registered: str = "") -> dict[str, Any]:
    """Facts about the model of `folder`, as sentences for JSON.

    `registered` describes a registered version. Of a folder that is neither one nor in `models/`
    the data set is unknown.
    """
    metadata = read_json(folder / "metadata.json")
    words = model_in_words(metadata)
    known = registered or _is_ours(folder)
    name, description, notice = _dataset() if known else ("", "", "")
    row = _row(folder)
    return {
        "model": registered or folder.name,
        "what": ("random forest, " if metadata["kind"] == "forest" else "") + words,
        "dataset": name,
        "description": description.rstrip("."),
        "classes": metadata["classes"],
        "n_train": metadata["n_train"],
        "score": _score(row),
        "warnings": [w for w in (notice, _weights(folder), *_doubts(row)) if w],
    }


def _dataset() -> tuple[str, str, str]:
    """Name, description and notice of the data set that the models were made from."""
    name = locked_dataset(_LOCK.read_text(encoding="utf-8")) if _LOCK.is_file() else None
    if name is None:
        return "", "", ""
    try:
        dataset = read_dataset(dataset_path(name))
    except BakeoffError:
        return name, "", ""
    return name, dataset.description, dataset.notice


def _is_ours(folder: Path) -> bool:
    return folder.resolve().parent == MODELS.resolve()


def _row(folder: Path) -> dict[str, Any]:
    """The model's row of the comparison; empty for a model that is not in it."""
    path = REPORTS / "comparison.csv"
    if not _is_ours(folder) or not path.is_file():
        return {}
    table = read_csv(path)
    found = table[table["model"] == folder.name].to_dict("records")
    return {str(key): value for key, value in found[0].items()} if found else {}


def _score(row: dict[str, Any]) -> str:
    """The model's own accuracy on the test side, and its recipe's in folds."""
    if pd.isna(row.get("test_accuracy")):
        return "Not scored here."
    confidence = f"{EvaluateParams.read('evaluate').confidence * 100:g}"
    sentence = (
        f"Right on {_share(row, 'test_accuracy')} of {row['test_pictures']:.0f} test pictures "
        f"({confidence} % interval {_ends(row, 'test_accuracy')})."
    )
    if row["folds"]:
        sentence += (
            f" Trained by the same recipe in {row['folds']:.0f} folds, repeated "
            f"{row['repeats']:.0f} times: {_share(row, 'accuracy')} ({_ends(row, 'accuracy')})."
        )
    return sentence


def _share(row: dict[str, Any], name: str) -> str:
    return f"{row[name] * 100:.1f} %"


def _ends(row: dict[str, Any], name: str) -> str:
    low, high = row[f"{name}_low"], min(1.0, row[f"{name}_high"])
    return f"{max(0.0, low) * 100:.1f} to {high * 100:.1f} %"


def _weights(folder: Path) -> str:
    warning = about(folder).get("warning", "")
    return f"{warning[:1].upper()}{warning[1:]}." if warning else ""


def _doubts(row: dict[str, Any]) -> list[str]:
    """What the comparison says against the model."""
    sentences = []
    if row.get("against_majority") in ("worse", "no difference shown"):
        sentences.append("Not shown to be better than always naming the commonest class.")
    evidence = REPORTS / "evidence.json"
    leaking = read_json(evidence).get("test_images_in_training") if evidence.is_file() else 0
    if row and leaking:
        sentences.append(f"{leaking} test pictures are also in training: its score is too good.")
    return sentences
