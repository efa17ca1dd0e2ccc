"""The gate: a newcomer replaces the champion only if a paired test says that it is better."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bakeoff.evaluate.intervals import Interval, group_swap, percentile_interval, resample_sums
from bakeoff.params.evidence import EvaluateParams
from bakeoff.scoring.predictions import Predictions


@dataclass(frozen=True)
class Verdict:
    """Whether the newcomer is promoted, and why, in one sentence."""

    promoted: bool
    reason: str
    difference: float  # accuracy, newcomer minus champion
    interval: Interval
    p_value: float


def judge(
    newcomer: Predictions,
    champion: Predictions,
    groups: NDArray[np.int64],
    params: EvaluateParams,
    seed: int,
) -> Verdict:
    """Compare two models on the same test pictures, in the same order.

    Promoted is who passes twice: the paired interval (whole groups resampled) lies above
    `promote_margin`, and swapped answers of whole groups rarely differ so much.

    Args:
        newcomer: Predictions of the test side.
        champion: Predictions of the same pictures.
        groups: Each picture's group, shape `(n,)`, in `0..g-1`.
        params: Confidence, resamples and margin.
        seed: For resampling.

    Raises:
        ValueError: the two list different pictures.
    """
    if not np.array_equal(newcomer.image_ids, champion.image_ids):
        raise ValueError("the two models were scored on different pictures")
    gained = newcomer.right.astype(np.int64) - champion.right
    count = int(groups.max()) + 1
    per_group = np.bincount(groups, gained, count)
    pictures = np.bincount(groups, minlength=count)
    drawn = resample_sums(
        np.column_stack([per_group, pictures]).astype(np.float64), params.bootstrap, seed
    )
    interval = percentile_interval(drawn[:, 0] / drawn[:, 1], count, params.confidence)
    p_value = group_swap(per_group.astype(np.int64))
    margin, difference = params.promote_margin, float(gained.mean())
    promoted = interval.low > margin and p_value < 1 - params.confidence
    reason = (
        f"accuracy {difference:+.3f} on the same {len(gained)} test pictures "
        f"({params.confidence:.0%} interval {interval.low:+.3f} to {interval.high:+.3f}, "
        f"p = {p_value:.2g}): {'' if promoted else 'not '}shown to be better"
        f" by more than {margin:g}"
    )
    return Verdict(promoted, reason, difference, interval, p_value)
