"""What else is said of the best model: what was not seen, more data, mistakes, cost."""

from collections.abc import Mapping

import numpy as np

from bakeoff.evaluate.comparison import Comparison, Contender
from bakeoff.evaluate.costs import Cost
from bakeoff.evaluate.folded import Curve
from bakeoff.evaluate.intervals import Interval
from bakeoff.evaluate.outcomes import FEW_GROUPS
from bakeoff.evaluate.table import trials_of
from bakeoff.evaluate.wording import interval_points, percent, points
from bakeoff.scoring.probability_scores import calibration_error_by_chance

_POINTS = 5  # the difference for which the number of images is given
FEWEST_FOR_CALIBRATION = 500
"""Images from which a calibration error is shown; with fewer it is mostly noise."""


def unseen(comparison: Comparison) -> str:
    """The differences to the models that tie with the best that these images cannot show.

    Without a tie, to all models: a poor model differs on so many images that only a large
    difference to it would be found.
    """
    rivals = comparison.against_best
    tied = [p for p in rivals if p.conclusion == "no difference shown"]
    powers = sorted((p.power for p in tied or rivals), key=lambda p: p.least_difference)
    if not powers:
        return ""
    power = powers[len(powers) // 2]
    if not power.least_difference > 0:
        return ""
    against = f"{len(rivals)} rivals" if len(rivals) > 1 else "its rival"
    least = f"{power.least_difference * 100:.0f}"
    beginning = (
        f"Against {against}, a difference of {least} points would be found with a chance of 80 %, "
        "a smaller one less often"
    )
    if int(least) <= _POINTS:
        return f"{beginning}."
    needed = power.pictures_needed(_POINTS / 100)
    return (
        f"{beginning}; to find one of {_POINTS} points as surely takes about "
        f"{float(f'{needed:.2g}'):,.0f} test images, grouped like these {power.pictures}."
    )


def few_groups(comparison: Comparison) -> str:
    """A warning if intervals may be too narrow."""
    few = [name for name, groups in comparison.best.groups_behind.items() if groups < FEW_GROUPS]
    if not few:
        return ""
    if comparison.effective_groups < FEW_GROUPS:
        reason = f"The images are worth {comparison.effective_groups:.0f} groups of equal size"
    else:
        reason = f"Few groups hold most of what decides {', '.join(few)}"
    return f"{reason}: below {FEW_GROUPS:.0f}, a 95 % interval may cover the truth less often."


def searched(comparison: Comparison) -> str:
    """Which models are exported with other values than those that the folds score."""
    if not comparison.folds:
        return ""
    names = [c.name for c in comparison.contenders if trials_of(c.metadata)]
    if not names:
        return ""
    return (
        f"The folds score {', '.join(names)} with the values of params.yaml. The exported models "
        "have those that a search found, on images that are tested here: their own score is that "
        "of the test side."
    )


def more_data(best: Contender, curves: Mapping[str, Curve]) -> str:
    """Whether more labels would help, from the learning curve of the best model's backbone."""
    backbone = next((n for n in curves if best.name in (n, f"logistic_{n}", f"forest_{n}")), None)
    if backbone is None:
        return ""
    curve = curves[backbone]
    reading = curve.reading
    bounds = interval_points(Interval(reading.low, reading.high))
    gain = f"{points(reading.gain)} points per doubling, {bounds}"
    ends = f"from {curve.pictures[0]:.0f} to {curve.pictures[-1]:.0f} training images"
    match reading.reading:
        case "still rising":
            beginning = "is still rising: labelling more images should help"
        case "flat":
            beginning = "is flat: more images of the same kind would hardly help"
        case _:
            beginning = "does not tell whether more images would help"
    return f"The learning curve of the regression on {backbone}, {ends}, {beginning} ({gain})."


def weakness(best: Contender) -> str:
    """The confusion with the largest share of its class."""
    matrix = best.card.matrix
    totals = matrix.sum(axis=1, keepdims=True)
    shares = np.divide(matrix, totals, out=np.zeros_like(matrix), where=totals > 0)
    np.fill_diagonal(shares, 0)
    if not shares.any():
        return f"{best.name} makes no mistake on these images."
    if (shares * totals).sum() < 1:
        return (
            f"In the mean of the repeats {best.name} makes less than one mistake on these images."
        )
    true, taken = np.unravel_index(shares.argmax(), shares.shape)
    classes = best.predictions.classes
    return (
        f"Its commonest mistake by share: {classes[true]} taken for {classes[taken]}, "
        f"{shares[true, taken] * 100:.0f} % of {totals[true, 0]:.0f}."
    )


def cost_sentence(name: str, costs: Mapping[str, Cost]) -> str:
    """The measured costs of the best model."""
    cost = costs.get(name, Cost())
    parts = [
        (cost.predict_ms, f"{_rounded(cost.predict_ms)} ms for one image"),
        (cost.megabytes, f"{cost.megabytes:.3g} MB"),
        (
            cost.training_seconds,
            f"{_rounded(cost.training_seconds)} s of training, features included",
        ),
    ]
    known = [words for value, words in parts if not np.isnan(value)]
    return f"It costs {', '.join(known)}, measured on this machine." if known else ""


def _rounded(value: float) -> str:
    """Two significant digits, as far as a time is known."""
    return f"{float(f'{value:.2g}'):g}"


def calibration(best: Contender) -> str:
    """The calibration error, and that of a perfectly calibrated model on as many images."""
    if len(best.predictions.labels) < FEWEST_FOR_CALIBRATION:
        return ""
    chance = calibration_error_by_chance([p.probabilities for p in best.repeats])
    return (
        f"Its calibration error is {percent(best.card.overall['calibration_error'])}; a perfectly "
        f"calibrated model would show {percent(chance)} on as many images."
    )
