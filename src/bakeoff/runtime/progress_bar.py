"""Progress of long work: a bar in a terminal, occasional lines in a log file."""

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Protocol

from tqdm import tqdm

logger = logging.getLogger(__name__)

LINE_EVERY = 20.0
"""Seconds between two lines in a log file."""


class Bar(Protocol):
    """Interface of a progress bar."""

    def update(self, n: int) -> object:
        """Add `count` finished units."""


class _Lines:
    """One line at intervals; none for work that ends before the first interval."""

    def __init__(self, total: int, describe: str, unit: str) -> None:
        self._total, self._describe, self._unit = total, describe, unit
        self._done, self._started = 0, monotonic()
        self._reported = self._started

    def update(self, n: int) -> None:
        self._done += n
        now = monotonic()
        if now - self._reported < LINE_EVERY:
            return
        self._reported = now
        rate = self._done / (now - self._started)
        left = (self._total - self._done) / rate
        logger.info(
            "%s: %d of %d, %.1f %s a second, %.0f s left",
            self._describe,
            self._done,
            self._total,
            rate,
            self._unit,
            left,
        )


@contextmanager
def progress_bar(total: int, describe: str, unit: str) -> Iterator[Bar]:
    """A bar that appears after two seconds and is removed at the end; lines without a terminal."""
    if not sys.stderr.isatty():
        yield _Lines(total, describe, unit)
        return
    with tqdm(total=total, desc=describe, unit=f" {unit}", delay=2, leave=False) as bar:
        yield bar
