"""The conclusions in plain sentences, no stronger than the tests allow."""

from collections.abc import Mapping

import numpy as np

from bakeoff.evaluate.comparison import Comparison
from bakeoff.evaluate.costs import Cost
from bakeoff.evaluate.evaluation import Evaluation
from bakeoff.evaluate.folded import Curve
from bakeoff.evaluate.pairings import Pairing
from bakeoff.evaluate.remarks import (
    calibration,
    cost_sentence,
    few_groups,
    more_data,
    searched,
    unseen,
    weakness,
)
from bakeoff.evaluate.wording import interval_points, interval_range, p_value, percent, points
from bakeoff.test_side.candidates import FOREST, MAJORITY

_FASTER = 2.0  # latencies of different moments differ by less


def conclusions(evaluation: Evaluation, costs: Mapping[str, Cost]) -> list[str]:
    """The verdict on an evaluation; a test side that leaks is said first.

    Costs are by model; empty where nothing clocked may be said.
    """
    sentences = verdict(evaluation.comparison, costs, evaluation.curves)
    return [*leak_warning(evaluation), *sentences, *map(_twin, evaluation.twins.values())]


def _twin(pairing: Pairing) -> str:
    """What training on pictures brings over the frozen backbone."""
    return f"On the {pairing.power.pictures} images of one fold: {sentence_of(pairing)}"


def leak_warning(evaluation: Evaluation) -> list[str]:
    """A sentence if test images are also in training, else none."""
    if not evaluation.leaking:
        return []
    test, images = evaluation.test, len(evaluation.test.best.predictions.labels)
    beginning = (
        f"The test side leaks: at least {evaluation.leaking} of its {images} images, or others of "
        f"their groups, are also in training; with them {test.best.name} reaches "
        f"{percent(test.best.card.overall['accuracy'])}"
    )
    if evaluation.clean is None:
        return [
            f"{beginning}, and no image is left without them: nothing can be concluded from it."
        ]
    best = evaluation.clean.best
    return [
        f"{beginning}, without them {best.name} reaches {percent(best.card.overall['accuracy'])}."
    ]


def verdict(
    comparison: Comparison, costs: Mapping[str, Cost], curves: Mapping[str, Curve]
) -> list[str]:
    """Sentences in this order: conclusion, what could not be seen, more data, numbers.

    Learning curves are by backbone; empty without folds.
    """
    best = comparison.best
    sentences = [headline(comparison), f"Scored {tested(comparison)}."]
    sentences += [recommendation(comparison, costs), _against_forest(comparison)]
    sentences += [_over_majority(comparison), unseen(comparison), few_groups(comparison)]
    sentences += [more_data(best, curves), searched(comparison)]
    sentences += [selection(comparison), weakness(best), cost_sentence(best.name, costs)]
    return [sentence for sentence in [*sentences, calibration(best)] if sentence]


def headline(comparison: Comparison) -> str:
    """Which model is best, or which models tie."""
    best = comparison.best
    others = len(comparison.against_best)
    level = _level(comparison)
    accuracy = percent(best.card.overall["accuracy"])
    score = f"{accuracy}, {interval_range(best.intervals['accuracy'])}"
    if not others:
        return f"{best.name} reaches {score}."
    if not level:
        rest = f"all {others} other models" if others > 1 else "the other model"
        return f"{best.name} ({score}) is better than {rest}."
    worse = others - len(level)
    rest = f"{len(level)} other models are" if len(level) > 1 else f"{level[0]} are"
    ending = f"; {worse} {'is' if worse == 1 else 'are'} shown to be worse" if worse else ""
    return f"A tie: {best.name} ({score}) and {rest} statistically indistinguishable{ending}."


def tested(comparison: Comparison) -> str:
    """The pictures behind the scores, as the end of a sentence."""
    images = len(comparison.best.predictions.labels)
    groups = f" of {comparison.groups} groups" if comparison.groups < images else ""
    if not comparison.folds:
        return f"on the {images} test images{groups}"
    repeats = len(comparison.best.repeats)
    return (
        f"on all {images} images{groups}, in {repeats} x {comparison.folds} folds, each image "
        "scored by models that never saw its group"
    )


