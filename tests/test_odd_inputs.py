"""Odd tables, names and files through the stages ingest and sort: what comes out, or what to do."""

import logging
import re
from pathlib import Path

import pytest

from bakeoff.params.yaml_files import read_yaml
from bakeoff.runtime.tables import read_csv
from tests.test_ingest_and_sort import choose, pack, png, repository, run

__all__ = ["repository"]

HEADER = "file,label\n"
TABLE = "kind: table\narchive: in.zip\ntable: t.csv\nimage_column: file\nlabel_column: label\n"
ROWS = "".join(f"{i:03d}.png,{'cat' if i % 2 else 'dog'}\n" for i in range(6))


def labels() -> dict[str, str]:
    """The class of each picture that sort kept."""
    table = read_csv(Path("data/interim/manifest.csv"), all_text=True)
    return dict(zip(table["source"], table["label"], strict=True))


def sort_table(root: Path, content: str | bytes, more: str = "") -> str:
    """Both stages on six pictures and a table; what sort ends with."""
    choose(root, TABLE + more)
    pictures = {f"img/{i:03d}.png": png(root, i) for i in range(6)}
    pack(root, {"t.csv": content.encode() if isinstance(content, str) else content} | pictures)
    assert run("ingest") == ""
    return run("sort")


@pytest.fixture(autouse=True)
def _listen(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "bakeoff")


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (
            (HEADER + ROWS).encode("utf-16"),
            r"\(it is in UTF-16\); set '(encoding: utf-16)'",
        ),
        ((HEADER + ROWS).encode("utf-16-le"), r"in UTF-16, set '(encoding: utf-16-le)'"),
        ((HEADER + ROWS).replace("cat", "çat").encode("cp1252"), "perhaps to (cp1252)"),
        ("file;label\n" + ROWS.replace(",", ";"), "set '(delimiter: \";\")'"),
    ],
)
def test_a_table_in_another_encoding_is_read_as_the_message_says(
    repository: Path, content: str | bytes, expected: str
) -> None:
    found = re.search(expected, sort_table(repository, content))
    assert found
    remedy = found.group(1)
    remedy = remedy if ":" in remedy else f"encoding: {remedy}"
    assert sort_table(repository, content, f"{remedy}\n") == ""
    assert len(labels()) == 6


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (
            HEADER + ROWS.replace("003", '"003'),
            "mark in line 5 opens .* never closed.; close it",
        ),
        (
            HEADER + ROWS.replace("3.png,cat", "3.png,cat,x"),
            "line 5 has 3 cells, the lines",
        ),
        (
            ROWS,
            "no column 'file'.* 000.png, dog; if it has no header, its columns are 0",
        ),
        ("file,label\n", r"6 unknown class; the first is 'img/000.png': in no row of the table\)"),
        ("", "t.csv: cannot be read as a table"),
        ("x\rfile,label\n" + ROWS, "no column 'file'|row 2 has 2 cells, the header 1"),
        ('"' + "x" * 200_000 + '"\n' + ROWS, "field larger than field limit"),
    ],
)
def test_a_table_that_cannot_be_used_is_refused_with_the_line_or_the_key(
    repository: Path, content: str, expected: str
) -> None:
    said = sort_table(repository, content)
    assert re.search(expected, said)
    assert "not an archive" not in said


def test_an_unknown_encoding_is_answered_with_known_ones(repository: Path) -> None:
    said = sort_table(repository, HEADER + ROWS, "encoding: klingon\n")
    assert "set 'encoding' in datasets/mine.yaml to one such as utf-8, cp1252 or utf-16" in said


@pytest.mark.parametrize(
    "content",
    [
        '"file" , "label"\n' + re.sub(r"(.+),(.+)", r'"\1" , "\2"', ROWS),
        "file,label\n" + re.sub(r"00(\d)\.png", r"\1.0", ROWS),
        "file,label,label\n" + re.sub("(?m)$", ",other", ROWS).removesuffix(",other"),
        "file,label,label \n" + re.sub("(?m)$", ",other", ROWS).removesuffix(",other"),
        (HEADER + ROWS).replace("\n", "\r"),
    ],
    ids=[
        "blanks after commas",
        "decimals",
        "two columns of one name",
        "and a blank",
        "only carriage returns",
    ],
)
def test_a_table_that_programs_write_is_read(
    repository: Path, content: str, caplog: pytest.LogCaptureFixture
) -> None:
    assert sort_table(repository, content) == ""
    wanted = {f"img/{i:03d}.png": "cat" if i % 2 else "dog" for i in range(6)}
    assert labels() == wanted
    twins = "t.csv has two columns 'label', and the first is read; 'label.1' names the second"
    assert (twins in caplog.text) == ("label,label" in content)
    assert ("despite decimals" in caplog.text) == (".0," in content)


