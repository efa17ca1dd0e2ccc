"""Progress of a training: history, best epoch, early stopping."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bakeoff.train.epoch_metrics import is_lower_better

Row = dict[str, Any]


@dataclass
class Progress:
    """State that an interrupted training needs to resume, besides its variables.

    Any gain updates `best_weights`. Only a gain above `min_delta` over the last score that did so
    resets the patience of early stopping.
    """

    epoch: int = 0  # finished ones
    history: list[Row] = field(default_factory=list)
    best_epoch: int = 0
    best_score: float = -math.inf
    best_weights: list[NDArray[Any]] = field(default_factory=list)
    last_gain: float = -math.inf
    waited: int = 0  # epochs without a gain above min_delta
    seconds: float = 0.0  # spent in finished epochs

    def note(
        self,
        row: Row,
        weights: Callable[[], list[NDArray[Any]]],
        *,
        monitor: str,
        min_delta: float,
        eligible: bool = True,
    ) -> None:
        """Record a finished epoch.

        `row[monitor]` decides, and NaN is no gain; `min_delta` counts for early stopping only. Only
        `eligible` weights are kept as the best.
        """
        self.epoch += 1
        self.history.append(row)
        score = _score(row[monitor], monitor)
        if eligible and (not self.best_weights or score > self.best_score):
            self.best_epoch, self.best_score = self.epoch, score
            self.best_weights = [np.array(w) for w in weights()]
        if score > self.last_gain + min_delta:
            self.last_gain, self.waited = score, 0
        else:
            self.waited += 1

    def is_over(self, patience: int | None) -> bool:
        """Whether early stopping ends the training now; a patience of None never does."""
        return patience is not None and self.waited >= patience

    def renew_patience(self) -> None:
        """Reset the patience for other settings, whose first epoch counts as a gain."""
        self.waited, self.last_gain = 0, -math.inf


def _score(value: float, monitor: str) -> float:
    """A score for which larger is better; an undefined metric is the worst."""
    if math.isnan(value):
        return -math.inf
    return -value if is_lower_better(monitor) else value
