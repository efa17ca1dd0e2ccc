"""From picture files to calibrated probabilities, with any model folder.

The steps are those of the evaluation: canonical decoding, conversion to a record picture, model.
TensorFlow and scikit-learn are imported only for models that need them.
"""

import io
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image

from bakeoff.params.data import Fit
from bakeoff.pictures.decoding import decode
from bakeoff.pictures.picture_error import PictureError
from bakeoff.pictures.squares import encode_picture, to_record_picture
from bakeoff.runtime.errors import BakeoffError
from bakeoff.runtime.files import read_json
from bakeoff.serve.metadata import ClassifierParams, ModelMetadata, read_metadata, remedy
from bakeoff.serve.picture_inputs import from_array

Pixels = NDArray[np.uint8]  # (n, side, side, channels)
Source = Path | bytes | NDArray[Any]
BACKBONES = "backbones"  # folder of a packaged model with the networks whose features it uses

_BATCH = 32
_FEATURES = "features:"


@dataclass(frozen=True)
class Predictor:
    """A loaded model and the format of its pictures."""

    metadata: ModelMetadata
    classify: Callable[[Pixels], NDArray[np.float64]]

    @property
    def classes(self) -> tuple[str, ...]:
        """The class names, in the order of the probabilities."""
        return tuple(self.metadata.classes)

    @property
    def fit(self) -> Fit:
        """How pictures become squares."""
        return self.metadata.fit

    def probabilities(self, sources: Sequence[Source]) -> NDArray[np.float64]:
        """Calibrated probabilities, shape `(n, classes)`, of pictures.

        Raises:
            PictureError: one of them is not a usable picture; the message counts from 1.
        """
        parts = [np.empty((0, len(self.classes)))]
        for start in range(0, len(sources), _BATCH):
            batch = enumerate(sources[start : start + _BATCH], start + 1)
            parts.append(self.classify(np.stack([self._numbered(n, s) for n, s in batch])))
        return np.concatenate(parts)

    def table(self, sources: Sequence[Source]) -> pd.DataFrame:
        """`label` and `p_<class>` for each picture, in the order given."""
        return self.label(self.probabilities(sources))

    def label(self, probabilities: NDArray[np.float64]) -> pd.DataFrame:
        """Probabilities `(n, classes)` as a table whose first column is the predicted class."""
        columns = {f"p_{name}": probabilities[:, k] for k, name in enumerate(self.classes)}
        labels = np.array(self.classes, object)[probabilities.argmax(axis=1)]
        return pd.DataFrame({"label": labels} | columns)

    def picture(self, source: Source) -> Pixels:
        """The record picture of one source, uint8 of shape `(side, side, channels)`."""
        return self.record(self.decoded(source))

    def decoded(self, source: Source) -> Image.Image:
        """The canonical pixels of one source, in the mode of the model's pictures.

        Raises:
            PictureError: it is not a usable picture.
        """
        mode = self.metadata.mode
        if isinstance(source, Path) and not source.is_file():  # a pipe would be waited for
            raise PictureError("not a picture", "no regular file")
        if isinstance(source, np.ndarray):
            return from_array(source).convert(mode)
        return decode(source, mode, white=self.metadata.white)

    def record(self, image: Image.Image) -> Pixels:
        """The record picture of a decoded one, uint8 of shape `(side, side, channels)`."""
        params = self.metadata.record_params()
        pixels = to_record_picture(image, params)
        if params.encoding == "jpeg":  # the model was trained on JPEG-compressed pictures
            with Image.open(io.BytesIO(encode_picture(pixels, params))) as record:
                pixels = np.asarray(record).reshape(pixels.shape)
        return pixels

    def _numbered(self, number: int, source: Source) -> Pixels:
        try:
            return self.picture(source)
        except PictureError as error:
            where = str(source) if isinstance(source, Path) else f"picture {number}"
            raise PictureError(error.reason, f"{where} ({error.detail or 'unusable'})") from None


def backbones_of(folder: Path) -> dict[str, Path]:
    """The models whose frozen features a model uses, and their folders.

    They are beside the folder in `models/`, or inside a packaged model.
    """
    metadata = read_json(folder / "metadata.json")
    kind, name = metadata.get("kind"), str(metadata.get("model", folder.name))
    names: list[str] = []
    if kind == "logistic":
        names = [name.removeprefix("logistic_")]
    elif kind == "forest":
        descriptors = metadata["params"]["descriptors"]
        names = [d.removeprefix(_FEATURES) for d in descriptors if d.startswith(_FEATURES)]
    for name in names:
        if Path(name).name != name:
            raise BakeoffError(
                f"{folder}/metadata.json: '{name}' is no name of a model; {remedy(folder)}"
            )
    packed = folder / BACKBONES
    return {name: (packed if packed.is_dir() else folder.parent) / name for name in names}


