"""Mapping a pure function over shards: with this machine's cores, or on a Ray cluster."""

import os
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from typing import TypeVar

import joblib
from tqdm import tqdm

from bakeoff.runtime.cluster import Remote, each_on_cluster
from bakeoff.runtime.errors import BakeoffError, quoted

T = TypeVar("T")
R = TypeVar("R")


def worker_count() -> int:
    """Number of workers: `BAKEOFF_WORKERS` if set, else the processors of this process."""
    asked = os.environ.get("BAKEOFF_WORKERS")
    return max(1, int(asked)) if asked else joblib.cpu_count()


def on_cluster() -> bool:
    """Whether `BAKEOFF_ENGINE` asks for a Ray cluster.

    Raises:
        BakeoffError: it names an unknown engine.
    """
    engine = os.environ.get("BAKEOFF_ENGINE") or "local"
    if engine not in ("local", "ray"):
        raise BakeoffError(f"BAKEOFF_ENGINE is '{quoted(engine)}'; set it to local or ray")
    return engine == "ray"


def map_shards(
    function: Callable[[T], R],
    shards: Sequence[T],
    *,
    describe: str,
    workers: int | None = None,
    remote: Remote | None = None,
) -> list[R]:
    """Apply `function` to every shard; results come in the order of the shards.

    It uses threads, because Pillow, NumPy and TensorFlow release the interpreter lock during heavy
    work. The function must be pure: a shard's result depends only on that shard, so the number of
    workers never changes it.

    Heavy work names a `remote`, and runs on a cluster where `BAKEOFF_ENGINE` asks for one. Its
    function and shards are pickled; it opens its files by itself, and may be run again, beside a
    run that still writes, so it replaces files (`files.replacing_file`).
    """
    with mapping_shards(
        function, shards, describe=describe, workers=workers, remote=remote
    ) as results:
        return list(results)


@contextmanager
def mapping_shards(
    function: Callable[[T], R],
    shards: Sequence[T],
    *,
    describe: str,
    workers: int | None = None,
    remote: Remote | None = None,
) -> Iterator[Iterator[R]]:
    """As `map_shards`, but yields an iterator over the results; leaving the block ends the work."""
    if on_cluster() and remote:
        results = each_on_cluster(
            function, shards, describe=describe, remote=remote, processors=worker_count()
        )
    else:
        results = _each_in_threads(function, shards, workers or worker_count())
    with closing(results):
        yield iter(tqdm(results, total=len(shards), desc=describe, disable=None, delay=2))


def _each_in_threads(function: Callable[[T], R], shards: Sequence[T], workers: int) -> Generator[R]:
    with ThreadPoolExecutor(workers) as pool:
        yield from pool.map(function, shards)
