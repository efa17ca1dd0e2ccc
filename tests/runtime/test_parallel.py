"""Mapping keeps order and passes errors on."""

import time

import pytest

from bakeoff.runtime.parallel import map_shards, worker_count


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
