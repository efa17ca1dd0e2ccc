"""Fit a random forest that every backbone has to beat: one on pixels, one on descriptors."""

from bakeoff.runtime.stage import run_stage

import sys
from time import perf_counter

from bakeoff.baselines.classical import Classifier, write_classifier, write_skipped
from bakeoff.baselines.forest import describe_side, fit_forest, forest_metadata, forest_sentence
from bakeoff.params.baselines import ForestParams, read_forest_params
from bakeoff.params.block import read_key
from bakeoff.params.found import write_no_search
from bakeoff.params.tuning import read_forest_tuning
from bakeoff.runtime.files import writing_folder
from bakeoff.runtime.journal import record_fit
from bakeoff.runtime.layout import FEATURES, MODELS, PROCESSED, SEARCH
from bakeoff.tfrecord.index import read_index
from bakeoff.tracking import note_fit
from bakeoff.tune.classifiers import search_classifier


def main() -> None:
    name = sys.argv[1]
    params, seed = read_forest_params(name), int(read_key("seed"))
    if params is None:
        write_skipped(MODELS / name, f"'{name}' in params.yaml is null")
        write_no_search(SEARCH / name)
        return
    index = read_index(PROCESSED)
    started = perf_counter()
    train, val = (
        describe_side(params.descriptors, params.pixels_side, split, PROCESSED, FEATURES)
        for split in ("train", "val")
    )
    described = perf_counter()

    def fit(chosen: ForestParams) -> Classifier:
        return fit_forest(train, val, chosen, len(index.classes), seed)

    tuning = read_forest_tuning(name)
    found = search_classifier(
        SEARCH / name, tuning, params, fit, train=train, val=val, seed=seed, stage="random_forest"
    )
    params = found.applied_to(params)
    fitting = perf_counter()
    forest = fit(params)
    fitted = perf_counter()
    metadata = forest_metadata(
        name, forest, params, index=index, features=FEATURES, seed=seed, found=found
    )
    with writing_folder(MODELS / name) as folder:
        card = write_classifier(folder, forest, train, val, metadata)
    record_fit(MODELS / name, fit_seconds=fitted - fitting, feature_seconds=described - started)
    note_fit(MODELS / name, "forest", str(read_key("dataset")), {"device": "CPU"})
    scores = (card.overall["accuracy"], metadata["out_of_bag_accuracy"])
    print(forest_sentence(name, *scores, train, fitted - fitting))


if __name__ == "__main__":
    run_stage("random_forest", main)
