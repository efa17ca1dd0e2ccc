"""Prediction latency: milliseconds per picture."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter

import numpy as np
from numpy.typing import NDArray

NAN = math.nan

# Seconds after which a measurement is not repeated.
_ENOUGH = 0.5


@dataclass(frozen=True)
class Latency:
    """Milliseconds per picture, from pixels to probabilities."""

    one: float = NAN  # one picture at a time
    batch: float = NAN  # in batches


def clock_latency(
    predict: Callable[[NDArray[np.uint8]], object], batch: NDArray[np.uint8]
) -> Latency:
    """Measure `predict` on single pictures and on the whole batch.

    Args:
        predict: Takes pictures, uint8 `(n, height, width, channels)`. It must have been called
            before, so that compilation and loading are not measured.
        batch: The pictures to predict.
    """
    return Latency(
        _best_ms(lambda: predict(batch[:1])), _best_ms(lambda: predict(batch)) / len(batch)
    )


def _best_ms(call: Callable[[], object]) -> float:
    """The fastest of up to three calls, because disturbances only make a call slower."""
    fastest, spent = math.inf, 0.0
    for _ in range(3):
        started = perf_counter()
        call()
        seconds = perf_counter() - started
        fastest, spent = min(fastest, seconds), spent + seconds
        if spent > _ENOUGH:
            break
    return fastest * 1000
