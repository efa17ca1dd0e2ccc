"""Bootstrap resamples of every score of one model."""

import numpy as np
from numpy.typing import NDArray

from bakeoff.evaluate import intervals
from bakeoff.evaluate.ranking import resampled_areas
from bakeoff.scoring import probability_scores as ranked
from bakeoff.scoring import scores
from bakeoff.scoring.predictions import Predictions
from bakeoff.scoring.scorecard import CLASSES_FOR_TOP_K, TOP_K


def resampled_scores(
    predictions: Predictions, groups: NDArray[np.int64], resamples: int, seed: int
) -> dict[str, NDArray[np.float64]]:
    """Scores of bootstrap resamples of whole groups.

    Args:
        predictions: Of `n` pictures.
        groups: Each picture's group, shape `(n,)`, in `0..g-1`, all of them used.
        resamples: How many.
        seed: Equal seeds pair the resamples of different models on the same pictures.

    Returns:
        Arrays of shape `(resamples,)` for every overall score but the calibration error: noise
        within its bins never cancels, so that its resamples lie far above it. And `recall`, of
        shape `(resamples, k)`.
    """
    k = len(predictions.classes)
    labels, probabilities = predictions.labels, predictions.probabilities
    cells = labels * k + predictions.predicted
    count = int(groups.max()) + 1
    counts = np.bincount(groups * k * k + cells, minlength=count * k * k).reshape(count, k * k)
    means = {
        "log_loss": ranked.log_losses(labels, probabilities),
        "brier": ranked.brier_losses(labels, probabilities),
    }
    if k > CLASSES_FOR_TOP_K:
        means |= {
            f"top_{n}_accuracy": ranked.among_likeliest(labels, probabilities, n) for n in TOP_K
        }
    sums = [np.bincount(groups, values, count) for values in means.values()]
    drawn = intervals.resample_sums(
        np.column_stack([counts.astype(np.float64), *sums]), resamples, seed
    )
    matrices = drawn[:, : k * k].reshape(-1, k, k)
    pictures = matrices.sum(axis=(1, 2))
    samples = {name: score(matrices) for name, score in scores.OVERALL.items()}
    samples["recall"] = scores.recall(matrices)
    samples |= {name: drawn[:, k * k + i] / pictures for i, name in enumerate(means)}
    return samples | resampled_areas(labels, probabilities, groups, resamples, seed)
