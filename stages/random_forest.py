"""Fit the random forest that every backbone has to beat."""

from bakeoff.runtime.stage import run_stage

from time import perf_counter

from bakeoff.baselines.classical import Classifier, write_classifier
from bakeoff.baselines.forest import describe_side, fit_forest, forest_metadata
from bakeoff.params.block import read_key
from bakeoff.params.evidence import TrackingParams
from bakeoff.params.models import ForestParams
from bakeoff.params.tuning import read_forest_tuning
from bakeoff.runtime.files import writing_folder
from bakeoff.runtime.fit_record import record_fit
from bakeoff.runtime.layout import FEATURES, MODELS, PROCESSED, SEARCH
from bakeoff.tfrecord.index import read_index
from bakeoff.tracking import live_run, log_search
from bakeoff.tune.classifiers import search_classifier

NAME = "random_forest"


def main() -> None:
    params, seed = ForestParams.read(NAME), int(read_key("seed"))
    index = read_index(PROCESSED)
    started = perf_counter()
    train, val = (
        describe_side(params.descriptors, params.pixels_side, split, PROCESSED, FEATURES)
        for split in ("train", "val")
    )
    described = perf_counter()
    tracking, dataset = TrackingParams.read("tracking"), str(read_key("dataset"))

    def fit(chosen: ForestParams) -> Classifier:
        return fit_forest(train, val, chosen, len(index.classes), seed)

    tuning = read_forest_tuning()
    found = search_classifier(
        SEARCH / NAME, tuning, params, fit, train=train, val=val, seed=seed, stage=NAME
    )
    log_search(SEARCH / NAME, tracking, dataset)
    params = found.applied_to(params)
    with live_run(NAME, "forest", tracking, dataset, {"device": "CPU"}) as run:
        fitting = perf_counter()
        forest = fit(params)
        fitted = perf_counter()
        metadata = forest_metadata(
            NAME, forest, params, index=index, features=FEATURES, seed=seed, found=found
        )
        with writing_folder(MODELS / NAME) as folder:
            card = write_classifier(folder, forest, train, val, metadata)
        facts = record_fit(
            MODELS / NAME, fit_seconds=fitted - fitting, feature_seconds=described - started
        )
        run.finish(MODELS / NAME, facts)
    print(
        f"{NAME}: {card.overall['accuracy']:.3f} accuracy on validation, "
        f"{metadata['out_of_bag_accuracy']:.3f} out of bag, fitted in {facts['fit_seconds']:.1f} s"
    )


if __name__ == "__main__":
    run_stage(NAME, main)
