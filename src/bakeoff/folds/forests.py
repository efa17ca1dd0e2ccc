"""Random forests in folds."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

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
    fitted without the tested fold and another one, and scored on that one; a pair of folds shares
    it, each in its turn. Out-of-bag votes are not used, because a picture's copies and its group's
    other pictures may be in the bag. `seed` is of the first repeat's trees; the following ones
    count up.
    """
    params = within_memory(pool.side, params, len(pool.classes), seed)
    probabilities = np.empty((pool.repeats, pool.originals, len(pool.classes)))
    temperatures = np.empty((pool.repeats, pool.count))
    for part in pool.parts():
        repeat, fold, own = part.repeat, part.fold, seed + part.repeat
        pair = pair_of(fold, pool.count)
        piece = f"repeat_{repeat}_without_{pair[0]}_{pair[1]}"
        held = finished.made(piece, partial(_temperatures, pool, repeat, pair, params, own))
        piece = f"repeat_{repeat}_fold_{fold}"
        logs = finished.made(piece, partial(_votes, pool, part, params, own))["logs"]
        temperature = float(held["temperatures"][pair.index(fold)])
        temperatures[repeat, fold] = temperature
        probabilities[repeat, part.test] = softmax(logs, temperature)
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


def pair_of(fold: int, count: int) -> tuple[int, int]:
    """The two folds, this one among them, that a smaller forest is fitted without.

    Example:
        >>> [pair_of(fold, 5) for fold in range(5)]
        [(0, 1), (0, 1), (2, 3), (2, 3), (0, 4)]
    """
    first = fold - fold % 2
    return (first, first + 1) if first + 1 < count else (0, fold)


def _temperatures(
    pool: Pool, repeat: int, pair: tuple[int, int], params: ForestParams, seed: int
) -> Arrays:
    """The temperature for each fold of the pair, from the other one's pictures."""
    few = params.model_copy(update={"trees": -(-params.trees // _SHARE)})
    one, other = (pool.tested(repeat, fold) for fold in pair)
    scored = np.concatenate([other, one])
    logs = _fit_and_vote(pool, pool.training(repeat, set(pair)), scored, few, seed)
    for_one, for_other = np.split(logs, [len(other)])
    found = [fit_temperature(for_one, pool.labels[other])]
    found.append(fit_temperature(for_other, pool.labels[one]))
    return {"temperatures": np.array(found)}


def _votes(pool: Pool, part: Part, params: ForestParams, seed: int) -> Arrays:
    """Logarithms (m, k) of the votes on the tested fold."""
    return {"logs": _fit_and_vote(pool, part.train, part.test, params, seed)}


def _fit_and_vote(
    pool: Pool, train: Rows, scored: Rows, params: ForestParams, seed: int
) -> NDArray[np.float64]:
    forest = new_forest(params, seed).fit(pool.side.values[train], pool.side.labels[train])
    # With threads, the order in which trees finish would change the sum of votes.
    forest.set_params(n_jobs=None)
    classifier = Classifier(forest, len(pool.classes), 1.0, 0.5 / params.trees)
    return classifier.log_probabilities(pool.side.values[scored])
