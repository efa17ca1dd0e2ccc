"""Cache of finished pieces of a long computation, from which an interrupted one resumes."""

import hashlib
import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from bakeoff.runtime.tables import read_arrays, write_arrays

Arrays = Mapping[str, NDArray[Any]]


class Finished:
    """A folder of small files, one per piece, under a key of everything they depend on.

    They outlive the computation, so that a later one with the same key finds them; per name only
    the last key is kept.
    """

    def __init__(self, folder: Path, name: str, inputs: Mapping[str, Any]) -> None:
        """Name the computation; nothing is read or written yet.

        `inputs` are everything that the pieces depend on, as JSON; hashes of large data.
        """
        text = json.dumps(dict(inputs), sort_keys=True)
        key = hashlib.sha256(text.encode()).hexdigest()[:16]
        self._parent = folder / name
        self._folder = self._parent / key

    def made(self, piece: str, make: Callable[[], Arrays]) -> Arrays:
        """The arrays of a piece, stored already or else made and stored."""
        arrays = self.get(piece)
        if arrays is None:
            arrays = make()
            self.put(piece, arrays)
        return arrays

    def get(self, piece: str) -> Arrays | None:
        """The arrays of a finished piece; None if it is missing or damaged."""
        return read_arrays(self._folder / f"{piece}.npz")

    def put(self, piece: str, arrays: Arrays) -> None:
        """Store the arrays of a piece atomically."""
        write_arrays(self._folder / f"{piece}.npz", arrays)

    def forget_others(self) -> None:
        """Remove the pieces of this name's other keys."""
        for other in sorted(self._parent.glob("*")):
            if other != self._folder:
                shutil.rmtree(other, ignore_errors=True)
