import json
import math
from pathlib import Path

import pandas as pd
import pytest

from bakeoff.sort.census import count_classes, summarise, summary, write_census

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
    write_census(folder, PICTURES, QUARANTINE)
    return read(folder)


def test_the_census_is_whole_and_the_same_twice(tmp_path: Path) -> None:
    files = write(tmp_path / "one")
    assert set(files) == {
        *("census.json", "counts.csv", "facts.csv", "modes.csv", "quarantine.csv", "sizes.csv"),
    }
    assert files == write(tmp_path / "two")
    assert files["quarantine.csv"] == b"reason,files\nleft out,2\ntruncated,1\n"
    assert json.loads(files["census.json"])["quarantine"] == {"left out": 2, "truncated": 1}
    assert files["sizes.csv"].splitlines()[1] == b"50,100,1"
    assert not any(b"\r" in content for content in files.values())


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
        "lower_quartile": 100,
        "median": 200,
        "upper_quartile": 300,
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
