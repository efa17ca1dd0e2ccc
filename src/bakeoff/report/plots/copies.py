"""The planned copies as pictures: a contact sheet, and all of them where asked."""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image, ImageDraw, ImageFont

from bakeoff.params.data import RandomTransforms
from bakeoff.pictures.decoding import Mode, decode
from bakeoff.pictures.squares import to_picture
from bakeoff.pictures.transforms import ORIGINAL, RANDOM, transform_pixels
from bakeoff.runtime.files import writing_file
from bakeoff.runtime.parallel import map_shards

_CELL = 160  # pixels
_CAPTION = 18  # pixels
_MARGIN = 4  # pixels
_MAX_ROWS = 6
_MAX_COLUMNS = 8


def render_copy(
    path: str, transform: str, seed: int, mode: Mode, ranges: RandomTransforms
) -> Image.Image:
    """One planned picture at its own resolution."""
    # The file has passed the sort stage's limit, whatever that was.
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


def write_contact_sheet(
    plan: pd.DataFrame, path: Path, mode: Mode, ranges: RandomTransforms
) -> None:
    """A row for each of some training pictures: the original, then its copies.

    The pictures are taken from the classes in turn, those with most copies first.
    """
    train = plan[plan["split"] == "train"]
    rows = [_shown(train[train["path"] == chosen]) for chosen in _choose(train)]
    width = _MARGIN + max(len(row) for row in rows) * (_CELL + _MARGIN)
    height = _MARGIN + len(rows) * (_CELL + _CAPTION)
    sheet = Image.new("RGB", (width, height), "white")
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(11)
    for top, row in enumerate(rows):
        for left, example in enumerate(row.itertuples()):
            picture = render_copy(
                str(example.path), str(example.transform), int(str(example.seed)), mode, ranges
            )
            picture.thumbnail((_CELL, _CELL))
            corner = (_MARGIN + left * (_CELL + _MARGIN), _MARGIN + top * (_CELL + _CAPTION))
            sheet.paste(picture.convert("RGB"), corner)
            caption = example.label if example.transform == ORIGINAL else example.transform
            pen.text((corner[0], corner[1] + _CELL), str(caption)[:24], "black", font)
    with writing_file(path) as partial:
        sheet.save(partial, "PNG")


def _choose(train: pd.DataFrame) -> list[str]:
    """Paths of the pictures to show."""
    copies = train.groupby(["label", "path"], sort=True).size().rename("copies").reset_index()
    copies = copies.sort_values(["label", "copies", "path"], ascending=[True, False, True])
    turn = copies.groupby("label").cumcount().rename("turn")
    return list(copies.assign(turn=turn).sort_values(["turn", "label"])["path"].head(_MAX_ROWS))


def _shown(rows: pd.DataFrame) -> pd.DataFrame:
    """A picture's rows, the original first, as many as fit."""
    rank = rows["transform"].map({ORIGINAL: 0, RANDOM: 2}).fillna(1)
    return rows.assign(rank=rank).sort_values(["rank", "transform", "seed"]).head(_MAX_COLUMNS)
