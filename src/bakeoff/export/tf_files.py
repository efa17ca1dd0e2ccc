"""Trace a Keras network, and write it as a saved model and in the formats made from one."""

import tempfile
from pathlib import Path
from typing import Any

from bakeoff.export.portable import Portable
from bakeoff.runtime.tf import keras, tf

SIGNATURE = "serving_default"


def traced(model: Portable) -> Any:
    """The network as a `tf.function`: `picture` to `probabilities`, or to a forest's `vector`."""
    network, output = model.network, "vector" if model.forest else "probabilities"
    spec = tf.TensorSpec(network.input_shape, tf.float32, name="picture")
    return tf.function(
        lambda picture: {output: network(picture, training=False)}, input_signature=[spec]
    )


def write_saved_model(network: keras.Model, function: Any, folder: Path) -> None:
    """Write TensorFlow's saved model with the one signature `serving_default`."""
    module = tf.Module()
    module.held = [variable.value for variable in network.variables]
    tf.saved_model.save(module, str(folder), signatures={SIGNATURE: function})


def write_litert(network: keras.Model, function: Any, path: Path, *, half: bool) -> None:
    """Write a LiteRT file; `half` keeps its weights in 16 bits."""
    with tempfile.TemporaryDirectory() as scratch:
        write_saved_model(network, function, Path(scratch))
        converter = tf.lite.TFLiteConverter.from_saved_model(scratch)
        if half:
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
            converter.target_spec.supported_types = [tf.float16]
        path.write_bytes(converter.convert())


def write_openvino(network: keras.Model, function: Any, path: Path, *, half: bool) -> None:
    """Write OpenVINO's `.xml` and, beside it, `.bin`; `half` keeps its weights in 16 bits."""
    import openvino

    with tempfile.TemporaryDirectory() as scratch:
        write_saved_model(network, function, Path(scratch))
        # `openvino.convert_model` does the same, and sends telemetry.
        read = openvino.Core().read_model(scratch)
        openvino.save_model(read, str(path), compress_to_fp16=half)
