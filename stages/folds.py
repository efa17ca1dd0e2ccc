"""Predict every picture by models of one backbone that never saw it."""

from bakeoff.runtime.stage import run_stage

import sys
from time import perf_counter

from bakeoff.features.sides import read_feature_facts
from bakeoff.folds.out_of_fold import write_folds, write_no_folds
from bakeoff.params.baselines import ForestParams, LogisticParams
from bakeoff.params.block import read_key
from bakeoff.params.folds import FoldsParams
from bakeoff.params.resolved import resolved_model
from bakeoff.runtime import journal
from bakeoff.runtime.files import sha256_of_folder, writing_folder
from bakeoff.runtime.journal import peak_memory_mb
from bakeoff.runtime.layout import FEATURES, FOLD_TABLE, FOLDS, PROCESSED, mlruns
from bakeoff.runtime.tables import FOLD_COLUMNS, read_table


def main() -> None:
    name = sys.argv[1]
    params, seed = resolved_model(name), int(read_key("seed"))
    asked, logistic = FoldsParams.read("folds"), LogisticParams.read("logistic")
    folds = read_table(FOLD_TABLE, FOLD_COLUMNS)
    if folds.empty:
        with writing_folder(FOLDS / name) as folder:
            write_no_folds(folder, "no folds were dealt")
        return
    from bakeoff.folds.model import FoldsJob, predict_in_folds
    from bakeoff.runtime.devices import prepare
    from bakeoff.train.job import Job, kind_of

    # Heads train side by side, each on one thread; a network trained on pictures needs them all.
    threads = 1 if kind_of(params) == "head" else None
    started, compute = perf_counter(), prepare("single", seed, threads=threads)
    facts, resume = read_feature_facts(FEATURES / name), mlruns() / "resume"
    job = FoldsJob(
        Job(name, params, facts, FEATURES / name, PROCESSED, resume, seed, compute),
        logistic,
        ForestParams(trees=asked.trees),
        asked.networks,
        folds,
        bool(read_key("augment.balance")),
    )
    predicted = predict_in_folds(job)
    with writing_folder(FOLDS / name) as folder:
        if predicted is None:
            write_no_folds(folder, "it has no frozen features, and folds.networks is none")
            return
        accuracies = write_folds(folder, predicted)
    seconds = perf_counter() - started
    measured = compute.facts() | {
        "folds_seconds": round(seconds, 3),
        "peak_memory_mb": round(peak_memory_mb(), 1),
    }
    journal.record("folds", sha256_of_folder(FOLDS / name), measured)
    shown = ", ".join(f"{recipe} {accuracy:.3f}" for recipe, accuracy in accuracies.items())
    print(f"{name}: accuracy in folds: {shown or 'no recipe'}; {seconds:.1f} s")


if __name__ == "__main__":
    run_stage("folds", main)
