"""Keys that fit nothing are refused, and each message's remedy ends the error."""

import logging
import re
from pathlib import Path
from typing import Any

import pytest

from bakeoff.params.datasets import Folders
from bakeoff.runtime.errors import BakeoffError
from bakeoff.sort.labelled_file import LabelledFile
from bakeoff.sort.labelling import find_labels
from bakeoff.sort.suspicious_classes import warn_of_classes

WHERE = Path("datasets/mine.yaml")
PATHS = [f"train/{c}/{c}-10033{p}-000{i}.png" for c in "ab" for p in range(4) for i in range(3)]


def find(paths: list[str] = PATHS, **more: Any) -> list[LabelledFile]:
    dataset = Folders(kind="folders", archive="x", **more)
    found = find_labels(paths, dataset, str.encode, WHERE)
    warn_of_classes(found, dataset)
    return found


@pytest.fixture(autouse=True)
def _listen(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "bakeoff")


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ({"group": r"session\d+"}, r"'group' is 'session\\d\+', which fits none of 24 names"),
        ({"official": {"test": "*/tset/*"}}, "'official.test' is .* fits none of 24 names"),
        ({"rename": {"c": "d"}}, "'rename' has 'c', which is no label found; there are a, b"),
        ({"leave_out_labels": ("c",)}, "'leave_out_labels' has 'c', which is no label found"),
        ({"label": "x(.+)"}, "'label' is 'x.*fits no folder"),
    ],
)
def test_a_key_that_fits_nothing_is_refused_with_an_example(keys: Any, expected: str) -> None:
    with pytest.raises(BakeoffError, match=expected) as caught:
        find(**keys)
    assert "train/a/a-100330-0000.png" in str(caught.value) or "there are a, b" in str(caught.value)


def test_how_many_names_matched_is_always_logged(caplog: pytest.LogCaptureFixture) -> None:
    find([*PATHS, "train/a/other.png"], group=r"\d{6}", official={"train": "*/train/*"})
    assert "group: 24 of 25 names matched, 5 groups" in caplog.text
    assert "official: 25 of 25 names matched, 25 train, 0 val, 0 test" in caplog.text
    find(official={"train": "*/train/*", "val": "*/val/*"})
    assert "'official.val' is '*/val/*', which fits none of 24 names" in caplog.text


def test_names_that_look_like_patients_are_hinted_at_and_the_hint_works(
    caplog: pytest.LogCaptureFixture,
) -> None:
    find()
    assert "24 of 24 names look like 8 patients" in caplog.text
    pattern = caplog.text.split("group: '")[1].split("'\"")[0]
    assert len({item.group for item in find(group=pattern)}) == 8


def test_lone_names_are_no_patients(caplog: pytest.LogCaptureFixture) -> None:
    find([f"{c}/n0208562{c}_{i}.jpg" for c in "12" for i in range(9)])
    assert "patients" not in caplog.text


def test_a_class_can_be_left_out_by_its_label() -> None:
    found = find(leave_out_labels=("b",))
    assert {item.label for item in found if item.reason is None} == {"a"}
    assert {item.detail for item in found if item.reason} == {"'b' is in 'leave_out_labels'"}


@pytest.mark.parametrize(
    ("extra", "expected"),
    [
        (["test/1.png", "val/2.png"], "classes 'test', 'val' are named like sides"),
        (["pred/pred/more/1.png"], "class 'more' is at another depth"),
        (["train/a|b/1.png"], r"class 'a\|b' is made of the names of other classes"),
        (
            ["train/a/a-100330-0000_mask.png"],
            r"1 of 25 pictures .* \"leave_out: \['\*_mask.png'\]\"",
        ),
    ],
)
def test_classes_that_are_probably_none_are_named(
    caplog: pytest.LogCaptureFixture, extra: list[str], expected: str
) -> None:
    find([*PATHS, *extra])

    assert re.search(expected, caplog.text)


def test_patients_as_classes_are_named(caplog: pytest.LogCaptureFixture) -> None:
    find([f"ill/patient{i}/{j}.png" for i in range(9) for j in range(2)])
    assert "named like patients: if the folder above is the class, set 'level: 2'" in caplog.text
    found = find([f"{c}/patient{i}/1.png" for c in ("ill", "well") for i in range(9)], level=2)
    assert {item.label for item in found} == {"ill", "well"}
