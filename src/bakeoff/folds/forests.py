"""Random forests in folds."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from bakeoff.baselines.classifier import Classifier
from bakeoff.baselines.forest import new_forest, within_memory
from bakeoff.folds.finished import Arrays, Finished
from bakeoff.folds.out_of_fold import RecipePredictions
from bakeoff.folds.pool import Part, Pool, Rows
from bakeoff.params.baselines import ForestParams
from bakeoff.runtime.fingerprints import code_sha256
from bakeoff.runtime.progress_bar import progress_bar
from bakeoff.scoring.temperature import fit_temperature, softmax

_SHARE = 3  # the forest that the temperature is fitted on has a third of the trees


def predict_forest(
    pool: Pool,
    params: ForestParams,
    *,
    seed: int,
    finished: Finished,
    advance: Callable[[int], object] = lambda parts: None,
) -> RecipePredictions:
    """Out-of-fold probabilities (R, n, k) of a random forest on the pool's vectors.

    A forest is fitted on the whole training part. Its temperature comes from a smaller forest,
    fitted without the next fold and scored on it. Out-of-bag votes are not used, because a
    picture's copies and its group's other pictures may be in the bag. `seed` is of the first
    repeat's trees; the following ones count up.
    """
    params = within_memory(pool.side, params, len(pool.classes), seed)
    probabilities = np.empty((pool.repeats, pool.originals, len(pool.classes)))
    temperatures = np.empty((pool.repeats, pool.count))
    for part in pool.parts():
        piece = f"repeat_{part.repeat}_fold_{part.fold}"
        arrays = finished.made(piece, partial(_predict, pool, part, params, seed + part.repeat))
        temperatures[part.repeat, part.fold] = arrays["temperature"]
        probabilities[part.repeat, part.test] = softmax(
            arrays["logs"], float(arrays["temperature"])
        )
        advance(1)
    return RecipePredictions(probabilities, {"temperatures": temperatures.tolist()})


def predict_kept_forest(
    pool: Pool, params: ForestParams, *, name: str, seed: int, kept: Path
) -> RecipePredictions:
    """The same for a forest that is a model itself, with progress.

    `kept` is the folder of finished parts, so that an interrupted run resumes after them.
    """
    asked = {"params": params.model_dump(mode="json"), "pool": pool.sha256, "seed": seed}
    finished = Finished(kept, name, asked | {"code": code_sha256("forest_folds")})
    with progress_bar(pool.repeats * pool.count, f"{name} in folds", "folds") as bar:
        forest = predict_forest(pool, params, seed=seed, finished=finished, advance=bar.update)
    finished.forget_others()
    return forest


def _predict(pool: Pool, part: Part, params: ForestParams, seed: int) -> Arrays:
    """The temperature, and logarithms (m, k) of the votes on the tested fold."""
    few = params.model_copy(update={"trees": -(-params.trees // _SHARE)})
    with threadpool_limits(1, "blas"):
        held = _fit_and_vote(pool, part.fitted, part.val, few, seed)
        temperature = fit_temperature(held, pool.labels[part.val])
        logs = _fit_and_vote(pool, part.train, part.test, params, seed)
    return {"logs": logs, "temperature": np.array(temperature)}


def _fit_and_vote(
    pool: Pool, train: Rows, scored: Rows, params: ForestParams, seed: int
) -> NDArray[np.float64]:
    forest = new_forest(params, seed).fit(pool.side.values[train], pool.side.labels[train])
    # With threads, the order in which trees finish would change the sum of votes.
    forest.set_params(n_jobs=None)
    classifier = Classifier(forest, len(pool.classes), 1.0, 0.5 / params.trees)
    return classifier.log_probabilities(pool.side.values[scored])
