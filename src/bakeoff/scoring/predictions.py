"""Predictions of one model on one side, as arrays and as a CSV file."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bakeoff.runtime.errors import BakeoffError
from bakeoff.runtime.tables import read_csv, write_table

_PREFIX = "p_"


@dataclass(frozen=True)
class Predictions:
    """The probabilities that a model gives each picture, and the true classes.

    Example:
        >>> predictions = Predictions(
        ...     classes=("cat", "dog"),
        ...     image_ids=np.array(["a", "b"]),
        ...     labels=np.array([0, 0]),
        ...     probabilities=np.array([[0.8, 0.2], [0.4, 0.6]]),
        ... )
        >>> predictions.predicted, predictions.right, predictions.confidence
        (array([0, 1]), array([ True, False]), array([0.8, 0.6]))
    """

    classes: tuple[str, ...]  # sorted; a label is an index into them
    image_ids: NDArray[np.str_]  # (n,)
    labels: NDArray[np.int64]  # (n,)
    probabilities: NDArray[np.float64]  # (n, k), rows sum to one

    @property
    def predicted(self) -> NDArray[np.int64]:
        """The most probable class of each picture, shape `(n,)`; ties go to the lower label."""
        return self.probabilities.argmax(axis=1)

    @property
    def right(self) -> NDArray[np.bool_]:
        """Whether the predicted class is the true one, shape `(n,)`."""
        return self.predicted == self.labels

    @property
    def confidence(self) -> NDArray[np.float64]:
        """The probability of the predicted class, shape `(n,)`."""
        return self.probabilities.max(axis=1)

    def only(self, rows: NDArray[np.bool_]) -> "Predictions":
        """The predictions of the pictures that `rows`, shape `(n,)`, marks."""
        return Predictions(
            self.classes, self.image_ids[rows], self.labels[rows], self.probabilities[rows]
        )

    def with_temperature(self, temperature: float | NDArray[np.float64]) -> "Predictions":
        """The same predictions with log-probabilities divided by one temperature, or one a row.

        `1 / T` removes a model's own temperature `T`; temperatures by picture have shape `(n, 1)`.

        Example:
            At temperature 2 the odds of 9 to 1 become 3 to 1.

            >>> one = Predictions(
            ...     ("cat", "dog"), np.array(["a"]), np.array([0]), np.array([[0.9, 0.1]])
            ... )
            >>> one.with_temperature(2).probabilities.round(6)
            array([[0.75, 0.25]])
        """
        powers = np.clip(self.probabilities, np.finfo(np.float32).tiny, None) ** (1 / temperature)
        powers /= powers.sum(axis=1, keepdims=True)
        return Predictions(self.classes, self.image_ids, self.labels, powers)


def write_predictions(
    path: Path, predictions: Predictions, sources: Mapping[str, str] | None = None
) -> None:
    """Write `image_id,source,label,predicted,p_<class>…`, classes by name, in the order given.

    `sources` names each picture's file by its `image_id`; without it there is no such column.
    """
    names = np.array(predictions.classes)
    files = {"source": [sources[i] for i in predictions.image_ids]} if sources else {}
    table = pd.DataFrame(
        {"image_id": predictions.image_ids}
        | files
        | {
            "label": names[predictions.labels],
            "predicted": names[predictions.predicted],
        }
        | {f"{_PREFIX}{c}": predictions.probabilities[:, i] for i, c in enumerate(names)}
    )
    write_table(table, path)


def read_predictions(path: Path) -> Predictions:
    """Read what `write_predictions` wrote; BakeoffError where the file is missing or another's."""
    try:
        table = read_csv(path)
        columns = [c for c in table.columns if c.startswith(_PREFIX)]
        classes = tuple(c.removeprefix(_PREFIX) for c in columns)
        places = {name: index for index, name in enumerate(classes)}
        labels = np.array([places[label] for label in table["label"]], np.int64)
        ids = table["image_id"].to_numpy(np.str_)
    except (OSError, KeyError, ValueError) as error:
        raise BakeoffError(
            f"{path}: not a file of predictions ({error}); run `dvc repro` to make it again"
        ) from None
    return Predictions(classes, ids, labels, table[columns].to_numpy(np.float64))
