"""A cache of arrays, keyed by inputs, code, libraries and machine.

Inspecting a network takes seconds and gives the same arrays every time. They are stored beside the
journal under a hash of everything they depend on: the inputs that the caller names, the package's
source, the libraries, and the machine, whose arithmetic and speed show in them. If the folder is
deleted, the same arrays are computed again.
"""

import hashlib
import json
import os
import platform
from collections.abc import Callable, Mapping
from functools import cache
from importlib.metadata import version
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bakeoff.runtime.fingerprints import code_sha256
from bakeoff.runtime.layout import mlruns
from bakeoff.runtime.parallel import worker_count
from bakeoff.runtime.tables import read_arrays, write_arrays

Arrays = Mapping[str, NDArray[Any]]

_LIBRARIES = ("tensorflow", "keras", "scikit-learn", "numpy", "pillow", "matplotlib")


def cached(kind: str, inputs: Mapping[str, str], compute: Callable[[], Arrays]) -> Arrays:
    """The cached arrays for these inputs, or else computed and cached.

    `kind` names the cache's folder. `inputs` are everything besides code and machine that the
    arrays depend on; hashes of large data. `compute` is a pure function of them; measured times are
    cached too.
    """
    text = json.dumps([_surroundings(), dict(inputs)], sort_keys=True)
    path = mlruns() / "cache" / kind / f"{hashlib.sha256(text.encode()).hexdigest()}.npz"
    arrays: Arrays | None = read_arrays(path)
    if arrays is None:
        arrays = compute()
        write_arrays(path, arrays)
    return arrays


def sha256_of_array(values: NDArray[Any]) -> str:
    """Hash of an array's type, shape and values."""
    digest = hashlib.sha256(f"{values.dtype.str} {values.shape}".encode())
    digest.update(np.ascontiguousarray(values).data)
    return digest.hexdigest()


@cache
def _surroundings() -> list[str]:
    libraries = [f"{name} {version(name)}" for name in _LIBRARIES]
    machine = [platform.node(), str(worker_count()), os.environ.get("CUDA_VISIBLE_DEVICES", "")]
    return [code_sha256("evaluate"), *libraries, *machine]
