"""What may be concluded, in plain sentences; no stronger than the tests allow."""

from collections.abc import Mapping

import numpy as np

from bakeoff.evaluate.comparison import Comparison, Contender
from bakeoff.evaluate.costs import Cost
from bakeoff.evaluate.intervals import Interval
from bakeoff.evaluate.outcomes import FEW_GROUPS
from bakeoff.evaluate.pairings import Pairing
from bakeoff.test_side.candidates import FOREST, MAJORITY

# Measured times differ by less than this from one moment to the next.
_FASTER = 1.2

_POINTS = 5  # the difference for which the pictures needed are said


def verdict(comparison: Comparison, costs: Mapping[str, Cost]) -> list[str]:
    """Sentences in the order in which a reader wants them: which, how sure, where it fails."""
    best = comparison.best
    sentences = [headline(comparison), *_advice(comparison, costs), _against_forest(comparison)]
    sentences += [_unseen(comparison), _few_groups(comparison)]
    sentences += [choice(comparison), _weakness(best), _cost(best.name, costs)]
    sentences += [_calibration(best), _over_majority(comparison)]
    return [sentence for sentence in sentences if sentence]


def headline(comparison: Comparison) -> str:
    """The best model with its accuracy and how sure that is."""
    best = comparison.best
    pictures = len(best.predictions.labels)
    of_groups = f" from {comparison.groups} groups" if comparison.groups < pictures else ""
    trained = sum(c.name != MAJORITY for c in comparison.contenders)
    return (
        f"{best.name} is the most accurate of {trained} models: "
        f"{_percent(best.card.overall['accuracy'])} "
        f"({_range(best.intervals['accuracy'])}) of {pictures} test pictures{of_groups}."
    )


def choice(comparison: Comparison) -> str:
    """How good the best is without the luck of having been chosen on these same pictures."""
    rivals = sum(c.name != MAJORITY for c in comparison.contenders)
    if rivals < 2 or np.isnan(comparison.out_of_bag):
        return ""
    return (
        f"To be the best of {rivals} on these pictures takes some luck too: chosen on some of them "
        f"and scored on the others, the best comes to {_percent(comparison.out_of_bag)}."
    )


def _against_forest(comparison: Comparison) -> str:
    best = comparison.best
    if not comparison.against_forest:
        return ""
    if best.name == FOREST:
        beaten = [p.model for p in comparison.against_forest if p.conclusion == "worse"]
        rest = len(comparison.against_forest) - len(beaten)
        if not rest:
            return "No backbone beats the random forest; it is shown to be better than all of them."
        return (
            f"No backbone beats the random forest; for {rest} of {len(comparison.against_forest)} "
            "rivals no difference from it is shown."
        )
    pairing = next(p for p in comparison.against_forest if p.model == best.name)
    return sentence_of(pairing)


def sentence_of(pairing: Pairing) -> str:
    """One pairing as a sentence."""
    points = f"{pairing.difference * 100:+.1f} points ({_points(pairing.interval)})"
    p_value = f"p {_p(pairing.p_adjusted)}, corrected for all rivals"
    if pairing.conclusion == "no difference shown":
        return (
            f"No difference between {pairing.model} and {pairing.rival} is shown: "
            f"{points}, {p_value}."
        )
    return f"{pairing.model} is {pairing.conclusion} than {pairing.rival}: {points}, {p_value}."


def _advice(comparison: Comparison, costs: Mapping[str, Cost]) -> list[str]:
    """Which model to take: the best, or a faster one that is not shown to be worse."""
    best = comparison.best
    level = [p.model for p in comparison.against_best if p.conclusion == "no difference shown"]
    if not comparison.against_best:
        return []
    if not level:
        return [f"Take {best.name}: every other model is shown to be worse."]
    known = {n: costs[n].predict_ms_batch for n in [best.name, *level] if n in costs}
    known = {name: ms for name, ms in known.items() if not np.isnan(ms)}
    others = f"Not shown to be worse: {', '.join(level)}."
    if best.name not in known:
        return [others]
    fastest = min(known, key=known.__getitem__)
    if fastest == best.name:
        return [f"Take {best.name}: of those not shown to be worse none is faster.", others]
    ratio = known[best.name] / known[fastest]
    if ratio < _FASTER:
        return [f"Take {best.name}: of those not shown to be worse none is clearly faster.", others]
    return [
        f"Take {best.name} where accuracy is all; {fastest} is not shown to be worse and answers "
        f"{ratio:.3g} times faster ({known[fastest]:.1f} against {known[best.name]:.1f} ms a "
        "picture).",
        others,
    ]


