"""What the page shows of one picture: classes, where the model looked, its nearest neighbours."""

import base64
import io
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from bakeoff.report.sheets import overlay
from bakeoff.runtime.errors import BakeoffError
from bakeoff.serve.explaining import as_seen
from bakeoff.serve.familiarity import SHARE
from bakeoff.serve.picture_inputs import pictures_of
from bakeoff.serve.predictor import Pixels, Predictor, load_predictor
from bakeoff.serve.training_side import TrainingSide, read_training_side

if TYPE_CHECKING:
    from bakeoff.test_side.gradcam import Network

_SHOWN, _THUMBNAIL = 480, 160  # pixels of the longer side
_NEIGHBOURS = 4


@dataclass(frozen=True)
class Inspector:
    """A model with all that explains its predictions; what is missing is said in `missing`."""

    predictor: Predictor
    network: "Network | None"
    training: TrainingSide | None
    missing: tuple[str, ...]

    def inspect(self, content: bytes) -> dict[str, Any]:
        """Everything about one picture file, for JSON.

        Raises:
            PictureError: it is not a usable picture.
            RequestError: it has more pixels than one request may.
        """
        pictures_of(content)
        image = self.predictor.decoded(content)
        size = image.size
        pixels = self.predictor.record(image)
        probabilities = self.predictor.classify(pixels[None])[0]
        order = np.argsort(-probabilities, kind="stable")
        shown = np.asarray(as_seen(image, self.predictor.fit, _SHOWN))
        return {
            "label": self.predictor.classes[order[0]],
            "classes": [
                {"name": self.predictor.classes[k], "probability": float(probabilities[k])}
                for k in order
            ],
            "width": size[0],
            "height": size[1],
            "picture": _data_url(shown),
            "map": self._map(pixels, int(order[0]), shown),
            "similar": self._similar(pixels),
        }

    def thumbnail(self, image_id: str) -> bytes:
        """A training picture as a small JPEG.

        Raises:
            KeyError: it is not one of this model's.
            OSError: its file is not here.
            PictureError: its file is damaged.
        """
        if self.training is None:
            raise KeyError(image_id)
        path = self.training.paths[image_id]
        if not path.is_file():
            raise FileNotFoundError(path)
        image = self.predictor.decoded(path)
        return _jpeg(np.asarray(as_seen(image, self.predictor.fit, _THUMBNAIL)))

    def _map(self, pixels: Pixels, label: int, shown: NDArray[np.uint8]) -> str | None:
        if self.network is None:
            return None
        maps = self.network.explain(pixels[None], np.array([label])).maps
        return None if maps is None else _data_url(overlay(shown, maps[0]))

    def _similar(self, pixels: Pixels) -> dict[str, Any] | None:
        if self.training is None:
            return None
        side = self.training
        near = side.familiarity.nearest(side.describe(pixels[None])[0], _NEIGHBOURS)
        distance, limit = float(near.distances[0]), side.familiarity.limit
        return {
            "unlike": distance > limit,
            "distance": distance,
            "limit": limit,
            "share": SHARE,
            "described_by": side.described_by,
            "pictures": [
                {
                    "image_id": side.image_ids[place],
                    "name": side.paths[side.image_ids[place]].name,
                    "label": self.predictor.classes[side.labels[place]],
                    "distance": float(far),
                }
                for place, far in zip(near.places, near.distances, strict=True)
            ],
        }


def load_inspector(folder: Path) -> Inspector:
    """Load the model of a folder, its feature map and its training side, as far as it has them.

    Raises:
        BakeoffError: the model cannot be loaded.
    """
    from bakeoff.serve.class_maps import map_network

    predictor = load_predictor(folder)
    meta = predictor.metadata
    shape = (meta.record_side, meta.record_side, meta.channels)
    network, training, missing = None, None, []
    try:
        network = map_network(folder, shape)
    except BakeoffError as reason:
        missing.append(str(reason))
    try:
        training = read_training_side(folder)
        training.describe(np.zeros((1, *shape), np.uint8))  # so that the first picture is fast
    except BakeoffError as reason:
        missing.append(str(reason))
    return Inspector(predictor, network, training, tuple(missing))


def _jpeg(pixels: NDArray[np.uint8]) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "JPEG", quality=88)
    return stream.getvalue()


def _data_url(pixels: NDArray[np.uint8]) -> str:
    return f"data:image/jpeg;base64,{base64.b64encode(_jpeg(pixels)).decode()}"
