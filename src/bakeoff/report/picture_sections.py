"""The sections of the page that show pictures, with those pictures inlined."""

import json
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from bakeoff.evaluate.comparison import Contender
from bakeoff.evaluate.table import origin_in_words
from bakeoff.report import page_pictures, page_text
from bakeoff.report.contents import Evidence
from bakeoff.report.page_pictures import Inlined, Thumbnails
from bakeoff.report.plots.confusion import confusion_figure
from bakeoff.report.sheets import Captioned

_MAPS_TITLES = {
    "forest": "Which pixels the forest uses",
    "network": "Where it looks on average, for each true class",
}


def picture_sections(
    evidence: Evidence, paths: Mapping[str, str], thumbnails: Thumbnails
) -> dict[str, Any]:
    """The sections with pictures: the hardest, suspected labels, and one of each model."""
    named = partial(thumbnails.inline, paths=paths)
    trained = evidence.comparison.trained
    return {
        "hardest": named(page_pictures.hardest(evidence)),
        "suspects": named(page_pictures.suspects(evidence)),
        "models": [_section(evidence, model, thumbnails, named) for model in trained],
    }


def _section(
    evidence: Evidence,
    model: Contender,
    thumbnails: Thumbnails,
    named: Callable[[Sequence[Captioned]], list[Inlined]],
) -> dict[str, Any]:
    meta = model.metadata
    seen = page_pictures.seen(evidence, model)
    means = page_pictures.mean_maps(evidence, model) + page_pictures.importances(evidence, model)
    return {
        "name": model.name,
        "kind": meta["kind"],
        "what": page_text.model_in_words(meta),
        "origin": origin_in_words(meta),
        "confusion": page_text.confusion_rows(model),
        "confusion_uri": _confusion_uri(model, thumbnails),
        "commonest": page_text.commonest_mistakes(model),
        "per_class": page_text.per_class_rows(model, page_text.MOST_ROWS),
        "seen": named(seen),
        "maps_title": _MAPS_TITLES.get(meta["kind"], _MAPS_TITLES["network"]),
        "mean_maps": named(means),
        "mistakes": named(page_pictures.mistakes(evidence, model)),
        "facts": json.dumps(meta, indent=2, sort_keys=True),
    }


def _confusion_uri(model: Contender, thumbnails: Thumbnails) -> str | None:
    """The confusion matrix as a picture, if it has too many classes for a table."""
    if page_text.confusion_rows(model):
        return None
    figure = confusion_figure(model.card.matrix, model.predictions.classes, model.name)
    return thumbnails.figure_uri(figure)
