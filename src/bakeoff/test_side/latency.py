"""Milliseconds that a model takes for one picture."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter

import numpy as np
from numpy.typing import NDArray

NAN = math.nan

# Seconds after which a measurement is not repeated: what is slow is measured well enough by one.
_ENOUGH = 0.5


@dataclass(frozen=True)
class Latency:
    """Milliseconds per picture, from pixels to probabilities."""

    one: float = NAN  # pictures asked one at a time
    batch: float = NAN  # pictures asked in batches


def clock_latency(
    predict: Callable[[NDArray[np.uint8]], object], batch: NDArray[np.uint8]
) -> Latency:
    """Clock `predict` on single pictures and on the whole batch.

    Args:
        predict: Takes pictures, uint8 `(n, height, width, channels)`; it was called before, so
            that nothing is compiled or loaded while the clock runs.
        batch: The pictures to ask about.
    """
    return Latency(
        _best_ms(lambda: predict(batch[:1])), _best_ms(lambda: predict(batch)) / len(batch)
    )


def _best_ms(call: Callable[[], object]) -> float:
    """The fastest of up to three calls: what disturbs a measurement only ever makes it slower."""
    fastest, spent = math.inf, 0.0
    for _ in range(3):
        started = perf_counter()
        call()
        seconds = perf_counter() - started
        fastest, spent = min(fastest, seconds), spent + seconds
        if spent > _ENOUGH:
            break
    return fastest * 1000
