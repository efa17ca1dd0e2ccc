"""TensorBoard's events of a training, written by Keras's own callback."""

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from bakeoff.runtime.tf import keras


def start_tensorboard(
    events: Path | None,
    phase: str,
    network: keras.Model,
    optimizer: keras.optimizers.Optimizer,
    history: Sequence[Mapping[str, object]],
) -> keras.callbacks.TensorBoard | None:
    """A callback that writes the graph now, and metrics and weight histograms each epoch.

    Without `events` there is no callback. What an earlier run wrote after `history` is removed.
    """
    if events is None:
        return None
    folder = events / phase
    if all(row["phase"] != phase for row in history):
        shutil.rmtree(folder, ignore_errors=True)
    # The callback needs a compiled model; this one shares all layers and does not change the
    # network or its saved form.
    shown = keras.Model(network.inputs, network.outputs, name=network.name)
    shown.compile(optimizer=optimizer)
    callback = keras.callbacks.TensorBoard(folder, histogram_freq=1)
    callback.set_model(shown)
    return callback


def loggable(row: Mapping[str, object]) -> dict[str, float]:
    """The numbers of a history row: metrics, those of the validation side with `val_`."""
    return {name: value for name, value in row.items() if isinstance(value, float)}
