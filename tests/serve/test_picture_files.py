"""Folders with odd entries, and damaged model folders: a row or a sentence each."""

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from typer.testing import CliRunner

from bakeoff.cli import app
from bakeoff.pictures import extra_formats
from bakeoff.runtime.errors import BakeoffError
from bakeoff.serve.new_pictures import read_labelled
from bakeoff.serve.picture_files import list_pictures, predict_files
from bakeoff.serve.predictor import _check_trees, load_predictor
from tests.pictures.test_extra_formats import dicom


@pytest.fixture
def folder(tmp_path):
    """Two pictures among what else may be called one."""
    where = tmp_path / "pictures"
    where.mkdir()
    for name, value in (("a.png", 51), ("z.png", 204)):
        Image.fromarray(np.full((10, 12, 3), value, np.uint8)).save(where / name)
    (where / "folder.png").mkdir()
    (where / "link.png").symlink_to(where / "nowhere")
    os.mkfifo(where / "pipe.png")
    shutil.copyfile(where / "a.png", os.fsencode(where) + b"/not-\xff-utf8.png")
    (where / "text.png").write_text("no picture")
    return where


def test_one_odd_entry_spoils_no_other_row(models, folder, tmp_path):
    table = predict_files(load_predictor(models / "net"), list_pictures([folder]))
    table.to_csv(tmp_path / "said.csv", index=False)
    said = pd.read_csv(tmp_path / "said.csv", keep_default_na=False)
    found = {row["path"].rpartition("/")[2]: row for row in said.to_dict("records")}
    assert {name: row["label"] for name, row in found.items() if row["label"]} == {
        "a.png": "dark",
        "not-\\xff-utf8.png": "dark",
        "z.png": "light",
    }
    assert (
        found["link.png"]["error"]
        == found["pipe.png"]["error"]
        == ("not a picture: no regular file")
    )
    assert "folder.png" not in found
    assert found["text.png"]["error"].startswith("not a picture")


@pytest.mark.parametrize("name", ["=1+1.png", "+1.png", "-1.png", "@a.png"])
def test_no_path_is_a_formula_to_a_spreadsheet(models, tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    Image.fromarray(np.full((10, 12, 3), 51, np.uint8)).save(name)
    (path,) = predict_files(load_predictor(models / "net"), [Path(name)])["path"]
    assert path == f"./{name}"


def test_a_dicom_file_without_a_suffix_is_found_by_its_mark(models, tmp_path, monkeypatch):
    film = dicom(np.full((9, 9), 3500, np.uint16))
    for name in ("IM0001", "1.2.840.113619.2.5", "DICOMDIR", "film.txt"):
        (tmp_path / name).write_bytes(film)
    for name in ("notes", "2.1"):
        (tmp_path / name).write_text("no picture")
    (tmp_path / "series.2").mkdir()
    found = list_pictures([tmp_path])
    assert [path.name for path in found] == ["1.2.840.113619.2.5", "IM0001"]
    predictor = load_predictor(models / "net")
    assert list(predict_files(predictor, found)["label"]) == ["light", "light"]
    (tmp_path / "dark").mkdir()
    (tmp_path / "IM0001").rename(tmp_path / "dark/IM0001")
    assert read_labelled(tmp_path, ["dark"]).paths == [tmp_path / "dark/IM0001"]
    monkeypatch.setattr(extra_formats, "is_installed", lambda kind: False)
    errors = predict_files(predictor, found[:1])["error"]
    assert "run `uv sync --inexact --extra readers`" in errors.item()


def test_an_output_that_cannot_be_written_is_one_sentence(models, folder, tmp_path, monkeypatch):
    monkeypatch.chdir(models.parent)
    shutil.copytree(models, tmp_path / "models")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "out").mkdir()
    asked = ["predict", str(folder / "a.png"), "--model", "net", "-o", str(tmp_path / "out")]
    done = CliRunner().invoke(app, asked)
    assert done.exit_code == 1
    assert "bakeoff: error:" in done.output and "Traceback" not in done.output
    assert not list((tmp_path / "out").iterdir())


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("temperature", 0.0),
        ("temperature", None),
        ("floor", "x"),
        ("record_side", 10**9),
        ("mode", None),
        ("classes", []),
        ("classes", ["a", "a"]),
        ("classes", ["a"]),
        ("channels", 2),
        ("kind", "other"),
        ("params", {"descriptors": ["pixels"], "pixels_side": 10**9}),
        ("params", {"descriptors": ["features:../net"], "pixels_side": 4}),
    ],
)
def test_damaged_metadata_is_one_sentence(models, tmp_path, key, value):
    shutil.copytree(models, tmp_path / "models")
    path = tmp_path / "models/logistic_net/metadata.json"
    told = json.loads(path.read_text())
    if key == "params":
        told["kind"] = "forest"
    path.write_text(json.dumps(told | {key: value}))
    with pytest.raises(BakeoffError) as caught:
        load_predictor(path.parent)
    assert len(str(caught.value)) < 500 and "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["net/model.keras", "logistic_net/model.skops"])
@pytest.mark.parametrize("damage", [b"", b"PK\x03\x04 no zip", None])
def test_damaged_files_are_one_sentence(models, tmp_path, name, damage):
    shutil.copytree(models, tmp_path / "models")
    path = tmp_path / "models" / name
    whole = bytearray(path.read_bytes())
    if damage is None:  # one byte in the middle
        whole[len(whole) // 2] ^= 0xFF
    path.write_bytes(whole if damage is None else damage)
    with pytest.raises(BakeoffError):
        load_predictor(path.parent)


def test_trees_that_point_outside_are_refused():
    from sklearn.ensemble import RandomForestClassifier

    values = np.random.default_rng(0).normal(size=(40, 3))
    for name, number in (("children_left", 10**6), ("children_right", 0), ("feature", 3)):
        forest = RandomForestClassifier(2, random_state=0).fit(values, values[:, 0] > 0)
        _check_trees(forest)
        array = getattr(forest.estimators_[1].tree_, name)
        array.flags.writeable = True
        array[0] = number
        with pytest.raises(ValueError, match="tree"):
            _check_trees(forest)
