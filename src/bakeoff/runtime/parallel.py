"""Mapping a pure function over shards with the local machine's cores."""

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from threading import Lock
from typing import TypeVar

import joblib
from threadpoolctl import threadpool_limits
from tqdm import tqdm

T = TypeVar("T")
R = TypeVar("R")


class _Limit:
    """BLAS's limit of one thread, which is the process's, and how many threads need it."""

    lock = Lock()
    inside = 0
    held = ExitStack()


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


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Let linear algebra run on one thread, so that its sums do not depend on the number of cores.

    BLAS has one limit for the whole process. Threads that are inside at the same time share it, and
    the last one to leave lifts it.
    """
    with _Limit.lock:
        _Limit.inside += 1
        if _Limit.inside == 1:
            import scipy.linalg  # noqa: F401  # its BLAS is another than NumPy's

            _Limit.held.enter_context(threadpool_limits(1, "blas"))
    try:
        yield
    finally:
        with _Limit.lock:
            _Limit.inside -= 1
            if _Limit.inside == 0:
                _Limit.held.close()
