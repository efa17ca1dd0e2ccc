"""A backbone's head in folds: the next fold decides the epoch and the temperature."""

from collections.abc import Callable

import numpy as np

from bakeoff.folds.finished import Finished
from bakeoff.folds.out_of_fold import RecipePredictions
from bakeoff.folds.pool import Pool
from bakeoff.params.training import HeadParams, TrainParams
from bakeoff.runtime.parallel import worker_count
from bakeoff.scoring.temperature import fit_temperature, softmax
from bakeoff.train.head_members import HeadMember, Heads, train_members


def predict_heads(
    pool: Pool,
    head: HeadParams,
    params: TrainParams,
    *,
    seed: int,
    finished: Finished,
    advance: Callable[[int], object] = lambda parts: None,
) -> RecipePredictions:
    """Out-of-fold probabilities (R, n, k) of the head on the pool's features.

    `seed` is of the first repeat's heads; the following ones count up.
    """
    parts = pool.parts()
    names = [f"repeat_{part.repeat}_fold_{part.fold}" for part in parts]
    kept = [finished.get(name) for name in names]
    advance(sum(arrays is not None for arrays in kept))
    members = [
        HeadMember(part.fitted, part.val, part.test, seed + part.repeat)
        for part, arrays in zip(parts, kept, strict=True)
        if arrays is None
    ]
    shared = Heads(pool.side.values, pool.side.labels, pool.classes, head, params)
    trained = train_members(shared, members, worker_count())
    probabilities = np.empty((pool.repeats, pool.originals, len(pool.classes)))
    numbers = np.empty((pool.repeats, pool.count, 3))
    for part, name, known in zip(parts, names, kept, strict=True):
        arrays = known
        if arrays is None:
            fitted = next(trained)
            temperature = fit_temperature(fitted.val_logits, pool.labels[part.val])
            own = np.array([temperature, fitted.epochs, fitted.best_epoch])
            arrays = {"logits": fitted.test_logits, "numbers": own}
            finished.put(name, arrays)
            advance(1)
        numbers[part.repeat, part.fold] = arrays["numbers"]
        probabilities[part.repeat, part.test] = softmax(arrays["logits"], arrays["numbers"][0])
    facts = {
        "temperatures": numbers[..., 0].tolist(),
        "epochs": numbers[..., 1].astype(int).tolist(),
        "best_epochs": numbers[..., 2].astype(int).tolist(),
    }
    return RecipePredictions(probabilities, facts)