def test_hidden_folders_and_names_that_only_composing_makes_equal_are_reported(
    repository: Path, caplog: pytest.LogCaptureFixture
) -> None:
    names = [f"{label}/{i}.png" for label in ("cat", ".22", "é", "e\u0301") for i in range(2)]
    pack(repository, {name: png(repository, n) for n, name in enumerate(names)} | {".x.png": b""})
    assert run("ingest") == ""
    assert "2 pictures in hidden folders are left out, such as '.22/0.png'" in caplog.text
    assert "2 members are left out, because a later one has the same name" in caplog.text
    assert "(3 left by an operating system, 2 replaced by a later member" in caplog.text
    assert run("sort") == ""
    assert sorted(set(labels().values())) == ["cat", "é"]


def test_a_drive_in_a_name_is_called_one(repository: Path) -> None:
    pack(repository, {"a:b/1.png": png(repository, 1), "c/1.png": png(repository, 2)})
    assert "'a:b/1.png' has a path that begins with a drive, 'a:'" in run("ingest")


def test_the_key_that_leaves_everything_out_is_named(repository: Path) -> None:
    pack(repository, {"a/1.png": png(repository, 1)})
    choose(repository, "kind: folders\narchive: in.zip\nleave_out: ['*']\n")
    assert "check 'archive' and 'leave_out', which is ['*']" in run("ingest")


def test_a_side_that_an_earlier_glob_takes_is_reported_and_the_remedy_works(
    repository: Path, caplog: pytest.LogCaptureFixture
) -> None:
    names = [f"{side}/{label}/{i}.png" for side in ("a", "b") for label in "xy" for i in range(2)]
    pack(repository, {name: png(repository, n) for n, name in enumerate(names)})
    choose(repository, "kind: folders\narchive: in.zip\nofficial: {train: '*', test: '/b/*'}\n")
    assert (run("ingest"), run("sort")) == ("", "")
    assert "'official.test' is '/b/*', and an earlier glob of 'official' takes the 4" in caplog.text
    choose(repository, "kind: folders\narchive: in.zip\nofficial: {test: '/b/*', train: '*'}\n")
    assert (run("ingest"), run("sort")) == ("", "")
    assert "8 of 8 names matched, 4 train, 0 val, 4 test" in caplog.text


def test_classes_to_leave_out_are_all_named_as_yaml_that_does_it(
    repository: Path, caplog: pytest.LogCaptureFixture
) -> None:
    odd = ["a;it's", "a;no", "a;null", "a;{}", "a;#", "a;\\"]
    names = [f"{label}/{i}.png" for label in ("a", "b", *odd) for i in range(2)]
    plain = "kind: table\narchive: in.zip\ntable: t.csv\nimage_column: f\nlabel_column: l\n"
    rows = "".join(
        '{},"{}"\n'.format(f"{n}.png", name.rsplit("/", 1)[0].replace('"', '""'))
        for n, name in enumerate(names)
    )
    pictures = {f"{n}.png": png(repository, n) for n in range(len(names))}
    pack(repository, {"t.csv": ("f,l\n" + rows).encode()} | pictures)
    choose(repository, plain)
    assert (run("ingest"), run("sort")) == ("", "")
    found = re.search(r'leave them out with "(leave_out_labels: .*)"$', caplog.text, re.M)
    assert found
    caplog.clear()
    choose(repository, plain + found.group(1) + "\n")
    assert read_yaml(Path("datasets/mine.yaml"))["leave_out_labels"] == sorted(odd)
    assert (run("ingest"), run("sort")) == ("", "")
    assert set(labels().values()) == {"a", "b"}
    assert "made of the names" not in caplog.text


@pytest.mark.parametrize("blank", ["''", "' '", '"\\t"'])
def test_a_class_cannot_be_renamed_to_nothing(repository: Path, blank: str) -> None:
    choose(repository, f"kind: folders\narchive: in.zip\nrename: {{no: {blank}}}\n")
    with pytest.raises(Exception, match="'rename.no' is .*: give a name, or leave these pictures"):
        run("ingest")


def test_what_has_a_pictures_name_and_is_none_is_reported_the_same_each_time(
    repository: Path,
) -> None:
    pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:1\nsize 3\n"
    other = {
        "a/lfs.png": pointer,
        "a/page.jpg": b"<!DOCTYPE html><html>404</html>",
        "a/phone.heic": b"\0\0\0\x18ftypheic" + b"\0" * 50,
    }
    good = {f"{label}/{i}.png": png(repository, n) for n, label in enumerate("ab") for i in [n]}
    pack(repository, other | good)
    choose(repository, "kind: folders\narchive: in.zip\n", "{max_quarantined: 1.0}")
    written = []
    for _ in range(2):
        assert (run("ingest"), run("sort")) == ("", "")
        written.append(Path("data/interim/quarantine.csv").read_text(encoding="utf-8"))
    assert written[0] == written[1]
    assert "a/lfs.png,not a picture,a pointer of Git LFS; run `git lfs pull`" in written[0]
    assert 'a/page.jpg,not a picture,"a page of HTML' in written[0]
    assert "0x" not in written[0]
