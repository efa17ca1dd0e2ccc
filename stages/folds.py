"""Predict every picture by models of one backbone's features that never saw it."""

from bakeoff.runtime.stage import run_stage

import sys
from time import perf_counter

from bakeoff.features.sides import read_feature_facts
from bakeoff.folds.pool import read_feature_pool
from bakeoff.folds.predictions import write_folds, write_no_folds
from bakeoff.params.block import read_key
from bakeoff.params.folds import FoldsParams
from bakeoff.params.models import ForestParams, LogisticParams
from bakeoff.params.resolved import resolved_model
from bakeoff.runtime import journal
from bakeoff.runtime.files import sha256_of_folder, writing_folder
from bakeoff.runtime.fit_record import peak_memory_mb
from bakeoff.runtime.layout import FEATURES, FOLD_TABLE, FOLDS, mlruns
from bakeoff.runtime.tables import FOLD_COLUMNS, read_table


def main() -> None:
    name = sys.argv[1]
    params, seed = resolved_model(name), int(read_key("seed"))
    logistic, trees = LogisticParams.read("logistic"), FoldsParams.read("folds").trees
    balanced = bool(read_key("augment.balance"))
    folds, features = read_table(FOLD_TABLE, FOLD_COLUMNS), read_feature_facts(FEATURES / name)
    if folds.empty or features["from_scratch"]:
        reason = "no folds were dealt" if folds.empty else f"{name} has no frozen features"
        with writing_folder(FOLDS / name) as folder:
            write_no_folds(folder, reason)
        return
    from bakeoff.folds.backbone import Recipes, predict_backbone
    from bakeoff.runtime.devices import prepare

    compute = prepare("single", seed)
    started = perf_counter()
    pool = read_feature_pool(FEATURES / name, folds, features["classes"], balanced=balanced)
    head = params.head.for_weights(features["weights"]["kind"])
    recipes = Recipes(head, params.train, logistic, ForestParams(trees=trees))
    predicted, curve = predict_backbone(
        pool, recipes, name=name, seed=seed, kept=mlruns() / "resume" / "folds"
    )
    with writing_folder(FOLDS / name) as folder:
        accuracies = write_folds(folder, pool.pictures(), pool.classes, predicted, curve)
    seconds = perf_counter() - started
    measured = compute.facts() | {
        "folds_seconds": round(seconds, 3),
        "peak_memory_mb": round(peak_memory_mb(), 1),
    }
    journal.record("folds", sha256_of_folder(FOLDS / name), measured)
    said = ", ".join(f"{recipe} {accuracy:.3f}" for recipe, accuracy in accuracies.items())
    print(f"{name}: accuracy in {pool.count} folds, {pool.repeats} times: {said}; {seconds:.1f} s")


if __name__ == "__main__":
    run_stage("folds", main)
