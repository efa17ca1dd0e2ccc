"""Render planned copies: all of them as files on request, and a few for the contact sheet."""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from bakeoff.params.data import RandomTransforms
from bakeoff.pictures.decoding import Mode, decode
from bakeoff.pictures.squares import to_picture
from bakeoff.pictures.transforms import ORIGINAL, RANDOM, transform_pixels
from bakeoff.runtime.parallel import map_shards

_MAX_ROWS = 6
MOST_SHOWN = 8  # of one picture: the original and its first copies


def render_copy(
    path: str, transform: str, seed: int, mode: Mode, ranges: RandomTransforms
) -> Image.Image:
    """One planned picture at its own resolution."""
    # The file has already passed the limit of the sort stage.
    picture = decode(Path(path), mode, max_pixels=sys.maxsize)
    pixels = np.asarray(picture).reshape(picture.height, picture.width, -1)
    return to_picture(transform_pixels(pixels, transform, seed, ranges))


def materialize(plan: pd.DataFrame, folder: Path, mode: Mode, ranges: RandomTransforms) -> None:
    """Write every planned copy as `<split>/<label>/<file>-<transform>[-<seed>].png`."""
    copies = plan[plan["transform"] != ORIGINAL]

    def write(row: "tuple[str, str, str, str, int]") -> None:
        split, label, path, transform, seed = row
        suffix = f"-{seed}" if transform == RANDOM else ""
        target = folder / split / label / f"{Path(path).stem}-{transform}{suffix}.png"
        target.parent.mkdir(parents=True, exist_ok=True)
        render_copy(path, transform, seed, mode, ranges).save(target, compress_level=1)

    columns = ("split", "label", "path", "transform", "seed")
    rows = list(zip(*(copies[name] for name in columns), strict=True))
    map_shards(write, rows, describe="writing copies")


def copies_to_show(plan: pd.DataFrame) -> list[pd.DataFrame]:
    """Some training pictures, each as its rows of the plan: the original, then its copies.

    The pictures are taken from the classes in turn, those with most copies first.
    """
    train = plan[plan["split"] == "train"]
    copies = train.groupby(["label", "path"], sort=True).size().rename("copies").reset_index()
    copies = copies.sort_values(["label", "copies", "path"], ascending=[True, False, True])
    turn = copies.groupby("label").cumcount().rename("turn")
    chosen = copies.assign(turn=turn).sort_values(["turn", "label"])["path"].head(_MAX_ROWS)
    return [_shown(train[train["path"] == path]) for path in chosen]


def _shown(rows: pd.DataFrame) -> pd.DataFrame:
    """The first rows of a picture, starting with the original, up to `MOST_SHOWN`."""
    rank = rows["transform"].map({ORIGINAL: 0, RANDOM: 2}).fillna(1)
    return rows.assign(rank=rank).sort_values(["rank", "transform", "seed"]).head(MOST_SHOWN)
