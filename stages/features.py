"""Compute the features of every picture with a model's frozen backbone."""

from bakeoff.runtime.stage import run_stage

import sys
from time import perf_counter

from bakeoff.features.weights import resolve_weights
from bakeoff.params.block import read_key
from bakeoff.params.resolved import resolved_features
from bakeoff.runtime import journal
from bakeoff.runtime.files import sha256_of_folder, writing_folder
from bakeoff.runtime.journal import peak_memory_mb
from bakeoff.runtime.layout import FEATURES, PROCESSED
from bakeoff.tfrecord.index import read_index


def main() -> None:
    name = sys.argv[1]
    request, seed = resolved_features(name), int(read_key("seed"))
    params = request.model
    weights = resolve_weights(
        params.weights,
        params.backbone,
        mirror=request.weights_mirror,
        unreachable=request.weights_unreachable,
        decided=request.decided,
    )
    from bakeoff.features.frozen import write_features
    from bakeoff.runtime.devices import prepare

    compute = prepare("single", seed)
    index = read_index(PROCESSED)
    started = perf_counter()
    with writing_folder(FEATURES / name) as folder:
        facts = write_features(folder, params, weights, PROCESSED, index)
    seconds = perf_counter() - started
    pictures = sum(side.examples for side in index.splits.values())
    measured = compute.facts() | {
        "feature_seconds": round(seconds, 3),
        "pictures": pictures,
        "peak_memory_mb": round(peak_memory_mb(), 1),
        "weights_from": weights.place,
    }
    journal.record("features", sha256_of_folder(FEATURES / name), measured)
    if params.from_scratch:
        print(f"{name}: {params.backbone} is trained from scratch, without frozen features")
    else:
        print(
            f"{name}: {pictures} pictures, {facts['dim']} features each, {seconds:.1f} s, "
            f"weights: {weights.file if weights.kind == 'file' else weights.kind} ({weights.place})"
        )


if __name__ == "__main__":
    run_stage("features", main)
