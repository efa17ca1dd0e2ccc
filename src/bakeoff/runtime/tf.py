"""Import TensorFlow and Keras without messages and without optional imports.

During its import TensorFlow writes to the process's standard error, below Python, that it found
no GPU; no setting of TensorFlow 2.21 stops it. Errors of the import are exceptions and are not
affected.

If they are installed, Keras imports scikit-learn and Matplotlib's pyplot for wrappers and galleries
that Bakeoff does not use, which takes a quarter of the start-up. Keras works without them, so they
are hidden from it.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

_HIDDEN = ("sklearn", "matplotlib")


@contextmanager
def _muted_standard_error() -> Iterator[None]:
    sys.stderr.flush()
    kept = os.dup(2)
    with open(os.devnull, "wb") as nowhere:  # noqa: PTH123
        os.dup2(nowhere.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


@contextmanager
def _hidden(*names: str) -> Iterator[None]:
    """Hide installed packages that have not been imported yet."""
    names = tuple(name for name in names if name not in sys.modules)
    sys.modules.update(dict.fromkeys(names))  # type: ignore[arg-type]
    try:
        yield
    finally:
        for name in names:
            del sys.modules[name]


with _muted_standard_error(), _hidden(*_HIDDEN):
    import keras
    import tensorflow as tf

__all__ = ["keras", "tf"]
