"""The files that every model folder holds beside the model: how it did on the validation side."""

from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bakeoff.runtime.files import write_json, writing_file
from bakeoff.scoring.predictions import Predictions, write_predictions
from bakeoff.scoring.scorecard import Scorecard, finite_or_none, scorecard


def write_validation(folder: Path, predictions: Predictions) -> Scorecard:
    """Write predictions, scores and confusion matrix of the validation side into `folder`."""
    card = scorecard(predictions)
    write_predictions(folder / "val_predictions.csv", predictions)
    write_json(folder / "metrics.json", finite_or_none(card.overall))
    write_confusion(folder / "confusion_matrix.csv", card.matrix, predictions.classes)
    return card


def write_confusion(path: Path, matrix: NDArray[np.float64], classes: tuple[str, ...]) -> None:
    """Write counts, one row per true class, one column per predicted class."""
    table = pd.DataFrame(matrix.astype(np.int64), index=list(classes), columns=list(classes))
    with writing_file(path) as partial:
        table.to_csv(partial, index_label="true", lineterminator="\n")
