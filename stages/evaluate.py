"""Score every model on the test side and in folds, and draw the conclusions."""

from bakeoff.runtime.stage import run_stage

from collections import Counter

from bakeoff.evaluate.costs import record_latency
from bakeoff.evaluate.evaluation import evaluate_models
from bakeoff.evaluate.evaluation_folder import write_evaluation
from bakeoff.evaluate.folded import read_all_folds
from bakeoff.evaluate.numbers import write_numbers
from bakeoff.evaluate.verdict import headline, leak_warning
from bakeoff.params.block import read_key
from bakeoff.params.evidence import EvaluateParams
from bakeoff.params.resolved import resolved_names
from bakeoff.runtime.files import writing_folder
from bakeoff.runtime.layout import (
    EVALUATION,
    FEATURES,
    FOLDS,
    LEAKING,
    MODELS,
    PROCESSED,
    REPORTS,
    SPLITS,
)
from bakeoff.runtime.tables import SIDES, read_table
from bakeoff.test_side.candidates import compared_names, read_candidates
from bakeoff.test_side.probabilities import Inputs


def main() -> None:
    params, seed = EvaluateParams.read("evaluate"), int(read_key("seed"))
    candidates = read_candidates(MODELS, compared_names(resolved_names()))
    train = read_table(SPLITS / "train.csv", ("label",))
    counts = Counter(train["label"])
    leaking = frozenset(read_table(LEAKING, ("image_id",))["image_id"])
    folds, curves = read_all_folds(FOLDS, candidates)
    evaluation = evaluate_models(
        candidates,
        Inputs(PROCESSED, FEATURES),
        counts,
        params,
        seed,
        folds=folds,
        curves=curves,
        leaking=leaking,
    )
    for candidate in candidates:
        if candidate.name in evaluation.inspections:
            record_latency(candidate, evaluation.inspections[candidate.name].latency)
    with writing_folder(EVALUATION) as folder:
        write_evaluation(folder, evaluation)
    sources: dict[str, str] = {}
    for side in SIDES:
        table = read_table(SPLITS / f"{side}.csv", ("image_id", "source"))
        sources |= dict(zip(table["image_id"], table["source"], strict=True))
    write_numbers(REPORTS, evaluation, sources)
    print("\n".join([*leak_warning(evaluation), headline(evaluation.comparison)]))


if __name__ == "__main__":
    run_stage("evaluate", main)
