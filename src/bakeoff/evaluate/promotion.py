"""The gate: a challenger replaces the champion only if the paired tests show that it is better.

Every tested challenger is another chance of a false promotion. The error rate is therefore spent:
the k-th challenger is tested at `alpha * gamma_k`, where the `gamma_k` sum to one. This keeps the
probability of any false promotion at most `alpha`, for any number of challengers and any
correlation (alpha spending: Foster and Stine 2008, "Alpha-investing"; Tian and Ramdas 2021, "Online
control of the familywise error rate"). `gamma_k` falls as `k^-1.6`, their default.
"""

from dataclasses import dataclass

from scipy import special

from bakeoff.evaluate.intervals import Interval
from bakeoff.evaluate.outcomes import Outcomes
from bakeoff.evaluate.pairings import against_rival

_DECAY = 1.6


def level_of(look: int, alpha: float = 0.05) -> float:
    """The level at which challenger number `look` is tested; the first is 1.

    Example:
        >>> [round(level_of(k), 4) for k in (1, 2, 5, 20)]
        [0.0219, 0.0072, 0.0017, 0.0002]
        >>> sum(level_of(k) for k in range(1, 100_000)) < 0.05
        True
    """
    return float(alpha * look**-_DECAY / special.zeta(_DECAY))


@dataclass(frozen=True)
class Promotion:
    """Whether the challenger is promoted, and why, in one sentence."""

    promoted: bool
    reason: str
    difference: float  # in the mean outcome, challenger minus champion
    interval: Interval
    p_value: float  # corrected for the candidates that the challenger was selected from
    level: float  # what it is compared with


def judge(
    outcomes: Outcomes,
    *,
    candidates: int,
    look: int,
    confidence: float,
    margin: float = 0.0,
) -> Promotion:
    """Test a newcomer against the champion: `outcomes` are of these two, in this order.

    Promoted is a newcomer whose p-value, times the number of `candidates` that it is the best of on
    these pictures, is at most `level_of(look)`, and whose interval lies above `margin`. `look`
    counts newcomers from 1 since the first champion. The chance of any false promotion is at most
    `1 - confidence`.
    """
    (pairing,) = against_rival(outcomes, outcomes.names[1], confidence)
    level = level_of(look, 1 - confidence)
    p_value = min(1.0, candidates * pairing.p_adjusted)
    difference, interval = pairing.difference, pairing.interval
    promoted = difference > 0 and p_value <= level and interval.low > margin
    reason = (
        f"accuracy {difference:+.3f} on the same {len(outcomes.groups)} test pictures "
        f"({confidence:.0%} interval {interval.low:+.3f} to {interval.high:+.3f}; "
        f"p = {p_value:.2g} as the best of {candidates}, level {level:.2g} for newcomer {look}): "
        f"{'' if promoted else 'not '}shown to be better by more than {margin:g}"
    )
    return Promotion(promoted, reason, difference, interval, p_value, level)
