"""The spread of a model's accuracy over training seeds."""

import logging
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bakeoff.runtime.files import sha256_of_folder
from bakeoff.test_side.cache import remembered
from bakeoff.test_side.candidates import Candidate

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Spread:
    """Test accuracies of one head, trained with several seeds."""

    accuracies: NDArray[np.float64]  # (repeats,)

    @property
    def mean(self) -> float:
        """Over the seeds."""
        return float(self.accuracies.mean())

    @property
    def deviation(self) -> float:
        """Standard deviation over the seeds; NaN for a single one."""
        return float(self.accuracies.std(ddof=1)) if len(self.accuracies) > 1 else float("nan")


def repeated(head: Candidate, features: Path, repeats: int, seed: int) -> Spread:
    """Train a head with other seeds, or read cached results, and return its spread.

    Args:
        head: A model of the kind `head`.
        features: Its folder of cached features.
        repeats: How many seeds.
        seed: The model's own seed; the others follow it.
    """

    def train() -> dict[str, NDArray[np.float64]]:
        from bakeoff.test_side.retraining import repeat_head

        logger.info("training the head of %s with %d other seeds", head.name, repeats)
        return {"accuracies": repeat_head(head, features, repeats, seed)}

    inputs = {
        "model": head.sha256,
        "features": sha256_of_folder(features),
        "seeds": f"{repeats} after {seed}",
    }
    return Spread(remembered("repeats", inputs, train)["accuracies"])