def _weakness(best: Contender) -> str:
    """The confusion that hits the largest share of its class."""
    wrong = best.card.matrix.copy()
    np.fill_diagonal(wrong, 0)
    if not wrong.any():
        return f"{best.name} makes no mistake on this test side."
    true, taken = np.unravel_index(wrong.argmax(), wrong.shape)
    classes, total = best.predictions.classes, best.card.matrix[true].sum()
    return (
        f"Its commonest mistake is to take {classes[true]} for {classes[taken]}: "
        f"{wrong[true, taken]:.0f} of {total:.0f}."
    )


def _cost(name: str, costs: Mapping[str, Cost]) -> str:
    """What the best model costs, as far as that was measured here."""
    cost = costs.get(name, Cost())
    parts = [
        (cost.predict_ms, f"{cost.predict_ms:.3g} ms for one picture"),
        (cost.megabytes, f"{cost.megabytes:.3g} MB"),
        (cost.training_seconds, f"{cost.training_seconds:.0f} s of training, features included"),
    ]
    known = [words for value, words in parts if not np.isnan(value)]
    return f"It costs {', '.join(known)}." if known else ""


def _calibration(best: Contender) -> str:
    before = best.uncalibrated.overall["calibration_error"]
    after = best.card.overall["calibration_error"]
    return (
        f"When it says how sure it is, it is off by {_percent(after)} on average "
        f"({_percent(before)} before temperature scaling)."
    )


def _over_majority(comparison: Comparison) -> str:
    """A warning where the best model is hardly better than always naming the commonest class."""
    best = comparison.best.name
    pairing = next((p for p in comparison.against_majority if p.model == best), None)
    if pairing is None:
        return ""
    share = _percent(comparison.named(MAJORITY).card.overall["accuracy"])
    if pairing.conclusion == "better":
        return f"Always naming the commonest class would be right for {share}."
    return (
        f"Warning: {best} is not shown to be better than always naming the commonest class, which "
        f"is right for {share} (p {_p(pairing.p_adjusted)}, corrected for all rivals)."
    )


def _unseen(comparison: Comparison) -> str:
    """Which differences this many pictures cannot show."""
    if not comparison.against_best:
        return ""
    powers = [p.power for p in comparison.against_best]
    power = sorted(powers, key=lambda p: p.least_difference)[len(powers) // 2]
    if not power.least_difference > 0:
        return ""
    needed = power.pictures_needed(_POINTS / 100)
    rivals = f"{len(powers)} rivals" if len(powers) > 1 else "its rival"
    return (
        f"Against {rivals}, a difference of {power.least_difference * 100:.0f} points would be "
        f"found with a chance of 80 %; to find one of {_POINTS} points as surely takes about "
        f"{needed:,.0f} test pictures, grouped like these {power.pictures}."
    )


def _few_groups(comparison: Comparison) -> str:
    """A warning where intervals may be too narrow."""
    behind = comparison.best.groups_behind
    few = [name for name, groups in behind.items() if groups < FEW_GROUPS]
    if not few:
        return ""
    if comparison.effective_groups < FEW_GROUPS:
        reason = (
            f"The test pictures are worth {comparison.effective_groups:.0f} groups of equal size"
        )
    else:
        reason = f"Few groups hold most of what decides {', '.join(few)}"
    return f"{reason}: below {FEW_GROUPS:.0f}, a 95 % interval may hold the truth less often."


def _percent(share: float) -> str:
    return f"{share * 100:.1f} %"


def _range(interval: Interval) -> str:
    if np.isnan(interval.low):
        return "interval unknown: a single group"
    return f"{interval.low * 100:.1f} to {interval.high * 100:.1f} %"


def _points(interval: Interval) -> str:
    if np.isnan(interval.low):
        return "interval unknown"
    return f"{interval.low * 100:+.1f} to {interval.high * 100:+.1f}"


def _p(value: float) -> str:
    return "< 0.001" if value < 0.001 else f"= {value:.3f}"