def _level(comparison: Comparison) -> list[str]:
    """The models that are indistinguishable from the best."""
    return [p.model for p in comparison.against_best if p.conclusion == "no difference shown"]


def recommendation(comparison: Comparison, costs: Mapping[str, Cost]) -> str:
    """Which model to use: of the tied ones the best, or a much faster one.

    A backbone with random fallback weights is never recommended.
    """
    tied = [comparison.best.name, *_level(comparison)]
    fit = [name for name in tied if not comparison.named(name).fallback]
    if not fit:
        return (
            "No model is recommended: all of the best use random weights, because the "
            "pretrained ones could not be fetched."
        )
    first = fit[0]
    known = {name: _times_faster(costs.get(first), costs.get(name)) for name in fit}
    if len(tied) == 1 or np.isnan(known[first]):
        return f"Recommended: {first}."
    fastest = max(known, key=lambda name: np.nan_to_num(known[name]))
    ratio = known[fastest]
    if ratio < _FASTER:
        return f"Recommended: {first}; of the models that tie with it none is much faster."
    return (
        f"Recommended: {first}, or {fastest}, which ties with it and is about "
        f"{float(f'{ratio:.1g}'):g} times faster on this machine."
    )


def _times_faster(first: Cost | None, other: Cost | None) -> float:
    """How many times faster the other is, at least: one image at a time and in batches.

    A busy machine disturbs one of the two more than the other. NaN if not measured.
    """
    if first is None or other is None:
        return float("nan")
    one, batch = first.predict_ms, first.predict_ms_batch
    return float(np.minimum(one / other.predict_ms, batch / other.predict_ms_batch))


def selection(comparison: Comparison) -> str:
    """The best model's accuracy corrected for having been selected on these same images."""
    rivals = sum(c.name != MAJORITY for c in comparison.contenders)
    if rivals < 2 or np.isnan(comparison.out_of_bag):
        return ""
    return (
        f"Corrected for the selection of the best of {rivals} models on these images, its accuracy "
        f"is {percent(comparison.out_of_bag)}."
    )


def _against_forest(comparison: Comparison) -> str:
    best = comparison.best
    if not comparison.against_forest:
        return ""
    if best.name == FOREST:
        beaten = [p.model for p in comparison.against_forest if p.conclusion == "worse"]
        rest = len(comparison.against_forest) - len(beaten)
        if not rest:
            return ""  # the headline says so
        return (
            f"No backbone beats the random forest; {rest} of {len(comparison.against_forest)} "
            "other models are statistically indistinguishable from it."
        )
    pairing = next(p for p in comparison.against_forest if p.model == best.name)
    return sentence_of(pairing)


def sentence_of(pairing: Pairing) -> str:
    """One pairing as a sentence."""
    gained = f"{points(pairing.difference)} points ({interval_points(pairing.interval)})"
    chance = f"p {p_value(pairing.p_adjusted)}, corrected for all rivals"
    if pairing.conclusion == "no difference shown":
        return (
            f"{pairing.model} and {pairing.rival} are statistically indistinguishable: "
            f"{gained}, {chance}."
        )
    return f"{pairing.model} is {pairing.conclusion} than {pairing.rival}: {gained}, {chance}."


def _over_majority(comparison: Comparison) -> str:
    """A warning if the best model is hardly better than the majority class."""
    best = comparison.best.name
    pairing = next((p for p in comparison.against_majority if p.model == best), None)
    if pairing is None:
        return ""
    share = percent(comparison.named(MAJORITY).card.overall["accuracy"])
    if pairing.conclusion == "better":
        return f"The majority class alone would reach {share}."
    return (
        f"Warning: {best} is not shown to be better than the majority class, which "
        f"is right for {share} (p {p_value(pairing.p_adjusted)}, corrected for all rivals)."
    )
