"""Train heads again with other seeds, to measure the variance due to the seed."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bakeoff.features.sides import read_feature_side
from bakeoff.params.models import HeadParams, TrainParams
from bakeoff.runtime.devices import prepare
from bakeoff.runtime.tf import keras
from bakeoff.test_side.candidates import Candidate
from bakeoff.train.head_training import train_head


def repeat_head(
    candidate: Candidate, features: Path, repeats: int, seed: int
) -> NDArray[np.float64]:
    """Train a frozen backbone's head `repeats` times and score each on the test originals.

    Args:
        candidate: A model of the kind `head`; its own parameters are used.
        features: Its folder of cached features.
        repeats: How many seeds; they follow `seed`, which the model itself was trained with.
        seed: Of the model.

    Returns:
        Test accuracies, shape `(repeats,)`.
    """
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
