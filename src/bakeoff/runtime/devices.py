"""Devices, seeds and determinism of TensorFlow."""

import logging
import os
from dataclasses import dataclass
from typing import Any

from bakeoff.runtime.errors import BakeoffError
from bakeoff.runtime.tf import keras, tf

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Compute:
    """A `tf.distribute` strategy and the devices behind it."""

    strategy: Any
    replicas: int
    device: str  # for people: kind and number
    threads: int

    def facts(self) -> dict[str, Any]:
        """What the journal says about it."""
        return {"device": self.device, "threads": self.threads, "replicas": self.replicas}


def prepare(strategy: str, seed: int, *, threads: int | None = None) -> Compute:
    """Set the seeds of Python, NumPy and Keras, turn determinism on, and choose the devices.

    Call it before the first tensor. Only this module changes global random state.

    Args:
        strategy: `single`, `mirrored` (every GPU, or every logical CPU where there is none), or
            `auto`: mirrored where there are several GPUs.
        seed: The seed of everything random in this process.
        threads: How many an operation may use, for work that is parallel by itself: waiting threads
            take processor time. None leaves it to TensorFlow, as does a process that has already
            started it.

    Raises:
        BakeoffError: `mirrored` on a machine with one device.
    """
    if threads is not None:
        _limit_threads(threads)
    keras.utils.set_random_seed(seed)
    tf.config.experimental.enable_op_determinism()
    gpus = tf.config.list_physical_devices("GPU")
    for gpu in gpus:
        try:
            tf.config.experimental.set_memory_growth(gpu, True)
        except RuntimeError:
            logger.warning("GPU memory growth is unchanged, because the GPU is already in use")
    devices = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
    kind = devices[0].device_type
    if strategy == "mirrored" and len(devices) < 2:
        raise BakeoffError(
            f"params.yaml: 'compute.strategy' is mirrored, but this machine has one {kind}; "
            "set it to auto"
        )
    mirrored = strategy == "mirrored" or (strategy == "auto" and len(gpus) > 1)
    used = devices if mirrored else devices[:1]
    chosen = (
        tf.distribute.MirroredStrategy([d.name for d in used])
        if mirrored
        else tf.distribute.get_strategy()
    )
    return Compute(chosen, len(used), _describe(kind, len(used), gpus), os.cpu_count() or 1)


def _limit_threads(threads: int) -> None:
    try:
        tf.config.threading.set_intra_op_parallelism_threads(threads)
    except RuntimeError:
        logger.debug("operations keep their threads, because TensorFlow has already started")


def reseed(seed: int) -> None:
    """Set the seeds as `prepare` does; not thread-safe."""
    keras.utils.set_random_seed(seed)


def start_afresh(seed: int) -> None:
    """Clear all networks and set the seeds, as in a fresh process."""
    keras.backend.clear_session()
    keras.utils.set_random_seed(seed)


def _describe(kind: str, number: int, gpus: list[Any]) -> str:
    if gpus:
        name = tf.config.experimental.get_device_details(gpus[0]).get("device_name", kind)
    else:
        name = kind
    return f"{number} x {name}"
