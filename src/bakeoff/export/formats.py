"""The formats a model can be exported to, and how a file of each is written and run."""

import importlib.metadata
import importlib.util
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from bakeoff.export.portable import Portable
from bakeoff.runtime.errors import BakeoffError

Name = Literal["onnx", "litert", "openvino", "savedmodel"]
Precision = Literal["float32", "float16"]
Pictures = NDArray[np.float32]  # (n, height, width, channels), pixels 0..255
Run = Callable[[Pictures], NDArray[np.float32]]  # to probabilities (n, classes)


@dataclass(frozen=True)
class Format:
    """One format: its file, what it needs, and its own runtime."""

    file: str
    runtime: str  # the distribution that runs it
    extra: str  # of pyproject.toml; empty: nothing beside TensorFlow
    modules: tuple[str, ...]
    write: Callable[[Portable, Path, bool], None]  # the last: weights in 16 bits
    open: Callable[[Path], Run]

    def version(self) -> str:
        """The runtime with its version."""
        return f"{self.runtime} {importlib.metadata.version(self.runtime)}"


def format_of(name: Name) -> Format:
    """The format `name`.

    Raises:
        BakeoffError: what it needs is not installed.
    """
    found = FORMATS[name]
    missing = [m for m in found.modules if importlib.util.find_spec(m) is None]
    if missing:
        raise BakeoffError(
            f"--format {name} needs {missing[0]}, which is in an extra; run "
            f"`uv sync --inexact --extra {found.extra}`"
        )
    return found


def _write_onnx(model: Portable, path: Path, half: bool) -> None:
    from bakeoff.export.onnx_graph import write_onnx
    from bakeoff.export.tf_files import traced

    write_onnx(traced(model), path, half=half, forest=model.forest)


def _write_litert(model: Portable, path: Path, half: bool) -> None:
    from bakeoff.export.tf_files import traced, write_litert

    write_litert(model.network, traced(model), path, half=half)


def _write_openvino(model: Portable, path: Path, half: bool) -> None:
    from bakeoff.export.tf_files import traced, write_openvino

    write_openvino(model.network, traced(model), path, half=half)


def _write_saved_model(model: Portable, path: Path, half: bool) -> None:
    from bakeoff.export.tf_files import traced, write_saved_model

    write_saved_model(model.network, traced(model), path)


def _open_onnx(path: Path) -> Run:
    import onnxruntime

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return lambda pictures: session.run(["probabilities"], {"picture": pictures})[0]


def _open_litert(path: Path) -> Run:
    from ai_edge_litert.interpreter import Interpreter

    threads = os.cpu_count() or 1
    interpreter = Interpreter(model_path=str(path), num_threads=threads)
    run = interpreter.get_signature_runner()
    return lambda pictures: run(picture=pictures)["probabilities"].copy()


def _open_openvino(path: Path) -> Run:
    import openvino

    # Without this hint it computes in bfloat16 on processors that can.
    asked = {"INFERENCE_PRECISION_HINT": "f32"}
    compiled = openvino.Core().compile_model(path, "CPU", asked)
    return lambda pictures: compiled(pictures)["probabilities"].copy()


def _open_saved_model(path: Path) -> Run:
    from bakeoff.export.tf_files import SIGNATURE
    from bakeoff.runtime.tf import tf

    held = tf.saved_model.load(str(path))  # must live as long as its signature
    run = held.signatures[SIGNATURE]
    return lambda pictures: run(picture=tf.constant(pictures))["probabilities"].numpy()


FORMATS: dict[Name, Format] = {
    "onnx": Format(
        "model.onnx",
        "onnxruntime",
        "export",
        ("onnx", "onnxruntime", "skl2onnx", "tf2onnx"),
        _write_onnx,
        _open_onnx,
    ),
    "litert": Format(
        "model.tflite",
        "ai-edge-litert",
        "litert",
        ("ai_edge_litert",),
        _write_litert,
        _open_litert,
    ),
    "openvino": Format(
        "model.xml", "openvino", "openvino", ("openvino",), _write_openvino, _open_openvino
    ),
    "savedmodel": Format(
        "saved_model", "tensorflow", "", (), _write_saved_model, _open_saved_model
    ),
}
