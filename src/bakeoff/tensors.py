"""TensorFlow and Keras, imported without TensorFlow's banner.

While it is imported TensorFlow writes to the process's standard error, below Python, that it
found no GPU; no setting of TensorFlow 2.21 stops it. Errors of the import are exceptions, and are
not touched.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager


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


with _muted_standard_error():
    import keras
    import tensorflow as tf

__all__ = ["keras", "tf"]
