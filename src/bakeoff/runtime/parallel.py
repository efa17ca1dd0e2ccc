"""Mapping a pure function over shards with the local machine's cores."""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import joblib
from tqdm import tqdm

T = TypeVar("T")
R = TypeVar("R")


def worker_count() -> int:
    """Number of workers: `BAKEOFF_WORKERS` if set, else the processors of this process."""
    asked = os.environ.get("BAKEOFF_WORKERS")
    return max(1, int(asked)) if asked else joblib.cpu_count()


def map_shards(
    function: Callable[[T], R], shards: Sequence[T], *, describe: str, workers: int | None = None
) -> list[R]:
    """Apply `function` to every shard; results come in the order of the shards.

    It uses threads, because Pillow, NumPy and TensorFlow release the interpreter lock during heavy
    work. The function must be pure: a shard's result depends only on that shard, so the number of
    workers never changes it.
    """
    with ThreadPoolExecutor(workers or worker_count()) as pool:
        results = pool.map(function, shards)
        return list(tqdm(results, total=len(shards), desc=describe, disable=None, delay=2))
