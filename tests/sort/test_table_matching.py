"""Rows and files whose names nearly fit: the longest common end of their paths decides."""

import pytest

from bakeoff.sort.table_matching import Match, clean_name, match_rows

PATHS = ["img/a/001.jpg", "img/b/002.JPG", "img/b/003.jpeg", "img/b/pic_4.png"]


@pytest.mark.parametrize(
    ("name", "file", "despite"),
    [
        ("img/a/001.jpg", 0, ""),
        ("a/001.jpg", 0, ""),
        ("kaggle/input/set/img/a/001.jpg", 0, ""),
        ("C:/data/img/a/001.jpg", 0, ""),
        ("other/001.jpg", 0, "another folder"),
        ("002.jpg", 1, "another case"),
        ("IMG/B/002.JPG", 1, ""),
        ("003.jpg", 2, "another ending"),
        ("003", 2, "another ending"),
        ("3", 2, "leading zeros"),
        ("upload/3/0a1b2c3d-pic_4.png", 3, "a prefix before the name"),
    ],
)
def test_a_name_that_nearly_fits_finds_its_file(name, file, despite):
    assert match_rows([name], [""], PATHS) == (Match((PATHS[file],), despite),)


@pytest.mark.parametrize("name", ["", "004.jpg", "0011.jpg", "x001.jpg", "01.txt"])
def test_a_name_that_does_not_fit_finds_none(name):
    assert match_rows([name], [""], ["img/001.jpg"]) == (Match(),)


def test_the_longest_common_end_decides():
    paths = ["train/p1/view.jpg", "train/p2/view.jpg", "test/p1/view.jpg"]
    names = ["CheXpert/train/p1/view.jpg", "CheXpert/train/p2/view.jpg", "deep/test/p1/view.jpg"]
    assert [m.files for m in match_rows(names, [""] * 3, paths)] == [(path,) for path in paths]


def test_a_file_that_fits_one_row_exactly_is_not_given_to_another():
    found = match_rows(["test/1.jpg", "train/1.jpg"], ["", ""], ["test/1.jpg"])
    assert found == (Match(("test/1.jpg",)), Match())


def test_a_table_speaks_of_the_pictures_beside_it_first():
    found = match_rows(["1.jpg", "1.jpg"], ["train", "test"], ["test/1.jpg", "train/1.jpg"])
    assert [m.files for m in found] == [("train/1.jpg",), ("test/1.jpg",)]


def test_several_files_that_fit_equally_are_all_named():
    assert match_rows(["1.jpg"], [""], ["a/1.jpg", "b/1.jpg"])[0].files == ("a/1.jpg", "b/1.jpg")


def test_addresses_and_uploads_lose_what_is_not_the_path():
    assert clean_name("https://h.org/d/a%20b.png?size=1") == "d/a b.png"
    assert clean_name("/data/local-files/?d=set/1.png") == "set/1.png"
    assert clean_name(r".\a\\b.png ") == "a/b.png"
