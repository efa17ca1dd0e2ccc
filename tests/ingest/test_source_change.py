"""A source that changed after it was ingested is noticed and ingested again."""

import os
import shutil

import pytest
import yaml
from PIL import Image

from bakeoff.ingest.raw_files import reading_raw_files
from bakeoff.ingest.source_change import listing_of, note_source, source_sentence
from bakeoff.params.datasets import Digits, Folders
from tests.faults.laboratory import Laboratory, finished, start


@pytest.fixture
def source(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("a/1.png", "a/2.png", "b/3.png"):
        write(tmp_path / "mine" / name, name)
    return tmp_path / "mine"


def picture(path, shade):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (64, 64), (shade, shade, 9)).save(path)


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def noted(archive="mine", **more):
    dataset = Folders(kind="folders", archive=archive, **more)
    note_source("set", dataset, listing_of(dataset))
    return dataset


def test_an_unchanged_source_is_not_mentioned(source):
    assert source_sentence("set", noted()) == ""


def test_what_was_added_removed_and_changed_is_counted(source):
    dataset = noted()
    write(source / "a/4.png", "4")
    write(source / "c/5.png", "5")
    (source / "a/1.png").unlink()
    status = (source / "b/3.png").stat()
    os.utime(source / "b/3.png", ns=(status.st_atime_ns, status.st_mtime_ns + 1))
    sentence = source_sentence("set", dataset)
    assert str(source) in sentence
    assert "(2 files added, 1 removed, 1 changed); run `bakeoff renew`" in sentence
    note_source("set", dataset, listing_of(dataset))
    assert source_sentence("set", dataset) == ""


def test_another_archive_under_the_old_name_is_noticed(source, tmp_path):
    write(tmp_path / "set.zip", "one")
    dataset = noted("set.zip")
    write(tmp_path / "set.zip", "another")
    assert "(0 files added, 0 removed, 1 changed)" in source_sentence("set", dataset)


def test_a_file_behind_a_followed_link_is_watched(source, tmp_path):
    write(tmp_path / "elsewhere/6.png", "6")
    (source / "b/linked").symlink_to(tmp_path / "elsewhere")
    dataset = noted(follow_links=True)
    assert source_sentence("set", dataset) == ""
    write(tmp_path / "elsewhere/6.png", "more")
    assert "1 changed" in source_sentence("set", dataset)


@pytest.mark.parametrize("note", ["", "{", "[]", '{"source": 1}'])
def test_nothing_is_reported_without_a_readable_note(source, tmp_path, note):
    dataset = noted()
    write(tmp_path / "data/sources/set.json", note)
    write(source / "a/4.png", "4")
    assert source_sentence("set", dataset) == ""


def test_nothing_is_reported_of_another_place_or_a_missing_one(source, tmp_path):
    dataset = noted()
    shutil.copytree(source, tmp_path / "other")
    other = dataset.model_copy(update={"archive": "other"})
    assert source_sentence("set", other) == ""
    shutil.rmtree(source)
    assert source_sentence("set", dataset) == ""


def test_a_generated_set_has_no_source(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    digits = Digits(kind="digits")
    assert listing_of(digits) is None
    note_source("digits", digits, None)
    assert source_sentence("digits", digits) == ""
    assert not (tmp_path / "data").exists()


@pytest.mark.slow
def test_five_pictures_more_are_in_after_the_next_reproduction(tmp_path):
    root = Laboratory.build(tmp_path, ()).reference
    pictures = tmp_path / "mine"
    for number in range(6):
        picture(pictures / f"{'ab'[number % 2]}/{number}.png", number)
    described = {"kind": "folders", "archive": str(pictures)}
    (root / "datasets/mine.yaml").write_text(yaml.safe_dump(described))
    params = yaml.safe_load((root / "params.yaml").read_text()) | {"dataset": "mine"}
    (root / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False))

    def run(*command):
        return finished(start(root, *command))

    def ingested():
        with reading_raw_files(root / "data/raw") as files:
            return len(files.names())

    run("dvc", "repro", "ingest")
    assert ingested() == 6
    assert "renew" not in run("bakeoff", "check")
    for number in range(6, 11):
        picture(pictures / f"a/{number}.png", number)
    assert "5 files added" in run("bakeoff", "check")
    run("bakeoff", "renew", "ingest")
    assert ingested() == 11
    assert "renew" not in run("bakeoff", "check")
    assert "no source has changed" in run("bakeoff", "renew", "ingest")
