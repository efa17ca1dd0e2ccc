"""Out-of-fold predictions as files, and their readers."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bakeoff.runtime.errors import BakeoffError
from bakeoff.runtime.files import read_json, write_json
from bakeoff.runtime.tables import read_csv, write_table
from bakeoff.scoring.temperature import fit_temperature

PICTURES, FACTS, CURVE = "pictures.csv", "facts.json", "learning_curve.npy"

NETWORK = "network"
"""Name of the recipe of a network that is trained on pictures."""


@dataclass(frozen=True)
class FoldPredictions:
    """One recipe's predictions of pictures, in each repeat by a model that never saw them."""

    model: str  # the folder's name: of the backbone's entry, or of a forest
    # `head`, `logistic`, `forest`, or `network` where it is trained on pictures; of that one
    # usually only the pictures of the first fold are tested
    recipe: str
    classes: tuple[str, ...]  # the `k` class names
    image_ids: NDArray[np.str_]  # (n,) sorted; a picture that occurs twice is listed twice
    labels: NDArray[np.int64]  # (n,) true classes
    groups: NDArray[np.str_]  # (n,) joined groups
    folds: NDArray[np.int64]  # (R, n) the fold in which a picture was tested
    # (R, n, k) float32, calibrated inside the training part; NaN where a picture is not tested
    probabilities: NDArray[np.float32]
    facts: dict[str, Any]  # the recipe's choices in each part; see `write_folds`

    @property
    def right(self) -> NDArray[np.bool_]:
        """(R, n) whether the predicted class is the true one; false where none is predicted."""
        right: NDArray[np.bool_] = self.probabilities.argmax(axis=2) == self.labels
        return right & ~np.isnan(self.probabilities[..., 0])


@dataclass(frozen=True)
class LearningCurve:
    """The regression trained on growing shares of each training part."""

    fractions: NDArray[np.float64]  # (F,) of the training part, rising to 1
    pictures: NDArray[np.float64]  # (F,) originals trained on, the mean over all parts
    # (R, F, n) whether it is right on each picture, in the order of `FoldPredictions`
    right: NDArray[np.bool_]


@dataclass(frozen=True)
class RecipePredictions:
    """The predictions of one recipe, before they are written."""

    probabilities: NDArray[np.float64]  # (R, n, k); NaN where a picture is not tested
    # for `facts.json`; `temperatures`, one for each fold of each repeat, among them
    facts: dict[str, Any]


@dataclass(frozen=True)
class Predicted:
    """All that a model has in folds."""

    # columns image_id, label, group and fold_0, fold_1, …, one row a picture
    pictures: pd.DataFrame
    classes: tuple[str, ...]  # their names, in the order of the labels
    recipes: Mapping[str, RecipePredictions]  # by name
    curve: LearningCurve | None = None  # of the regression, where there is one


def write_folds(folder: Path, predicted: Predicted) -> dict[str, float]:
    """Write the predictions of a model's recipes; equal inputs give equal bytes.

    Besides each recipe's choices, `facts.json` contains its accuracy and `pooled_temperature`,
    which would calibrate all its out-of-fold predictions together without those of the parts.
    Returns the accuracy of each recipe, the mean over repeats.
    """
    pictures, curve = predicted.pictures, predicted.curve
    write_table(pictures, folder / PICTURES)
    folds = pictures.filter(regex="^fold_").to_numpy(np.int64).T
    labels = pictures["label"].to_numpy(np.int64)
    facts: dict[str, Any] = {"classes": list(predicted.classes), "recipes": {}}
    accuracies = {}
    for name, recipe in predicted.recipes.items():
        np.save(folder / f"{name}.npy", recipe.probabilities.astype("<f4"), allow_pickle=False)
        tested = ~np.isnan(recipe.probabilities[..., 0])
        right = recipe.probabilities.argmax(axis=2) == labels
        accuracies[name] = float(right[tested].mean())
        facts["recipes"][name] = recipe.facts | {
            "accuracy": round(accuracies[name], 9),
            "pooled_temperature": _pooled_temperature(recipe, labels, folds),
        }
    if curve is not None:
        np.save(folder / CURVE, curve.right.astype(np.uint8), allow_pickle=False)
        facts["learning_curve"] = {
            "fractions": curve.fractions.tolist(),
            "pictures": np.round(curve.pictures, 1).tolist(),
            "accuracy": np.round(curve.right.mean(axis=(0, 2)), 9).tolist(),
        }
    write_json(folder / FACTS, facts)
    return accuracies


def _pooled_temperature(
    recipe: RecipePredictions, labels: NDArray[np.int64], folds: NDArray[np.int64]
) -> float:
    """The temperature of all out-of-fold logits together."""
    tested = ~np.isnan(recipe.probabilities[..., 0])
    own = np.array(recipe.facts["temperatures"], np.float64)
    own = np.take_along_axis(own, folds, axis=1)[tested]
    # Logits except for a constant per picture, which softmax ignores.
    logits = np.log(np.clip(recipe.probabilities[tested], 1e-300, None)) * own[:, None]
    return fit_temperature(logits, np.broadcast_to(labels, tested.shape)[tested])


def write_no_folds(folder: Path, reason: str) -> None:
    """Write the reason why a model has no out-of-fold predictions."""
    write_json(folder / FACTS, {"skipped": reason})


_DTYPES = {"image_id": str, "group": str, "label": "int64"}


def read_folds(folder: Path) -> dict[str, FoldPredictions]:
    """The predictions of `data/folds/<model>` by recipe; empty if the model has none.

    Raises:
        BakeoffError: a file is missing or damaged.
    """
    facts = _facts(folder)
    if "skipped" in facts:
        return {}
    try:
        table = read_csv(folder / PICTURES, dtype=_DTYPES)
        arrays = {n: np.load(folder / f"{n}.npy", allow_pickle=False) for n in facts["recipes"]}
    except (OSError, ValueError, EOFError) as error:
        raise _damaged(folder, error) from None
    return {
        name: FoldPredictions(
            model=folder.name,
            recipe=name,
            classes=tuple(facts["classes"]),
            image_ids=table["image_id"].to_numpy(np.str_),
            labels=table["label"].to_numpy(np.int64),
            groups=table["group"].to_numpy(np.str_),
            folds=table.filter(regex="^fold_").to_numpy(np.int64).T,
            probabilities=probabilities,
            facts=facts["recipes"][name],
        )
        for name, probabilities in arrays.items()
    }


def read_learning_curve(folder: Path) -> LearningCurve | None:
    """The learning curve of `data/folds/<model>`; None if there is none.

    Raises:
        BakeoffError: a file is missing or damaged.
    """
    facts = _facts(folder).get("learning_curve")
    if facts is None:
        return None
    try:
        right = np.load(folder / CURVE, allow_pickle=False).astype(bool)
    except (OSError, ValueError, EOFError) as error:
        raise _damaged(folder, error) from None
    return LearningCurve(np.array(facts["fractions"]), np.array(facts["pictures"]), right)


def _facts(folder: Path) -> dict[str, Any]:
    try:
        facts: dict[str, Any] = read_json(folder / FACTS)
    except (OSError, ValueError, EOFError) as error:
        raise _damaged(folder, error) from None
    return facts


def _damaged(folder: Path, error: Exception) -> BakeoffError:
    return BakeoffError(
        f"{folder}: cannot read the out-of-fold predictions ({error}); run `dvc repro`, or "
        f"`dvc checkout --force {folder.as_posix()}` if they were changed"
    )
