"""The data in figures: the census, and pictures before and after export."""

import sys
from pathlib import Path

import numpy as np
import pandas as pd

from bakeoff.augment.copies import MOST_SHOWN, copies_to_show, render_copy
from bakeoff.params.data import RandomTransforms
from bakeoff.pictures.decoding import Mode, decode
from bakeoff.pictures.transforms import ORIGINAL, Pixels
from bakeoff.report.plots.class_counts import balance_figure, census_figures
from bakeoff.report.plots.figures import save_png
from bakeoff.report.sheets import Captioned, save_contact_sheet
from bakeoff.runtime.tables import SIDES, read_csv
from bakeoff.tfrecord.numpy_reading import read_pictures

_OF_EACH_CLASS = 24
_OF_EACH_SIDE = 3
_EMPTY = Captioned(np.empty((0, 0, 3), np.uint8), "")


def draw_census(folder: Path, data: Path, split: Path) -> None:
    """Draw `reports/data` and `reports/split`: counts, modes, brightness, proportions, balance."""
    figures = census_figures(data)
    figures["balance"] = balance_figure(read_csv(split / "counts.csv"))
    for name, figure in figures.items():
        save_png(figure, folder / f"{name}.png")


def draw_classes(folder: Path, manifest: pd.DataFrame, mode: Mode) -> None:
    """Save a contact sheet of each class; the choice depends only on the data."""
    for label, rows in manifest.sort_values(["image_id", "path"]).groupby("label", sort=True):
        shown = [
            Captioned(_found(path, mode), Path(path).stem[:28])
            for path in rows["path"].head(_OF_EACH_CLASS)
        ]
        save_contact_sheet(shown, folder / "classes" / f"{label}.png")


def draw_copies(folder: Path, plan: pd.DataFrame, mode: Mode, ranges: RandomTransforms) -> None:
    """Save a sheet with a row per picture: some training originals with their copies."""
    cells = []
    for rows in copies_to_show(plan):
        for example in rows.to_dict("records"):
            transform, seed = str(example["transform"]), int(example["seed"])
            picture = render_copy(str(example["path"]), transform, seed, mode, ranges)
            caption = example["label"] if transform == ORIGINAL else transform
            cells.append(Captioned(_pixels(picture), str(caption)))
        cells += [_EMPTY] * (-len(cells) % MOST_SHOWN)
    save_contact_sheet(cells, folder / "copies.png", MOST_SHOWN)


def draw_records(folder: Path, plan: pd.DataFrame, records: Path, mode: Mode) -> None:
    """Save a sheet of some originals of each side, before export and as read from the records."""
    cells = []
    for side in SIDES:
        originals = plan[(plan["split"] == side) & (plan["transform"] == ORIGINAL)]
        recorded = read_pictures(records, side, range(_OF_EACH_SIDE))
        for place, path in enumerate(originals["path"].head(_OF_EACH_SIDE)):
            found = _found(path, mode)
            size = f"{found.shape[1]} x {found.shape[0]}"
            cells += [Captioned(found, f"{side}: {size}"), Captioned(recorded[place], "record")]
        cells += [_EMPTY] * (-len(cells) % (2 * _OF_EACH_SIDE))
    save_contact_sheet(cells, folder / "records.png", 2 * _OF_EACH_SIDE)


def _found(path: str, mode: Mode) -> Pixels:
    # The sort stage has already checked the file's size.
    return _pixels(decode(Path(path), mode, max_pixels=sys.maxsize))


def _pixels(picture: object) -> Pixels:
    pixels = np.asarray(picture)
    return pixels.reshape(*pixels.shape[:2], -1)
