"""TensorFlow and Keras, imported without what nobody here asked them for.

While it is imported TensorFlow writes to the process's standard error, below Python, that it
found no GPU; no setting of TensorFlow 2.21 stops it. Errors of the import are exceptions, and are
not touched.

Keras imports scikit-learn and Matplotlib's pyplot where they are installed, for wrappers and
galleries that Bakeoff does not use: a quarter of the seconds of a start. It does without them
where they are missing, so they are hidden from it.
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
    """Make packages that nothing has imported yet look as if they were not installed."""
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
