"""Calibrated scikit-learn classifiers: the baselines' common half.

A forest or a regression is fitted on the training side's vectors; its temperature is fitted on
the validation side, as a network's is; and the folder it leaves holds the same files.
"""

from pathlib import Path
from typing import Any

import pandas as pd

from bakeoff.baselines import skops_files
from bakeoff.baselines.classifier import MODEL_FILE, Classifier
from bakeoff.features.sides import Side
from bakeoff.runtime.files import write_json, writing_folder
from bakeoff.runtime.tables import write_table
from bakeoff.scoring.predictions import Predictions
from bakeoff.scoring.scorecard import Scorecard, write_validation
from bakeoff.scoring.temperature import fit_temperature


def fit_calibrated(
    estimator: Any, train: Side, val: Side, *, classes: int, floor: float
) -> Classifier:
    """Fit `estimator` on the training side and the temperature on the validation originals.

    Linear algebra runs on one thread, so that the sums do not depend on the number of cores.
    """
    estimator.fit(train.values, train.labels)
    # With threads, the order in which trees finish would change the sum of votes.
    estimator.set_params(**({"n_jobs": None} if "n_jobs" in estimator.get_params() else {}))
    raw = Classifier(estimator, classes, 1.0, floor)
    originals = val.originals()
    temperature = fit_temperature(raw.log_probabilities(originals.values), originals.labels)
    return Classifier(estimator, classes, float(temperature), floor)


def write_classifier(
    folder: Path, classifier: Classifier, train: Side, val: Side, metadata: dict[str, Any]
) -> Scorecard:
    """Write a model folder: the estimator, what it is, and how it did on the validation side.

    Returns the scores on the validation side.
    """
    originals = val.originals()
    skops_files.save(classifier.estimator, folder / MODEL_FILE)
    facts = {
        "n_train": len(train.labels),
        "n_val": len(originals.labels),
        "train_ids_sha256": train.sha256,
        "val_ids_sha256": val.sha256,
        "temperature": classifier.temperature,
        "floor": classifier.floor,
        "features": int(train.values.shape[1]),
    }
    write_json(folder / "metadata.json", metadata | facts)
    predictions = Predictions(
        tuple(metadata["classes"]),
        originals.image_ids,
        originals.labels,
        classifier.probabilities(originals.values),
    )
    card = write_validation(folder, predictions)
    _write_history(folder / "history.csv", card)
    return card


def write_skipped(folder: Path, reason: str) -> None:
    """Write a model folder that holds no model, and says why; the comparison leaves it out."""
    with writing_folder(folder) as partial:
        write_json(partial / "metadata.json", {"model": folder.name, "skipped": reason})


def _write_history(path: Path, card: Scorecard) -> None:
    """One row, since the fit is one step, in the columns that networks use as well."""
    names = {"log_loss": "loss", "macro_auc": "auc"}
    keep = ("accuracy", "macro_precision", "macro_recall", "macro_f1", "cohen_kappa", *names)
    row = {"epoch": 1} | {f"val_{names.get(n, n)}": card.overall[n] for n in keep}
    write_table(pd.DataFrame([row]), path)
