"""Event files that TensorBoard reads, written without TensorBoard."""

from collections.abc import Mapping
from pathlib import Path

from bakeoff.runtime.files import writing_file
from bakeoff.runtime.tf import tf


class EventFile:
    """One training's metrics, epoch by epoch; written anew, and whole, after each epoch.

    An event file is a TFRecord of `Event` messages, the first of which says so.
    """

    def __init__(self, folder: Path) -> None:
        """Nothing is written yet.

        Args:
            folder: What `tensorboard --logdir` is given, or a folder in it.
        """
        self._path = folder / "events.out.tfevents.bakeoff"
        self._events = [tf.compat.v1.Event(file_version="brain.Event:2")]

    def log_epoch(self, epoch: int, metrics: Mapping[str, float]) -> None:
        """Add one epoch's metrics."""
        values = [
            tf.compat.v1.Summary.Value(tag=name, simple_value=value)
            for name, value in metrics.items()
        ]
        summary = tf.compat.v1.Summary(value=values)
        # TensorBoard sorts by step; a wall time of the epoch's number keeps clocks out of it.
        self._events.append(tf.compat.v1.Event(step=epoch, wall_time=epoch, summary=summary))
        with writing_file(self._path) as partial, tf.io.TFRecordWriter(str(partial)) as writer:
            for event in self._events:
                writer.write(event.SerializeToString())