def can_predict(folder: Path) -> bool:
    """Whether a model can predict from pictures, with its own network or a frozen one."""
    if not any((folder / name).is_file() for name in ("model.keras", "model.skops")):
        return False
    return all(_is_frozen(other) for other in backbones_of(folder).values())


def _is_frozen(folder: Path) -> bool:
    """Whether the folder's network still has the backbone that gave the cached features."""
    metadata = folder / "metadata.json"
    whole = metadata.is_file() and (folder / "model.keras").is_file()
    return whole and read_json(metadata).get("kind") == "head"


def load_predictor(folder: Path) -> Predictor:
    """Load the model of a folder.

    Raises:
        BakeoffError: there is no model, its files are damaged, or the network whose features it
            uses is missing.
    """
    metadata = read_metadata(folder)
    if not can_predict(folder):
        raise BakeoffError(
            f"{folder}: this model cannot predict from pictures: it uses features of "
            f"{', '.join(backbones_of(folder)) or 'nothing'}, whose frozen network is missing; "
            "name another model"
        )
    blank = np.zeros((1, metadata.record_side, metadata.record_side, metadata.channels), np.uint8)
    try:
        if (folder / "model.keras").is_file():
            classify = keras_function(folder)
        else:
            classify = _classical(folder, metadata.params)
        answer = classify(blank)
    except BakeoffError:
        raise
    except Exception as error:  # whatever a library throws at a damaged file
        reason = " ".join(str(error).split())[:120]
        raise BakeoffError(
            f"{folder}: the model cannot be loaded ({type(error).__name__}: {reason}); "
            f"{remedy(folder)}"
        ) from None
    if answer.shape != (1, len(metadata.classes)) or not np.isclose(answer.sum(), 1, atol=1e-3):
        raise BakeoffError(
            f"{folder}: the model does not give the probabilities of its "
            f"{len(metadata.classes)} classes; {remedy(folder)}"
        )
    return Predictor(metadata, classify)


def keras_function(
    folder: Path, layer: str | None = None
) -> Callable[[Pixels], NDArray[np.float64]]:
    """A folder's Keras model as a function of pictures; with `layer`, that layer's output.

    The function may be called by several threads.
    """
    from bakeoff.runtime.tf import keras, tf
    from bakeoff.train.keras_files import load_keras
    from bakeoff.train.original_pictures import record_input

    whole = load_keras(folder / "model.keras")
    output = whole.output if layer is None else whole.get_layer(layer).output
    model = keras.Model(record_input(whole), output)
    channels = whole.input_shape[-1]
    spec = tf.TensorSpec((None, None, None, channels), tf.float32)
    # Traced once for all shapes: without retracing, a server's memory stays constant.
    function = tf.function(lambda pixels: model(pixels, training=False), input_signature=[spec])
    lock = threading.Lock()

    def classify(pixels: Pixels) -> NDArray[np.float64]:
        with lock:
            found = function(tf.constant(pixels, tf.float32)).numpy()
        return np.asarray(found, np.float64)

    return classify


def _classical(folder: Path, params: ClassifierParams) -> Callable[[Pixels], NDArray[np.float64]]:
    """A scikit-learn model on descriptors, on features of frozen networks, or on both."""
    from bakeoff.baselines.classifier import load_classifier
    from bakeoff.baselines.descriptors import describe

    classifier = load_classifier(folder)
    _check_trees(classifier.estimator)
    ours = [d for d in params.descriptors if not d.startswith(_FEATURES)]
    networks = [keras_function(path, "pooling") for path in backbones_of(folder).values()]

    def classify(pixels: Pixels) -> NDArray[np.float64]:
        parts = [describe(list(pixels), ours, params.pixels_side)] if ours else []
        parts += [network(pixels).astype(np.float32) for network in networks]
        return classifier.probabilities(np.concatenate(parts, axis=1))

    return classify


def _check_trees(estimator: Any) -> None:
    """Refuse trees whose nodes point outside of them: scikit-learn would read foreign memory.

    Raises:
        ValueError: a child does not come after its parent, or a feature does not exist.
    """
    for member in getattr(estimator, "estimators_", ()):
        tree = member.tree_
        inner = tree.children_left >= 0
        place = np.arange(tree.node_count)
        for children in (tree.children_left, tree.children_right):
            beyond = (children >= tree.node_count) | (children <= place)
            if (inner != (children >= 0)).any() or (inner & beyond).any():
                raise ValueError("a tree's nodes are damaged")
        features = tree.feature[inner]
        if ((features < 0) | (features >= estimator.n_features_in_)).any():
            raise ValueError("a tree asks for a feature that does not exist")
