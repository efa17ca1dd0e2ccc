"""Measure all heads of a backbone's folds relative to one fit of its head.

    python benchmarks/bench_folds.py                   # every model of params.yaml
    python benchmarks/bench_folds.py --models vgg16

Each is trained as params.yaml says, and for ten epochs without early stopping. The single fit and
the folds take turns, so that other load falls on both; CPU seconds (`cpu`) stand beside wall
seconds, because other load changes them less. Both run each operation on one thread, as the stage
does.

It needs the features of `dvc repro features` and `data/splits/folds.csv`.
"""

import argparse
from collections.abc import Callable
from time import perf_counter, process_time

from bakeoff.features.sides import read_feature_facts, read_feature_side
from bakeoff.folds.pool import read_feature_pool
from bakeoff.params.model_names import model_names
from bakeoff.params.models import read_model_params
from bakeoff.params.training import HeadParams, TrainParams
from bakeoff.runtime.devices import prepare
from bakeoff.runtime.layout import FEATURES, FOLD_TABLE
from bakeoff.runtime.parallel import worker_count
from bakeoff.runtime.tables import FOLD_COLUMNS, read_table
from bakeoff.train.head_members import HeadMember, Heads, train_members
from bakeoff.train.head_training import train_head

SEED = 20

Spent = tuple[float, float]  # wall and CPU seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--models", nargs="+", default=model_names())
    parser.add_argument("--repeats", type=int, default=3)
    asked = parser.parse_args()
    for name in asked.models:
        params = read_model_params(name)
        kind = read_feature_facts(FEATURES / name)["weights"]["kind"]
        head = params.head.for_weights(kind)
        whole = params.train.model_copy(update={"epochs": 10, "early_stopping": None})
        for what, train in (("as in params.yaml", params.train), ("ten epochs", whole)):
            measure(name, what, head, train, asked.repeats)


def measure(name: str, what: str, head: HeadParams, train: TrainParams, repeats: int) -> None:
    """Print the quickest of some turns of one fit and of all heads of the folds."""
    classes = read_feature_facts(FEATURES / name)["classes"]
    sides = [read_feature_side(FEATURES / name, side) for side in ("train", "val")]
    folds = read_table(FOLD_TABLE, FOLD_COLUMNS)
    pool = read_feature_pool(FEATURES / name, folds, classes, balanced=False)
    members = [HeadMember(p.fitted, p.val, p.test, SEED + p.repeat) for p in pool.parts()]
    heads = Heads(pool.side.values, pool.side.labels, classes, head, train)
    epochs: dict[str, float] = {}
    prepare("single", SEED, threads=1)  # as the stage does; before TensorFlow starts

    def one() -> None:
        compute = prepare("single", SEED)
        val = sides[1].originals()
        _, progress, _ = train_head(sides[0], val, classes, head, train, seed=SEED, compute=compute)
        epochs["one"] = progress.epoch

    def all_of_them() -> None:
        fitted = list(train_members(heads, members, worker_count()))
        epochs["folds"] = sum(f.epochs for f in fitted) / len(fitted)

    one()  # what only the first fit in a process pays
    single, together = [], []
    for _ in range(repeats):
        single.append(clock(one))
        together.append(clock(all_of_them))
    (wall, cpu), (walls, cpus) = (quickest(spent) for spent in (single, together))
    print(
        f"{name}, {what}: one fit {wall:.1f} s (cpu {cpu:.1f}, {epochs['one']:.0f} epochs), "
        f"{len(members)} heads {walls:.1f} s (cpu {cpus:.1f}, {epochs['folds']:.1f} epochs each): "
        f"{walls / wall:.1f} times the wall, {cpus / cpu:.1f} times the cpu"
    )


def clock(action: Callable[[], object]) -> Spent:
    """Wall and CPU seconds of one run."""
    started = perf_counter(), process_time()
    action()
    return perf_counter() - started[0], process_time() - started[1]


def quickest(spent: list[Spent]) -> Spent:
    """The least wall and the least CPU seconds."""
    walls, cpus = zip(*spent, strict=True)
    return min(walls), min(cpus)


if __name__ == "__main__":
    main()
