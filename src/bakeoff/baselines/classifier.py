"""A fitted scikit-learn estimator with its temperature: all that predicting needs.

What fits and writes one is in `bakeoff.baselines.classical`, so that a served model comes without
the plots and tables of its fit.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bakeoff.baselines import skops_files
from bakeoff.runtime.files import read_json
from bakeoff.scoring.temperature import softmax

MODEL_FILE = "model.skops"


@dataclass(frozen=True)
class Classifier:
    """A fitted estimator with its temperature."""

    estimator: Any
    classes: int
    temperature: float
    floor: float  # smallest probability before calibration, so that logarithms are finite

    def probabilities(self, values: NDArray[np.float32]) -> NDArray[np.float64]:
        """Calibrated probabilities, shape `(n, classes)`, of vectors `(n, d)`."""
        return softmax(self.log_probabilities(values), self.temperature)

    def log_probabilities(self, values: NDArray[np.floating]) -> NDArray[np.float64]:
        """Logarithms of the estimator's own probabilities, shape `(n, classes)`."""
        # A class without a training picture is unknown to the estimator.
        known = np.full((len(values), self.classes), self.floor)
        known[:, self.estimator.classes_] = self.estimator.predict_proba(values)
        return np.log(np.clip(known, self.floor, None))


def load_classifier(folder: Path) -> Classifier:
    """Load the classifier of a model folder.

    Raises:
        BakeoffError: the file holds types that our models do not need.
    """
    metadata = read_json(folder / "metadata.json")
    return Classifier(
        skops_files.load(folder / MODEL_FILE),
        len(metadata["classes"]),
        metadata["temperature"],
        metadata["floor"],
    )
