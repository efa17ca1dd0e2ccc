import json
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from bakeoff.sort.census import contact_sheet, count_classes, summarise, summary, write_census

PICTURES = pd.DataFrame(
    {
        "image_id": ["1", "2", "2", "4", "5"],
        "label": ["a", "a", "a", "a", "b & c"],
        "group": ["g", "g", "", "", "h"],
        "official": ["train", "test", "train", "train", ""],
        "width": [100, 200, 300, 400, 50],
        "height": [100, 100, 100, 100, 100],
        "mode": ["L", "L", "RGB", "CMYK", "RGB"],
        "bytes": [10, 20, 30, 40, 50],
        "brightness": [0.0, 10.0, 20.0, 30.0, 255.0],
    }
)
QUARANTINE = pd.DataFrame(
    [("x", "left out", ""), ("y", "truncated", ""), ("z", "left out", "")],
    columns=["path", "reason", "detail"],
)


def read(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def write(folder: Path) -> dict[str, bytes]:
    folder.mkdir()
    thumbnails = {label: [Image.new("RGB", (9, 5), "red")] for label in ("a", "b & c")}
    write_census(folder, PICTURES, QUARANTINE, thumbnails)
    return read(folder)


def test_the_census_is_whole_and_the_same_twice(tmp_path: Path) -> None:
    files = write(tmp_path / "one")
    assert set(files) == {
        *("census.json", "counts.csv", "facts.csv", "modes.csv", "quarantine.csv"),
        *("counts.png", "sizes.png", "aspect_ratios.png", "modes.png", "brightness.png"),
        *("contact_sheets/a.png", "contact_sheets/b & c.png"),
    }
    assert files == write(tmp_path / "two")
    assert files["quarantine.csv"] == b"reason,files\nleft out,2\ntruncated,1\n"
    assert json.loads(files["census.json"])["quarantine"] == {"left out": 2, "truncated": 1}
    for name, content in files.items():
        assert b"\r" not in content or name.endswith(".png")
        assert b"Software" not in content


def test_the_numbers_by_hand() -> None:
    pictures = PICTURES.assign(aspect_ratio=PICTURES["width"] / 100, megapixels=0.01)
    reasons = QUARANTINE.groupby("reason").size().rename("files").reset_index()
    told = summary(pictures, reasons)
    assert (told["pictures"], told["classes"], told["exact_duplicates"]) == (5, 2, 1)
    assert told["groups"] == 4  # g, h and two pictures on their own
    assert told["imbalance"]["largest_over_smallest"] == 4
    entropy = -(0.8 * math.log(0.8) + 0.2 * math.log(0.2)) / math.log(2)
    assert told["imbalance"]["entropy"] == pytest.approx(entropy, abs=1e-6)
    assert told["facts"]["width"] == {
        "least": 50,
        "low": 60,
        "median": 200,
        "high": 380,
        "greatest": 400,
    }
    counts = count_classes(PICTURES).set_index("label")
    assert counts.loc["a"].to_dict() == {
        "pictures": 4,
        "share": 0.8,
        "groups": 3,
        "exact_duplicates": 1,
        "official_train": 3,
        "official_val": 0,
        "official_test": 1,
    }
    facts = summarise(pictures).set_index(["label", "fact"])
    assert facts.loc[("a", "brightness"), "median"] == 15
    assert facts.loc[("a", "aspect_ratio"), "greatest"] == 4


@pytest.mark.parametrize(("count", "size"), [(1, (624, 104)), (6, (624, 104)), (7, (624, 208))])
def test_contact_sheets_put_each_thumbnail_in_its_cell(count: int, size: tuple[int, int]) -> None:
    sheet = contact_sheet([Image.new("RGB", (96, 48), (i, 0, 0)) for i in range(count)])
    assert sheet.size == size
    pixels = np.asarray(sheet)
    for i in range(count):
        assert pixels[i // 6 * 104 + 52, i % 6 * 104 + 52].tolist() == [i, 0, 0]
    assert pixels[0, 0].tolist() == [255, 255, 255]


def test_many_classes_and_one_size_are_drawn(tmp_path: Path) -> None:
    rows = [
        PICTURES.iloc[[0]].assign(label=f"class {i:03d}", width=224, height=224) for i in range(40)
    ]
    write_census(tmp_path, pd.concat(rows, ignore_index=True), QUARANTINE, {})
    assert Image.open(tmp_path / "counts.png").height > 1000
