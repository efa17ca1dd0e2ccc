from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bakeoff.ingest.member_names import class_folder, safe_path
from bakeoff.params.datasets import Dataset, Filenames, Folders
from bakeoff.runtime.errors import BakeoffError
from bakeoff.sort.labelled_file import LabelledFile
from bakeoff.sort.labelling import find_labels

WHERE = Path("datasets/mine.yaml")


def find(paths: list[str], dataset: Dataset) -> list[LabelledFile]:
    return find_labels(paths, dataset, unread, WHERE)


def unread(path: str) -> bytes:
    raise AssertionError(f"{path} was read, where names alone decide")


def filenames(**more: Any) -> Filenames:
    classes = {"cat": "(?i)cat", "dog": "(?i)dog"}
    return Filenames(kind="filenames", archive="x", **{"classes": classes, **more})


def folders(**more: Any) -> Folders:
    return Folders(kind="folders", archive="x", **more)


def test_file_names_decide_the_class() -> None:
    found = find(["a/Cat1.png", "a/dog.png", "a/catdog.png", "a/cow.png", "a/notes"], filenames())
    assert [(item.label, item.reason, item.detail) for item in found] == [
        ("cat", None, ""),
        ("dog", None, ""),
        ("", "ambiguous class", "cat or dog"),
        ("", "unknown class", "fits no pattern in 'classes'"),
        ("", "left out", "neither named as a picture nor of a known class"),
    ]


def test_patterns_see_a_leading_slash() -> None:
    dataset = filenames(classes={"cat": "/cat/", "dog": "/dog/"})
    assert [item.label for item in find(["cat/1.png", "x/dog/2.png"], dataset)] == ["cat", "dog"]


def test_a_pattern_that_fits_no_file_is_reported() -> None:
    with pytest.raises(BakeoffError, match=r"'classes.dog' is '\(\?i\)dog', .*first is cat.png"):
        find(["cat.png"], filenames())


def test_groups_and_official_sides() -> None:
    dataset = filenames(
        group=r"p\d+", official={"test": "*/test/*", "train": "*/train/*"}, keep=["*"]
    )
    found = find(["test/p12_cat.png", "x/train/dog_p7.png", "other/dog.png"], dataset)
    assert [(item.group, item.official) for item in found] == [
        ("p12", "test"),
        ("p7", "train"),
        ("", ""),
    ]


def test_the_parent_folder_is_the_class() -> None:
    paths = ["Images/n02085620-Chihuahua/n1.jpg", "Images/n02111889-Samoyed/n2.jpg", "x.jpg"]
    assert [item.label for item in find(paths, folders())] == [
        "n02085620-Chihuahua",
        "n02111889-Samoyed",
        "",
    ]
    found = find([*paths, "Images/odd/n3.jpg"], folders(label=r"n\d+-(.+)"))
    assert [item.label for item in found] == ["Chihuahua", "Samoyed", "", ""]
    assert [item.detail for item in found[2:]] == [
        "lies in no class folder",
        "the folder 'odd' does not fit 'label'",
    ]


def test_a_folder_further_up_can_be_the_class() -> None:
    found = find(["cat/patient1/1.png", "1.png"], folders(level=2, group=r"patient\d+"))
    assert (found[0].label, found[0].group) == ("cat", "patient1")
    assert found[1].reason == "unknown class"


def test_rename_joins_classes_on_request_only() -> None:
    paths = ["Cat/1.png", "cat/2.png"]
    with pytest.raises(BakeoffError, match="'Cat' and 'cat' would share the folder 'cat'; give"):
        find(paths, folders())
    renamed = find([*paths, "dog/3.png"], folders(rename={"Cat": "cat"}))
    assert [item.label for item in renamed] == ["cat", "cat", "dog"]


def test_class_names_become_safe_folder_names() -> None:
    assert class_folder('a/b\\c:d*e?f"g<h>i|j\n') == "a_b_c_d_e_f_g_h_i_j_"
    assert class_folder(" Home Decor & Festive Needs. ") == "Home Decor & Festive Needs"
    assert class_folder("..hidden") == "__hidden"
    assert class_folder("con") == "con_"
    assert class_folder("cafe\u0301") == "caf\u00e9"
    assert class_folder("...") == "_"


@given(st.text(max_size=50))
def test_a_class_folder_is_one_harmless_component(label: str) -> None:
    folder = class_folder(label)
    assert not folder.startswith(".")
    assert "/" not in folder
    assert class_folder(folder) == folder
    assert safe_path(folder) == folder


def test_an_endless_class_name_is_refused() -> None:
    with pytest.raises(BakeoffError, match="over 100 bytes"):
        find(["x" * 101 + "/1.png"], folders())


def test_a_class_cannot_take_the_place_of_a_file() -> None:
    with pytest.raises(BakeoffError, match="cannot be named 'Manifest.csv'"):
        find(["Manifest.csv/1.png"], folders())


@pytest.mark.parametrize(
    ("label", "runs"),
    [("=1+1", True), ("@sum(a)", True), ("-cmd|'a'!A0", True), ("+", False), ("-1", False)],
)
def test_no_class_is_a_formula_to_a_spreadsheet(label: str, runs: bool) -> None:
    paths = [f"{label}/1.png", "cat/2.png"]
    if runs:
        with pytest.raises(BakeoffError, match="as a formula; give it another name under 'rename'"):
            find(paths, folders())
    else:
        assert find(paths, folders())[0].label == label
