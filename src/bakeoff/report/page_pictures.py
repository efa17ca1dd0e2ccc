"""The pictures of the report with their text, and as small JPEG files embedded in the page."""

import base64
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image

from bakeoff.evaluate.comparison import Contender
from bakeoff.report.contents import Evidence
from bakeoff.report.plots.figures import to_png
from bakeoff.report.sheets import Captioned, coloured, overlay
from bakeoff.scoring.predictions import Predictions
from bakeoff.test_side.galleries import Places

_HEAT_SIDE = 160  # pixels


def mistakes(evidence: Evidence, model: Contender) -> list[Captioned]:
    """A model's most confident mistakes."""
    if model.name not in evidence.shown.galleries:
        return []
    places = evidence.shown.galleries[model.name].mistakes
    predictions = evidence.test.named(model.name).predictions
    return [_shown(evidence, place, _answer(predictions, place)) for place in places]


def hardest(evidence: Evidence) -> list[Captioned]:
    """The hardest pictures over all models, and how many models classified each correctly."""
    trained = [c for c in evidence.test.contenders if c.name in evidence.shown.galleries]
    texts = {}
    for place in evidence.shown.hardest:
        truth = trained[0].predictions.classes[trained[0].predictions.labels[place]]
        right = sum(bool(c.predictions.right[place]) for c in trained)
        texts[int(place)] = f"{truth}; right: {right} of {len(trained)} models"
    return [_shown(evidence, place, texts[int(place)]) for place in evidence.shown.hardest]


def suspects(evidence: Evidence) -> list[Captioned]:
    """The images whose labels are most likely wrong."""
    return [
        Captioned(
            evidence.suspect_pictures[row["image_id"]],
            f"labelled {row['label']} {row['p_label'] * 100:.0f} %, "
            f"looks like {row['suggested']} {row['p_suggested'] * 100:.0f} %",
            row["image_id"],
        )
        for row in evidence.suspects.to_dict("records")
        if row["image_id"] in evidence.suspect_pictures
    ]


def seen(evidence: Evidence, model: Contender) -> list[Captioned]:
    """Grad-CAM over a model's correct predictions, then over its wrong ones."""
    inspection = evidence.evaluation.inspections.get(model.name)
    if inspection is None or not inspection.explained:
        return []
    gallery = evidence.shown.galleries[model.name]
    predictions = evidence.test.named(model.name).predictions
    return [
        Captioned(
            overlay(evidence.pictures[int(place)], inspection.explained[int(place)]),
            _answer(predictions, place),
            str(predictions.image_ids[place]),
        )
        for place in np.concatenate([gallery.seen_right, gallery.seen_wrong])
    ]


def mean_maps(evidence: Evidence, model: Contender) -> list[Captioned]:
    """A model's mean Grad-CAM of each class, over the mean of the same pictures."""
    inspection = evidence.evaluation.inspections.get(model.name)
    maps = inspection.mean_maps if inspection else {}
    truth = evidence.test.best.predictions.labels[evidence.shown.shared]
    return [
        Captioned(
            overlay(
                _mean_picture(evidence, evidence.shown.shared[truth == label]),
                heat / (heat.max() or 1),
            ),
            f"{name}, mean of {(truth == label).sum()} pictures",
        )
        for label, name in enumerate(model.predictions.classes)
        if (heat := maps.get(name)) is not None
    ]


def importances(evidence: Evidence, forest: Contender) -> list[Captioned]:
    """A forest's pixel importances, over the mean picture and alone."""
    inspection = evidence.evaluation.inspections.get(forest.name)
    if inspection is None or inspection.importances is None:
        return []
    heat = inspection.importances / inspection.importances.max()
    return [
        Captioned(
            overlay(_mean_picture(evidence, evidence.shown.shared), heat),
            "pixel importance over the mean picture",
        ),
        Captioned(coloured(heat, _HEAT_SIDE), "pixel importance"),
    ]


def _mean_picture(evidence: Evidence, places: Places) -> NDArray[np.uint8]:
    stack = np.stack([evidence.pictures[int(place)] for place in places])
    return stack.mean(axis=0).astype(np.uint8)


def _answer(predictions: Predictions, place: int) -> str:
    """Predicted class, probability and true class."""
    predicted = predictions.classes[predictions.predicted[place]]
    sure = f"{predictions.confidence[place] * 100:.0f} %"
    if predictions.right[place]:
        return f"{predicted} {sure}, right"
    return f"{predicted} {sure}, is {predictions.classes[predictions.labels[place]]}"


def _shown(evidence: Evidence, place: int, caption: str) -> Captioned:
    image_id = evidence.test.best.predictions.image_ids[place]
    return Captioned(evidence.pictures[int(place)], caption, str(image_id))


@dataclass(frozen=True)
class Inlined:
    """A picture as a data URI, with its caption."""

    uri: str
    caption: str
    image_id: str
    path: str  # in data/interim; empty for what is computed from many pictures


@dataclass(frozen=True)
class Thumbnails:
    """Size and quality of embedded pictures."""

    side: int  # pixels, the longer side
    quality: int  # JPEG, 1..95

    def inline(self, pictures: Sequence[Captioned], paths: Mapping[str, str]) -> list[Inlined]:
        """Embed pictures with their captions and, by `image_id`, the paths of their files."""
        return [
            Inlined(self.uri(p.picture), p.caption, p.image_id, paths.get(p.image_id, ""))
            for p in pictures
        ]

    def uri(self, picture: NDArray[np.uint8]) -> str:
        """A picture, uint8 `(h, w, 1 | 3)`, as a `data:` URI of a JPEG file."""
        image = Image.fromarray(picture[..., 0] if picture.shape[2] == 1 else picture)
        if _is_grey(picture):
            image = image.convert("L")
        image.thumbnail((self.side, self.side), Image.Resampling.LANCZOS)
        stream = io.BytesIO()
        image.save(stream, "JPEG", quality=self.quality, optimize=True)
        return "data:image/jpeg;base64," + base64.b64encode(stream.getvalue()).decode()

    def figure_uri(self, figure: Figure) -> str:
        """A figure as a `data:` URI of a PNG file on white."""
        return "data:image/png;base64," + base64.b64encode(to_png(figure, dpi=85)).decode()


def _is_grey(picture: NDArray[np.uint8]) -> bool:
    """Whether the three channels are equal; such pictures need a third of the bytes."""
    same = picture.shape[2] == 3 and np.array_equal(picture[..., 0], picture[..., 1])
    return bool(same and np.array_equal(picture[..., 0], picture[..., 2]))
