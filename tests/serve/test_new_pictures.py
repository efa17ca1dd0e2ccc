"""A model is scored on new labelled pictures, and compared with its score on the test side."""

import os
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from bakeoff.pictures.decoding import decode, pixel_id
from bakeoff.runtime.errors import BakeoffError
from bakeoff.scoring.predictions import Predictions, write_predictions
from bakeoff.serve.new_pictures import evaluate_new, read_labelled, worst_mistakes

CLASSES = ("dark", "light")


def picture(path, shade):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (12, 12), (shade,) * 3).save(path)


@pytest.fixture
def place(tmp_path, monkeypatch):
    """Ten pictures, of which two are in the wrong folder, in an otherwise empty place."""
    monkeypatch.chdir(tmp_path)
    for number, shade in enumerate((10, 20, 30, 40, 250)):
        picture(tmp_path / f"new/dark/{number}.png", shade)
    for number, shade in enumerate((200, 210, 220, 230, 5)):
        picture(tmp_path / f"new/light/deeper/{number}.png", shade)
    return tmp_path


def sides(root, test_right=()):
    """A data set's sides whose test side has as many pictures as `test_right`."""
    (root / "data/splits").mkdir(parents=True)
    ids = [f"id{i}" for i in range(len(test_right))]
    seen = pixel_id(decode(root / "new/dark/0.png", "RGB"))
    rows = {"train": [(seen, "a")], "val": [], "test": [(i, f"g{i}") for i in ids]}
    for side, found in rows.items():
        table = pd.DataFrame(found, columns=["image_id", "group"])
        table.to_csv(root / f"data/splits/{side}.csv", index=False)
    labels = np.zeros(len(ids), np.int64)
    chances = np.where(np.array(test_right)[:, None], [0.9, 0.1], [0.1, 0.9])
    (root / "reports/predictions").mkdir(parents=True)
    path = root / "reports/predictions/net.csv"
    write_predictions(path, Predictions(CLASSES, np.array(ids), labels, chances))


def test_a_folder_is_scored_and_its_mistakes_are_listed(place, models):
    table, lines = evaluate_new(place / "new", models / "net")
    assert len(table) == 10
    assert lines[0].startswith("net, 10 pictures in 10 groups: accuracy 0.800 (95 % interval 0.4")
    text = "\n".join(lines)
    assert "is unknown here: data/splits is missing" in text
    assert "dark/4.png: light" in text and "is dark" in text
    assert [line.split() for line in lines if line.startswith(("dark", "light"))] == [
        ["dark", "4", "1"],
        ["light", "1", "4"],
    ]


def test_pictures_of_the_data_set_are_left_out_and_counted(place, models):
    sides(place, [True] * 50)
    table, lines = evaluate_new(place / "new", models / "net")
    assert len(table) == 9
    assert "left out because the data set has them: 1" in "\n".join(lines)
    assert "0.778 here, 1.000 on the test side: -22.2 points" in lines[1]


def test_a_table_gives_labels_and_groups(place, models):
    rows = (
        "path,label,group\nnew/dark/0.png,dark,p1\nnew/dark/1.png,dark,p1\nnew/dark/4.png,dark,p2\n"
    )
    (place / "labels.csv").write_text(rows)
    _, lines = evaluate_new(place / "labels.csv", models / "net")
    assert lines[0].startswith("net, 3 pictures in 2 groups: accuracy 0.667")


def test_a_file_that_is_no_picture_is_counted(place, models):
    (place / "new/dark/broken.png").write_bytes(b"no")
    table, lines = evaluate_new(place / "new", models / "net")
    assert (table["error"] != "").sum() == 1
    assert "files that are not usable pictures: 1" in lines and "10 pictures" in lines[0]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("path\na.png\n", "no column label; it needs the columns path and label"),
        ("path,label\ngone.png,dark\n", r"names .*gone.png, which does not exist"),
        ("path,label\nnew/dark/0.png,cat\n", "does not know the class cat; it knows dark, light"),
        ("path,label\n", "no labelled picture; give a folder with a folder for each class of dark"),
    ],
)
def test_a_table_that_cannot_be_used_is_refused_in_one_sentence(place, text, message):
    (place / "labels.csv").write_text(text)
    with pytest.raises(BakeoffError, match=message):
        read_labelled(place / "labels.csv", CLASSES)


def test_the_most_confident_mistakes_come_first():
    table = pd.DataFrame(
        {
            "path": ["a", "b", "c", "d"],
            "label": ["dark", "dark", "dark", "light"],
            "predicted": ["light", "dark", "light", "dark"],
            "p_dark": [0.2, 1.0, 0.1, 0.9],
            "p_light": [0.8, 0.0, 0.9, 0.1],
        }
    )
    assert list(worst_mistakes(table, 2)["path"]) == ["c", "d"]


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04\xc7\xee"])
def test_a_file_that_is_no_csv_is_refused_in_one_sentence(tmp_path, content):
    (tmp_path / "new.xlsx").write_bytes(content)
    with pytest.raises(BakeoffError, match="not a CSV in UTF-8; save"):
        read_labelled(tmp_path / "new.xlsx", ["dark", "light"])


def test_the_command_prints_no_line_of_tensorflow(place, models):
    (place / "models").symlink_to(models)
    alone = {k: v for k, v in os.environ.items() if k != "TF_CPP_MIN_LOG_LEVEL"}
    code = "from bakeoff.cli import app; app()"
    command = [sys.executable, "-c", code, "evaluate", "new", "--model", "net"]
    done = subprocess.run(command, cwd=place, env=alone, capture_output=True, check=False)
    assert done.stdout.startswith(b"net, 10 pictures in 10 groups")
    assert (done.returncode, done.stderr) == (0, b"")
