"""Predict every picture by forests that never saw it."""

from bakeoff.runtime.stage import run_stage

import sys
from time import perf_counter

from bakeoff.baselines.forest import describe_side
from bakeoff.folds.forests import predict_kept_forest
from bakeoff.folds.out_of_fold import Predicted, write_folds, write_no_folds
from bakeoff.folds.pool import make_pool
from bakeoff.params.baselines import read_forest_params
from bakeoff.params.block import read_key
from bakeoff.runtime import journal
from bakeoff.runtime.files import sha256_of_folder, writing_folder
from bakeoff.runtime.layout import FEATURES, FOLD_TABLE, FOLDS, PROCESSED, mlruns
from bakeoff.runtime.tables import FOLD_COLUMNS, read_table
from bakeoff.tfrecord.index import read_index


def main() -> None:
    name = sys.argv[1]
    params, seed = read_forest_params(name), int(read_key("seed"))
    folds, balanced = read_table(FOLD_TABLE, FOLD_COLUMNS), bool(read_key("augment.balance"))
    if folds.empty or params is None:
        reason = "no folds were dealt" if folds.empty else f"'{name}' in params.yaml is null"
        with writing_folder(FOLDS / name) as folder:
            write_no_folds(folder, reason)
        return
    started = perf_counter()
    index = read_index(PROCESSED)
    sides = [
        describe_side(params.descriptors, params.pixels_side, split, PROCESSED, FEATURES)
        for split in index.splits
    ]
    pool = make_pool(sides, folds, index.classes, balanced=balanced)
    kept = mlruns() / "resume" / "folds"
    forest = predict_kept_forest(pool, params, name=name, seed=seed, kept=kept)
    with writing_folder(FOLDS / name) as folder:
        predicted = Predicted(pool.pictures(), pool.classes, {"forest": forest})
        accuracies = write_folds(folder, predicted)
    seconds = perf_counter() - started
    measured = {"folds_seconds": round(seconds, 3)}
    journal.record("folds", sha256_of_folder(FOLDS / name), measured)
    print(
        f"{name}: accuracy in {pool.count} folds, {pool.repeats} times: "
        f"{accuracies['forest']:.3f}; {seconds:.1f} s"
    )


if __name__ == "__main__":
    run_stage("forest_folds", main)
