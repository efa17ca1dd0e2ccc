"""Mapping keeps order and passes errors on."""

import time
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Event

import pytest
import scipy.linalg  # noqa: F401  # its BLAS must be loaded before a limit is set
from threadpoolctl import threadpool_info, threadpool_limits

from bakeoff.runtime.parallel import map_shards, one_blas_thread, worker_count


def test_results_keep_the_order_of_the_shards():
    def slow_first(number: int) -> int:
        time.sleep(0.05 if number == 0 else 0)
        return number * number

    assert map_shards(slow_first, range(8), describe="squares", workers=4) == [
        n * n for n in range(8)
    ]


def test_an_error_in_a_shard_is_raised():
    with pytest.raises(ZeroDivisionError):
        map_shards(lambda n: 1 / n, [1, 0], describe="inverses", workers=2)


def test_the_number_of_workers_can_be_set(monkeypatch):
    monkeypatch.setenv("BAKEOFF_WORKERS", "3")
    assert worker_count() == 3
    monkeypatch.delenv("BAKEOFF_WORKERS")
    assert worker_count() >= 1


def blas_threads():
    return {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"}


def test_a_thread_that_leaves_does_not_lift_the_limit_of_another():
    """With `threadpool_limits` in each thread, the last bits of a sum were a matter of luck."""
    both_inside, first_has_left = Barrier(2), Event()

    def first():
        with one_blas_thread():
            both_inside.wait(30)
        first_has_left.set()

    def second():
        with one_blas_thread():
            both_inside.wait(30)
            assert first_has_left.wait(30)
            return blas_threads()

    with threadpool_limits(3, "blas"), ThreadPoolExecutor(2) as pool:
        one, two = pool.submit(first), pool.submit(second)
        one.result(60)
        assert two.result(60) == {1}
        assert blas_threads() == {3}


def test_the_limit_is_lifted_after_an_error():
    with threadpool_limits(2, "blas"):
        with pytest.raises(KeyError), one_blas_thread():
            raise KeyError
        assert blas_threads() == {2}
