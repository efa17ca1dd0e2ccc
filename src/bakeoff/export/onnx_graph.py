"""Write a traced network, and a forest behind it, as an ONNX file."""

import logging
from pathlib import Path
from typing import Any

import numpy as np

from bakeoff.baselines.classifier import Classifier

OPSET = 18
_LARGE = 1024  # elements from which an array is kept in 16 bits
_LARGEST_HALF = 65504.0


def write_onnx(function: Any, path: Path, *, half: bool, forest: Classifier | None = None) -> None:
    """Convert a `tf.function` with one input, `picture`, to an ONNX file.

    Args:
        function: Its output is named `probabilities`, or `vector` where a forest takes it.
        path: Of the file.
        half: Whether to keep weights in 16 bits. Computing stays in 32.
        forest: Takes the function's output and gives the probabilities.

    Raises:
        ValueError: the graph has inputs beside the picture, or ONNX cannot hold it.
    """
    import onnx
    import tf2onnx

    logging.getLogger("tf2onnx").setLevel(logging.CRITICAL)
    concrete = function.get_concrete_function()
    model, _ = tf2onnx.convert.from_function(
        function,
        function.input_signature,
        opset=OPSET,
        custom_op_handlers={"Erfc": (_erfc, [])},
    )
    _embed_captured(model.graph, concrete)
    if forest is not None:
        model = _with_forest(model, forest)
    if half:
        _halve(model.graph)
    names = [value.name for value in model.graph.input]
    if names != ["picture"]:
        raise ValueError(f"the graph has the inputs {', '.join(names)}")
    onnx.checker.check_model(model)
    onnx.save(model, path)


def _erfc(context: Any, node: Any, name: str, _: Any) -> None:
    """TensorFlow's GELU takes erfc(x), which ONNX does not have: 1 - erf(x)."""
    from tf2onnx.utils import make_name

    node.domain, node.type = "", "Erf"
    one = context.make_const(make_name(name), np.ones((), np.float32))
    (erf,) = node.output
    shape, dtype = context.get_shape(erf), context.get_dtype(erf)
    rest = context.make_node("Sub", [one.output[0], erf], shapes=[shape], dtypes=[dtype])
    readers = [other for other in context.get_nodes() if other is not rest]
    context.replace_all_inputs(erf, rest.output[0], ops=readers)


def _embed_captured(graph: Any, concrete: Any) -> None:
    """Put arrays that the function captured into the graph.

    tf2onnx leaves them as inputs: among them mean and variance of `Normalization`, without which
    an EfficientNet does not see what it was trained on.
    """
    from onnx import numpy_helper

    captured = concrete.captured_inputs
    inside = concrete.inputs[len(concrete.inputs) - len(captured) :]
    values = {tensor.name: value for tensor, value in zip(inside, captured, strict=True)}
    read = {name for node in graph.node for name in node.input}
    for value in [value for value in graph.input if value.name in values]:
        graph.input.remove(value)
        if value.name in read:
            array = values[value.name].numpy()
            graph.initializer.append(numpy_helper.from_array(array, value.name))


def _with_forest(model: Any, classifier: Classifier) -> Any:
    """The model with its output `vector` given to a forest, calibrated as `Classifier` does it."""
    import onnx
    from onnx import helper, numpy_helper
    from skl2onnx import to_onnx
    from skl2onnx.common.data_types import FloatTensorType

    votes = to_onnx(
        classifier.estimator,
        initial_types=[
            ("forest_input", FloatTensorType([None, classifier.estimator.n_features_in_]))
        ],
        options={"zipmap": False},
        target_opset={known.domain: known.version for known in model.opset_import},
    )
    votes.ir_version = model.ir_version
    del votes.opset_import[:]  # it names the oldest versions that do
    votes.opset_import.extend(model.opset_import)
    graph = votes.graph
    for node in graph.node:
        node.output[:] = [{"probabilities": "votes"}.get(name, name) for name in node.output]
    arrays = {
        "all_classes": np.eye(classifier.classes)[classifier.estimator.classes_],
        "floor": np.array(classifier.floor),
        "temperature": np.array(classifier.temperature),
    }
    for name, array in arrays.items():
        graph.initializer.append(numpy_helper.from_array(array.astype(np.float32), name))
    graph.node.extend(
        [
            helper.make_node("MatMul", ["votes", "all_classes"], ["shares"]),
            helper.make_node("Max", ["shares", "floor"], ["floored"]),
            helper.make_node("Log", ["floored"], ["logits"]),
            helper.make_node("Div", ["logits", "temperature"], ["scaled"]),
            helper.make_node("Softmax", ["scaled"], ["probabilities"], axis=1),
        ]
    )
    return onnx.compose.merge_models(
        model, votes, io_map=[("vector", "forest_input")], outputs=["probabilities"]
    )


def _halve(graph: Any) -> None:
    """Keep large arrays in 16 bits; a runtime brings them back to 32 once, when it loads them."""
    from onnx import TensorProto, helper, numpy_helper

    for number, tensor in enumerate(list(graph.initializer)):
        array = numpy_helper.to_array(tensor)
        if array.dtype != np.float32 or array.size < _LARGE or abs(array).max() > _LARGEST_HALF:
            continue
        small = f"{tensor.name}_half"
        graph.node.insert(0, helper.make_node("Cast", [small], [tensor.name], to=TensorProto.FLOAT))
        graph.initializer[number].CopyFrom(numpy_helper.from_array(array.astype(np.float16), small))
