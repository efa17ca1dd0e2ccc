"""Pixels in the cells of a CSV become pictures."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from bakeoff.ingest.pixel_tables import unpack_pixels
from bakeoff.ingest.raw_files import writing_raw_files
from bakeoff.params.datasets import Pixels
from bakeoff.runtime.errors import BakeoffError
from tests.tiny_raw import contents

WHERE = Path("datasets/mine.yaml")


def unpack(folder: Path, text: str, **more: Any) -> dict[str, list[list[int]]]:
    settings = {"table": ("*.csv",), "label_column": "emotion", **more}
    (folder / "fer.csv").write_text(text, encoding="utf-8")
    target = folder / "out"
    target.mkdir()
    with writing_raw_files(target) as create:
        dataset = Pixels(kind="pixels", archive="x", **settings)
        count, others = unpack_pixels([folder / "fer.csv"], create, dataset, WHERE)
    found = contents(target)
    assert (len(found), others) == (count, [])
    return {n: np.asarray(Image.open(io.BytesIO(c))).tolist() for n, c in found.items()}


def test_a_column_of_pixels_and_one_of_sides(tmp_path: Path) -> None:
    table = "emotion,pixels,Usage\n3,0 1 2 3,Training\n4,9 8 7 6,PrivateTest\n"
    found = unpack(tmp_path, table, pixels_column="pixels", split_column="Usage")
    assert found == {
        "fer/Training/3/0.png": [[0, 1], [2, 3]],
        "fer/PrivateTest/4/1.png": [[9, 8], [7, 6]],
    }


def test_a_column_for_each_pixel(tmp_path: Path) -> None:
    found = unpack(tmp_path, "emotion,p0,p1,p2,p3,p4,p5\nNA,0,1,2,3,4,255\n", width=3)
    assert found == {"fer/NA/0.png": [[0, 1, 2], [3, 4, 255]]}


@pytest.mark.parametrize(
    ("cells", "expected"),
    [("0 1 2", "3 pixels, which make no"), ("0 1 2 x", "no pixels"), ("0 0 0 256", "0 to 255")],
)
def test_what_is_no_picture_is_reported(tmp_path: Path, cells: str, expected: str) -> None:
    with pytest.raises(BakeoffError, match=expected):
        unpack(tmp_path, f"emotion,pixels\n1,{cells}\n", pixels_column="pixels")
