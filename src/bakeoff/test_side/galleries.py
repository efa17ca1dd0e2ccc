"""Choose pictures to show: confident mistakes, and pictures that every model gets wrong."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bakeoff.scoring.predictions import Predictions

Places = NDArray[np.intp]  # indices into the test side

# For the mean map of a class: pictures of each class, and of all classes together.
_EACH_CLASS = 8
_SHARED = 24


@dataclass(frozen=True)
class Gallery:
    """The pictures to show for one model."""

    mistakes: Places
    seen_right: Places  # whose prediction is explained
    seen_wrong: Places


@dataclass(frozen=True)
class Shown:
    """All pictures of the test side to show."""

    galleries: Mapping[str, Gallery]  # by model
    hardest: Places  # for all models
    shared: Places  # the same for all models, some of each class

    def places(self) -> set[int]:
        """The indices of all galleries."""
        shown = [self.hardest, self.shared]
        for gallery in self.galleries.values():
            shown += [gallery.mistakes, gallery.seen_right, gallery.seen_wrong]
        return {int(place) for place in np.concatenate(shown)}


def choose_pictures(models: Mapping[str, Predictions], gallery: int, explained: int) -> Shown:
    """Choose the pictures to show, from predictions of the same pictures by model.

    `gallery` is the number in each gallery, `explained` that of correct predictions, and of wrong
    ones, to explain for each model.
    """
    labels = next(iter(models.values())).labels
    return Shown(
        {
            name: Gallery(
                confident_mistakes(predictions, gallery),
                confident_right(predictions, explained),
                confident_mistakes(predictions, explained),
            )
            for name, predictions in models.items()
        },
        hardest(list(models.values()), gallery),
        first_of_each_class(labels, _EACH_CLASS, _SHARED),
    )


def confident_mistakes(predictions: Predictions, count: int) -> Places:
    """Indices of the wrong predictions, most confident first."""
    wrong = np.flatnonzero(~predictions.right)
    return wrong[np.argsort(-predictions.confidence[wrong], kind="stable")][:count]


def hardest(models: Sequence[Predictions], count: int) -> Places:
    """Indices of the pictures whose true class has the lowest probability, averaged over models."""
    given = [p.probabilities[np.arange(len(p.labels)), p.labels] for p in models]
    return np.argsort(np.mean(given, axis=0), kind="stable")[:count]


def confident_right(predictions: Predictions, count: int) -> Places:
    """Indices of the most confident correct predictions, alternating between the classes."""
    by_class = []
    for label in range(len(predictions.classes)):
        right = np.flatnonzero(predictions.right & (predictions.labels == label))
        by_class.append(right[np.argsort(-predictions.confidence[right], kind="stable")])
    turns = [held[turn] for turn in range(count) for held in by_class if turn < len(held)]
    return np.array(turns[:count], np.intp)


def first_of_each_class(labels: NDArray[np.int64], count: int, most: int) -> Places:
    """Indices of the first pictures of each class: `count` of each, `most` in total.

    They depend only on the test side, so that every model is inspected on the same pictures.
    """
    present = np.unique(labels)
    each = max(1, min(count, most // max(1, len(present))))
    held = [np.flatnonzero(labels == label)[:each] for label in present]
    return np.concatenate(held)[:most] if held else np.empty(0, np.intp)
