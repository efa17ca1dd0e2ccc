"""Count how often `bakeoff page` calls a picture unlike the training pictures.

    python benchmarks/bench_unlike.py efficientnetlite0 [FOLDER of other pictures …]

Of the test side, which is of the same kind, about 1 % should be; of other pictures all. The last
line takes each class out of the training side in turn and shows the model's remaining training
side that class's pictures: a new class of the same kind of picture.
"""

import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bakeoff.features.sides import Side, read_feature_side
from bakeoff.pictures.decoding import PictureError
from bakeoff.runtime.layout import FEATURES, MODELS, SPLITS
from bakeoff.runtime.tables import read_table
from bakeoff.serve.familiarity import Familiarity, familiarity
from bakeoff.serve.picture_files import list_pictures
from bakeoff.serve.predictor import Predictor, load_predictor
from bakeoff.serve.training_side import TrainingSide, read_training_side

_MOST = 300  # pictures of a folder, evenly spaced


def main() -> None:
    name, folders = sys.argv[1], [Path(a) for a in sys.argv[2:]]
    predictor, training = load_predictor(MODELS / name), read_training_side(MODELS / name)
    print(f"{name}, by {training.described_by}: limit {training.familiarity.limit:.3f}")
    table = read_table(SPLITS / "test.csv", ("path",))
    report("test side", training.familiarity, described(predictor, training, table["path"]))
    for folder in folders:
        paths = list_pictures([folder])
        paths = paths[:: -(-len(paths) // _MOST)]
        report(folder.name, training.familiarity, described(predictor, training, paths))
    if (FEATURES / name).is_dir():
        report_left_out(read_feature_side(FEATURES / name, "train").originals())


def described(predictor: Predictor, training: TrainingSide, paths: object) -> NDArray[np.float64]:
    """The feature vectors of the usable pictures among some files."""
    pixels = []
    for path in map(Path, paths):  # type: ignore[call-overload]
        try:
            pixels.append(predictor.picture(path))
        except PictureError as error:
            print(f"  {path}: {error}")
    parts = [training.describe(np.stack(pixels[i : i + 32])) for i in range(0, len(pixels), 32)]
    return np.concatenate(parts)


def unlike(known: Familiarity, values: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Whether each picture is beyond the limit."""
    return np.array([known.nearest(v, 1).distances[0] > known.limit for v in values])


def report(what: str, known: Familiarity, values: NDArray[np.float64]) -> None:
    found = unlike(known, values)
    print(f"  {what}: {found.sum()} of {len(found)} unlike ({found.mean() * 100:.1f} %)")


def report_left_out(side: Side) -> None:
    found = []
    for label in np.unique(side.labels):
        rest = side.take(np.flatnonzero(side.labels != label))
        known = familiarity(rest.values, rest.groups.tolist())
        found.append(unlike(known, side.values[side.labels == label]))
    by_class = ", ".join(f"{part.mean() * 100:.1f}" for part in found)
    every = np.concatenate(found)
    share = f"{every.mean() * 100:.1f} %"
    print(f"  a class left out: {share} of {len(every)} unlike (by class: {by_class})")


if __name__ == "__main__":
    main()
