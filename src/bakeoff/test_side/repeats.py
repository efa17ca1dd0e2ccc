"""The spread of a model's accuracy over training seeds."""

import logging
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bakeoff.features.sides import read_feature_side
from bakeoff.params.training import HeadParams, TrainParams
from bakeoff.runtime.files import sha256_of_folder
from bakeoff.test_side.cache import cached
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
    """Train a head with `repeats` seeds after its own, or read cached results: its spread."""

    def train() -> dict[str, NDArray[np.float64]]:
        logger.info("training the head of %s with %d other seeds", head.name, repeats)
        return {"accuracies": repeat_head(head, features, repeats, seed)}

    inputs = {
        "model": head.sha256,
        "features": sha256_of_folder(features),
        "seeds": f"{repeats} after {seed}",
    }
    return Spread(cached("repeats", inputs, train)["accuracies"])


def repeat_head(
    candidate: Candidate, features: Path, repeats: int, seed: int
) -> NDArray[np.float64]:
    """Test accuracies of a frozen backbone's head with the seeds after `seed`, `(repeats,)`.

    `features` is its folder of cached features; its own parameters are used.
    """
    from bakeoff.runtime.devices import prepare
    from bakeoff.runtime.tf import keras
    from bakeoff.train.head_training import train_head

    train, val, test = (read_feature_side(features, side) for side in ("train", "val", "test"))
    held, scored = val.originals(), test.originals()
    params = candidate.metadata["params"]
    accuracies = []
    for number in range(1, repeats + 1):
        compute = prepare("single", seed + number)
        head, _, _ = train_head(
            train,
            held,
            candidate.classes,
            HeadParams.model_validate(params["head"]),
            TrainParams.model_validate(params["train"]),
            seed=seed + number,
            compute=compute,
        )
        logits = keras.ops.convert_to_numpy(head(scored.values, training=False))
        accuracies.append(float((logits.argmax(axis=1) == scored.labels).mean()))
    return np.array(accuracies)
