"""Write a trained network's model folder."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bakeoff.features.sides import Side
from bakeoff.runtime.files import write_json
from bakeoff.runtime.tables import write_table
from bakeoff.runtime.tf import keras
from bakeoff.scoring.predictions import Predictions
from bakeoff.scoring.scorecard import Scorecard, write_validation
from bakeoff.scoring.temperature import fit_temperature, softmax
from bakeoff.train.heads import calibrated, calibrated_head
from bakeoff.train.keras_files import save_keras
from bakeoff.train.progress import Row


@dataclass(frozen=True)
class Trained:
    """A trained network and its validation results."""

    network: keras.Model  # pictures of any side to logits
    head: keras.Model | None  # features to logits, where the backbone stayed frozen
    history: Sequence[Row]
    best_epoch: int
    monitor: str
    val_logits: NDArray[np.float32]  # (n, k), of the validation originals
    seconds: float  # in all epochs, those before an interruption among them


def write_network(
    folder: Path, trained: Trained, train: Side, val: Side, metadata: dict[str, Any]
) -> Scorecard:
    """Write the model, its metadata, and its validation results.

    Returns the scores on the validation side.
    """
    originals = val.originals()
    temperature = fit_temperature(trained.val_logits, originals.labels)
    _save_models(folder, trained, temperature)
    facts = {
        "n_train": len(train.labels),
        "n_val": len(originals.labels),
        "train_ids_sha256": train.sha256,
        "val_ids_sha256": val.sha256,
        "temperature": temperature,
        "parameters": trained.network.count_params(),
        "best_epoch": trained.best_epoch,
    }
    write_json(folder / "metadata.json", metadata | facts)
    write_table(pd.DataFrame(list(trained.history)), folder / "history.csv")
    probabilities = softmax(trained.val_logits, temperature)
    classes = tuple(metadata["classes"])
    return write_validation(
        folder, Predictions(classes, originals.image_ids, originals.labels, probabilities)
    )


def _save_models(folder: Path, trained: Trained, temperature: float) -> None:
    network = trained.network
    probabilities = calibrated(network.output, temperature)
    save_keras(keras.Model(network.input, probabilities, name="model"), folder / "model.keras")
    if trained.head is not None:
        save_keras(calibrated_head(trained.head, temperature), folder / "head.keras")
