"""Checkpoints: a killed training on pictures resumes and ends with the same result."""

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bakeoff.runtime.files import read_json, write_text, writing_folder
from bakeoff.runtime.tf import keras
from bakeoff.train.progress import Progress

_NUMBERS = ("epoch", "history", "best_epoch", "best_score", "last_gain", "waited", "seconds")


class Checkpoint:
    """A folder with the last finished epoch of one training, written atomically."""

    def __init__(self, folder: Path) -> None:
        """Keep the path; nothing is read or written yet."""
        self._folder = folder

    def save(
        self,
        step: int,
        network: keras.Model,
        optimizer: keras.optimizers.Optimizer,
        progress: Progress,
    ) -> None:
        """Save the network's variables (with random seeds), the optimiser's, and the progress."""
        with writing_folder(self._folder) as folder:
            np.savez(folder / "network.npz", *values_of(network.variables))
            np.savez(folder / "optimizer.npz", *values_of(optimizer.variables))
            np.savez(folder / "best.npz", *progress.best_weights)
            numbers = {name: getattr(progress, name) for name in _NUMBERS}
            # Unlike `write_json` this keeps infinities, NaN, and the order of the columns.
            text = json.dumps({"step": step, "progress": numbers})
            write_text(folder / "progress.json", text)

    def load(self) -> tuple[int, Progress] | None:
        """The saved step and progress; None without a checkpoint."""
        if not (self._folder / "progress.json").is_file():
            return None
        facts = read_json(self._folder / "progress.json")
        best = _load_arrays(self._folder / "best.npz")
        return facts["step"], Progress(**facts["progress"], best_weights=best)

    def restore(self, network: keras.Model, optimizer: keras.optimizers.Optimizer) -> None:
        """Restore the saved variables to a network and an optimiser of the same structure."""
        assign(network.variables, _load_arrays(self._folder / "network.npz"))
        assign(optimizer.variables, _load_arrays(self._folder / "optimizer.npz"))

    def remove(self) -> None:
        """Delete the checkpoint of a finished training."""
        shutil.rmtree(self._folder, ignore_errors=True)


def values_of(variables: list[keras.Variable]) -> list[NDArray[Any]]:
    """Copies of the variables' values."""
    return [np.array(keras.ops.convert_to_numpy(variable)) for variable in variables]


def assign(variables: Sequence[keras.Variable], values: Sequence[Any]) -> None:
    """Assign values to variables, in order."""
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)


def _load_arrays(path: Path) -> list[NDArray[Any]]:
    with np.load(path, allow_pickle=False) as held:
        return [held[f"arr_{index}"] for index in range(len(held.files))]
