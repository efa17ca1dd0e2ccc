"""Grad-CAM of one picture as a file."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from bakeoff.params.data import Fit
from bakeoff.pictures.picture_error import PictureError
from bakeoff.pictures.squares import to_square
from bakeoff.report.sheets import overlay
from bakeoff.runtime.errors import BakeoffError
from bakeoff.runtime.files import writing_file
from bakeoff.serve.predictor import load_predictor

_LARGEST_SIDE = 1024  # pixels


@dataclass(frozen=True)
class Explanation:
    """The explained class, its probability, and the path of the drawing."""

    label: str
    probability: float
    path: Path


def explain(folder: Path, picture: Path, label: str | None, target: Path) -> Explanation:
    """Write the picture and, beside it, the same picture under its Grad-CAM map.

    `label` None means the predicted class.

    Raises:
        BakeoffError: the model has no feature map, or the file is not a picture.
    """
    from bakeoff.serve.class_maps import map_network

    predictor = load_predictor(folder)
    classes = predictor.classes
    if label is not None and label not in classes:
        raise BakeoffError(f"--label is '{label}'; name one of {', '.join(classes)}")
    try:
        image = predictor.decoded(picture)
    except PictureError as error:
        raise BakeoffError(f"{picture}: {error}; give another picture") from None
    pixels = predictor.record(image)[None]
    network = map_network(folder, pixels.shape[1:])
    probabilities = predictor.classify(pixels)[0]
    chosen = int(probabilities.argmax()) if label is None else classes.index(label)
    shown = np.asarray(as_seen(image, predictor.fit, _LARGEST_SIDE))
    (heat,) = np.asarray(network.explain(pixels, np.array([chosen])).maps)
    both = np.concatenate([shown, overlay(shown, heat)], axis=1)
    with writing_file(target) as partial:
        Image.fromarray(both).save(partial, "PNG")
    return Explanation(classes[chosen], float(probabilities[chosen]), target)


def as_seen(picture: Image.Image, fit: Fit, largest: int) -> Image.Image:
    """The part of a picture that the model sees, its longer side at most `largest` pixels.

    A map belongs to the model's square; only a stretched square shows the whole picture.
    """
    shown = picture.convert("RGB")
    shown.thumbnail((largest, largest), Image.Resampling.LANCZOS)
    return shown if fit == "stretch" else to_square(shown, max(shown.size), fit)
