"""Score a model on labelled pictures that it has never seen."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from bakeoff.pictures.decoding import decode, pixel_id
from bakeoff.pictures.picture_error import PictureError
from bakeoff.runtime.errors import BakeoffError, quoted
from bakeoff.runtime.layout import REPORTS, SPLITS
from bakeoff.runtime.tables import SIDES, read_csv, read_splits, read_table
from bakeoff.scoring.predictions import read_predictions
from bakeoff.serve.picture_files import is_named_picture, predict_files
from bakeoff.serve.predictor import Predictor, load_predictor
from bakeoff.serve.score_shift import ScoredSide, sentence_of_shift, side_of

_CONFIDENCE = 0.95


@dataclass(frozen=True)
class Labelled:
    """Pictures with their classes, and a group each: those of one patient belong together."""

    paths: list[Path]
    labels: list[str]
    groups: list[str]


def read_labelled(source: Path, classes: Sequence[str]) -> Labelled:
    """Labelled pictures: a folder with a folder for each class, or a table.

    The source is a folder, or a CSV with `path` (relative to the table), `label`, and optionally
    `group`.

    Raises:
        BakeoffError: there is no picture, or a class that the model does not know.
    """
    found = _read_table(source) if source.is_file() else _read_folder(source)
    if not found.paths:
        raise BakeoffError(
            f"{source}: no labelled picture; give a folder with a folder for each class of "
            f"{', '.join(classes)}, or a CSV with the columns path and label"
        )
    unknown = sorted(set(found.labels) - set(classes))
    if unknown:
        raise BakeoffError(
            f"{source}: the model does not know the class {quoted(unknown[0])}; it knows "
            f"{', '.join(classes)}; rename it, or remove its pictures"
        )
    return found


def _read_table(source: Path) -> Labelled:
    try:
        table = read_csv(source, all_text=True)
    except ValueError:  # of pandas: bytes, columns or nothing that it can read
        raise BakeoffError(
            f"{source}: not a CSV in UTF-8; save the table as one, or give a folder with a folder "
            "for each class"
        ) from None
    missing = [name for name in ("path", "label") if name not in table]
    if missing:
        raise BakeoffError(f"{source}: no column {missing[0]}; it needs the columns path and label")
    paths = [source.parent / name for name in table["path"]]
    for path in paths:
        if not path.is_file():
            raise BakeoffError(f"{source}: names {path}, which does not exist; correct its path")
    return Labelled(paths, list(table["label"]), list(table.get("group", table["path"])))


def _read_folder(source: Path) -> Labelled:
    if not source.is_dir():
        raise BakeoffError(f"{source}: no such file or folder; correct the path")
    paths = sorted(filter(is_named_picture, source.glob("*/**/*")))
    labels = [path.relative_to(source).parts[0] for path in paths]
    return Labelled(paths, labels, [str(path) for path in paths])


def without_seen(labelled: Labelled, predictor: Predictor, known: set[str]) -> Labelled:
    """The pictures whose pixels are not those of an image in `known`, by `pixel_id`."""
    meta = predictor.metadata

    def is_new(path: Path) -> bool:
        try:
            return pixel_id(decode(path, meta.mode, white=meta.white)) not in known
        except (PictureError, OSError):
            return True  # gets its error with the predictions

    chosen = [i for i, path in enumerate(labelled.paths) if not known or is_new(path)]
    return Labelled(
        [labelled.paths[i] for i in chosen],
        [labelled.labels[i] for i in chosen],
        [labelled.groups[i] for i in chosen],
    )


def predict_labelled(labelled: Labelled, predictor: Predictor) -> pd.DataFrame:
    """A row `path,label,predicted,group,p_<class>…,error` for each picture."""
    table = predict_files(predictor, labelled.paths).rename(columns={"label": "predicted"})
    table.insert(1, "label", labelled.labels)
    table.insert(3, "group", labelled.groups)
    return table


def worst_mistakes(table: pd.DataFrame, most: int) -> pd.DataFrame:
    """The wrong predictions with the highest probability, and that probability as `p`."""
    wrong = table[table["label"] != table["predicted"]]
    sure = wrong[[c for c in table if str(c).startswith("p_")]].max(axis=1)
    found = wrong.assign(p=sure).sort_values(["p", "path"], ascending=[False, True], kind="stable")
    return found.head(most)


def confusion_lines(table: pd.DataFrame, classes: Sequence[str]) -> list[str]:
    """The confusion matrix as text: a row for each true class, a column for each predicted."""
    counts = pd.crosstab(table["label"], table["predicted"])
    counts = counts.reindex(index=list(classes), columns=list(classes), fill_value=0)
    counts.index.name, counts.columns.name = "true", "predicted"
    return str(counts.to_string()).splitlines()


def evaluate_new(source: Path, model: Path, *, most: int = 5) -> tuple[pd.DataFrame, list[str]]:
    """Predict labelled pictures, and say how good the model of the folder `model` is on them.

    `most` mistakes are listed.

    Returns:
        The table of `predict_labelled`, and lines to print.

    Raises:
        BakeoffError: as `read_labelled`, or no picture is left.
    """
    predictor = load_predictor(model)
    given = read_labelled(source, predictor.classes)
    known = _known_images()
    labelled = without_seen(given, predictor, known)
    seen = len(given.paths) - len(labelled.paths)
    if not labelled.paths:
        raise BakeoffError(f"{source}: all {seen} pictures are in the data set; give new ones")
    table = predict_labelled(labelled, predictor)
    used = table[table["error"] == ""]
    if used.empty:
        raise BakeoffError(
            f"{source}: none of the {len(table)} files is a usable picture; give others"
        )
    new = side_of(used, list(used["group"]))
    interval = new.interval(_CONFIDENCE)
    lines = [
        f"{model.name}, {len(used)} pictures in {len(new.sizes)} groups: accuracy "
        f"{new.estimate.value:.3f} ({_CONFIDENCE * 100:g} % interval {interval.low:.3f} to "
        f"{interval.high:.3f})",
        *([sentence_of_shift(new, old, _CONFIDENCE)] if (old := _old_side(model.name)) else []),
        f"left out because the data set has them: {seen}"
        if known
        else f"which pictures it was trained on is unknown here: {SPLITS} is missing",
        *(
            [f"files that are not usable pictures: {bad}"]
            if (bad := len(table) - len(used))
            else []
        ),
        "",
        *confusion_lines(used, predictor.classes),
    ]
    wrong = worst_mistakes(used, most)
    if len(wrong):
        lines += ["", "most confident mistakes:"]
        lines += [
            f"  {row['path']}: {row['predicted']} {row['p'] * 100:.0f} %, is {row['label']}"
            for row in wrong.to_dict("records")
        ]
    return table, lines


def _known_images() -> set[str]:
    """The ids of the data set's images; empty where the sides are not on this machine."""
    if not all((SPLITS / f"{side}.csv").is_file() for side in SIDES):
        return set()
    return set(read_splits(SPLITS, ("image_id",))["image_id"])


def _old_side(name: str) -> ScoredSide | None:
    """The model's outcomes on the test side, with the groups; None where they are not here."""
    path = REPORTS / "predictions" / f"{name}.csv"
    if not path.is_file() or not (SPLITS / "test.csv").is_file():
        return None
    old = read_predictions(path)
    test = read_table(SPLITS / "test.csv", ("image_id", "group"))
    groups = dict(zip(test["image_id"], test["group"], strict=True))
    if not set(old.image_ids) <= set(groups):
        return None  # of another split
    codes = np.unique([groups[i] for i in old.image_ids], return_inverse=True)[1]
    return ScoredSide(old.right.astype(np.float64), codes.astype(np.int64))
