"""Open the test side, score every model, and say what may be concluded."""

from bakeoff.runtime.stage import run_stage

import pandas as pd

from bakeoff.evaluate.evaluation import gather_evidence
from bakeoff.evaluate.searches import read_searches
from bakeoff.evaluate.table import terminal_table
from bakeoff.evaluate.verdict import headline
from bakeoff.params.block import PARAMS, read_key
from bakeoff.params.datasets import read_chosen_dataset
from bakeoff.params.evidence import EvaluateParams, TrackingParams
from bakeoff.params.models import model_names
from bakeoff.report.files import read_histories, write_evidence
from bakeoff.report.page import Context
from bakeoff.runtime.files import read_json
from bakeoff.runtime.layout import FEATURES, MODELS, PROCESSED, REPORTS, SEARCH, SPLITS
from bakeoff.test_side.candidates import FOREST, read_candidates
from bakeoff.test_side.probabilities import Inputs
from bakeoff.tfrecord.index import read_index
from bakeoff.tracking import log_comparison


def main() -> None:
    params, seed = EvaluateParams.read("evaluate"), int(read_key("seed"))
    dataset, described = read_chosen_dataset()
    names = [FOREST, *model_names(), *(f"logistic_{name}" for name in model_names())]
    candidates = read_candidates(MODELS, names)
    train_labels = pd.read_csv(SPLITS / "train.csv", dtype={"label": str})["label"].value_counts()
    counts = {str(label): int(count) for label, count in train_labels.items()}
    evidence = gather_evidence(candidates, Inputs(PROCESSED, FEATURES), counts, params, seed)
    context = Context(
        dataset=dataset,
        described=described,
        index=read_index(PROCESSED),
        leakage=read_json(REPORTS / "split" / "leakage.json"),
        params=params,
        params_text=PARAMS.read_text(encoding="utf-8"),
        histories=read_histories(candidates),
        searches=read_searches(SEARCH, candidates),
    )
    write_evidence(REPORTS, evidence, context)
    log_comparison(REPORTS, MODELS, TrackingParams.read("tracking"))
    print(terminal_table(evidence.table))
    print(f"\n{headline(evidence.comparison)}\nRead on in {REPORTS / 'report.html'}")


if __name__ == "__main__":
    run_stage("evaluate", main)
