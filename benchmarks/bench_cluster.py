"""Sorting small pictures by threads, on a local Ray cluster, and on four nodes of this machine.

    python benchmarks/bench_cluster.py                      # 5 000 pictures of 128 x 128
    python benchmarks/bench_cluster.py --pictures 10000 --rounds 2

Each engine sorts the same files; the digest of the outputs must be equal. CPU seconds are those of
this process and of Ray's, sampled ten times a second: other load changes them less than the wall.
Four nodes are started before the clock, as a cluster would be; the local one is started within, and
`start` says how long a mapping of one empty shard takes.
"""

import argparse
import io
import os
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import psutil
from PIL import Image

from bakeoff.ingest.raw_files import writing_raw_files
from bakeoff.params.data import SortParams
from bakeoff.params.datasets import Folders
from bakeoff.runtime.cluster import Remote
from bakeoff.runtime.files import sha256_of_folder
from bakeoff.runtime.parallel import map_shards, worker_count
from bakeoff.sort.sorting import sort_pictures
from figures import record

NODES = 4


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pictures", type=int, default=5000)
    parser.add_argument("--rounds", type=int, default=1)
    arguments = parser.parse_args()
    spent: dict[str, list[tuple[float, float]]] = {}
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        write_pictures(root / "raw", arguments.pictures)
        digests = set()
        for number in range(arguments.rounds):
            for engine in ("threads", "start", "one node", "four nodes"):
                target = root / f"{number}-{engine}"
                target.mkdir()
                with engine_of(engine), processor_seconds() as used:
                    started = perf_counter()
                    if engine == "start":
                        map_shards(nothing, [""], describe="start", remote=Remote(str, ""))
                    else:
                        sort(root / "raw", target)
                        digests.add(sha256_of_folder(target))
                    seconds = perf_counter() - started
                spent.setdefault(engine, []).append((seconds, sum(used.values())))
                print(f"{engine}: {seconds:.1f} s, {sum(used.values()):.1f} s of CPU", flush=True)
    if len(digests) != 1:
        raise SystemExit("the engines wrote different bytes")
    best = {engine: np.min(runs, axis=0).round(1) for engine, runs in spent.items()}
    ratios = {}
    for engine in ("one node", "four nodes"):
        ratios[f"{engine}, wall"] = best[engine][0] / best["threads"][0]
        ratios[f"{engine}, CPU"] = best[engine][1] / best["threads"][1]
    started = (best["one node"] - best["start"]) / best["threads"]
    ratios["one node without its start, wall"], ratios["one node without its start, CPU"] = started
    measured = {"pictures": arguments.pictures} | {e: list(pair) for e, pair in best.items()}
    record("cluster", ratios, measured)


def nothing(text: str) -> str:
    return text


def write_pictures(raw: Path, pictures: int) -> None:
    rng = np.random.default_rng(0)
    raw.mkdir()
    with writing_raw_files(raw) as create:
        for number in range(pictures):
            small = Image.fromarray(rng.integers(0, 256, (32, 32, 3), np.uint8))
            stream = io.BytesIO()
            small.resize((128, 128), Image.Resampling.BICUBIC).save(stream, "JPEG")
            with create(f"{'ab'[number % 2]}/{number}.jpeg") as file:
                file.write(stream.getvalue())


def sort(raw: Path, target: Path) -> None:
    found = sort_pictures(
        raw,
        target,
        dataset=Folders(kind="folders", archive="x"),
        params=SortParams(),
        where=Path("x.yaml"),
        prefix="data/interim",
    )
    found.manifest.to_csv(target / "manifest.csv", index=False)


@contextmanager
def engine_of(name: str) -> Iterator[None]:
    """Set the environment, and start the four nodes where they are asked for."""
    for variable in ("BAKEOFF_ENGINE", "BAKEOFF_RAY_ADDRESS"):
        os.environ.pop(variable, None)
    if name != "threads":
        os.environ["BAKEOFF_ENGINE"] = "ray"
    if name != "four nodes":
        yield
        return
    from ray.cluster_utils import Cluster

    node: dict[str, Any] = {
        "num_cpus": max(1, worker_count() // NODES),
        "object_store_memory": 128 << 20,
    }
    cluster = Cluster(initialize_head=True, head_node_args={**node, "include_dashboard": False})
    try:
        for _ in range(NODES - 1):
            cluster.add_node(**node)
        os.environ["BAKEOFF_RAY_ADDRESS"] = cluster.address
        yield
    finally:
        cluster.shutdown()


@contextmanager
def processor_seconds() -> Iterator[dict[tuple[int, float], float]]:
    """CPU seconds of this process and its descendants, by process, since the block began."""
    used: dict[tuple[int, float], float] = {}
    before, over = dict(sampled()), threading.Event()

    def sample() -> None:
        while not over.wait(0.1):
            for process, seconds in sampled():
                used[process] = seconds - before.get(process, 0.0)

    watcher = threading.Thread(target=sample)
    watcher.start()
    try:
        yield used
    finally:
        over.set()
        watcher.join()


def sampled() -> Iterator[tuple[tuple[int, float], float]]:
    own = psutil.Process()
    for process in [own, *own.children(recursive=True)]:
        try:
            times = process.cpu_times()
            yield (process.pid, process.create_time()), times.user + times.system
        except psutil.Error:
            continue


if __name__ == "__main__":
    main()
