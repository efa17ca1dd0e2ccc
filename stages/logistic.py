"""Fit a logistic regression on one backbone's features."""

from bakeoff.runtime.stage import run_stage

import sys
from time import perf_counter

from bakeoff.baselines.classical import Classifier, write_classifier, write_skipped
from bakeoff.baselines.logistic import fit_logistic, logistic_metadata
from bakeoff.features.sides import read_feature_facts, read_feature_side
from bakeoff.params.baselines import LogisticParams
from bakeoff.params.block import read_key
from bakeoff.params.found import write_no_search
from bakeoff.params.tuning import read_logistic_tuning
from bakeoff.runtime.files import writing_folder
from bakeoff.runtime.journal import record_fit
from bakeoff.runtime.layout import FEATURES, MODELS, PROCESSED, SEARCH
from bakeoff.tfrecord.index import read_index
from bakeoff.tracking import note_fit
from bakeoff.tune.classifiers import search_classifier


def main() -> None:
    model = sys.argv[1]
    name = f"logistic_{model}"
    features = read_feature_facts(FEATURES / model)
    if features.get("from_scratch"):
        write_skipped(MODELS / name, f"{model} is trained from scratch and has no frozen features")
        write_no_search(SEARCH / name)
        return
    params, seed = LogisticParams.read("logistic"), int(read_key("seed"))
    index = read_index(PROCESSED)
    train, val = (read_feature_side(FEATURES / model, split) for split in ("train", "val"))

    def fit(chosen: LogisticParams) -> Classifier:
        return fit_logistic(train, val, chosen, len(index.classes))

    tuning = read_logistic_tuning()
    found = search_classifier(
        SEARCH / name, tuning, params, fit, train=train, val=val, seed=seed, stage="logistic"
    )
    params = found.applied_to(params)
    started = perf_counter()
    regression = fit(params)
    seconds = perf_counter() - started
    metadata = logistic_metadata(
        name, regression, params, index=index, features=features, found=found
    )
    with writing_folder(MODELS / name) as folder:
        card = write_classifier(folder, regression, train, val, metadata)
    record_fit(MODELS / name, fit_seconds=seconds)
    note_fit(MODELS / name, "logistic", str(read_key("dataset")), {"device": "CPU"})
    print(f"{name}: {card.overall['accuracy']:.3f} accuracy on validation, {seconds:.1f} s")


if __name__ == "__main__":
    run_stage("logistic", main)
