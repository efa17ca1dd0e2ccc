import gzip
import lzma
from pathlib import Path
from typing import Any

import pytest

from bakeoff.params.datasets import Table
from bakeoff.runtime.errors import BakeoffError
from bakeoff.sort.labelled_file import LabelledFile
from bakeoff.sort.labelling import find_labels

WHERE = Path("datasets/mine.yaml")


def find(
    folder: Path, table: str | bytes, paths: list[str], **more: Any
) -> dict[str, LabelledFile]:
    """What a table in `folder` says of `paths`."""
    content = table.encode("utf-8") if isinstance(table, str) else table
    settings = {"image_column": "image", "label_column": "label", **more}
    dataset = Table(kind="table", archive="x", table=("*.csv",), **settings)
    found = find_labels(["labels.csv", *paths], dataset, {"labels.csv": content}.__getitem__, WHERE)
    assert [item.path for item in found[: len(paths) + 1]] == ["labels.csv", *paths]
    assert len({item.path for item in found}) == len(found)
    return {item.path: item for item in found}


def test_rows_name_pictures_and_labels(tmp_path: Path) -> None:
    table = "image,label,patient\n1.png,cat,p1\nsub/2.png, dog ,p2\ngone.png,cat,p3\n"
    paths = ["i/1.png", "i/sub/2.png", "i/3.png", "i/readme"]
    found = find(tmp_path, table, paths, group_column="patient")
    assert (found["i/1.png"].label, found["i/1.png"].group) == ("cat", "p1")
    assert (found["i/sub/2.png"].label, found["i/sub/2.png"].group) == ("dog", "p2")
    assert found["i/3.png"].reason == "unknown class"
    assert found["i/3.png"].detail == "in no row of the table"
    assert found["i/readme"].reason == "left out"
    assert found["labels.csv"].detail == "the table"
    assert found["gone.png"].reason == "no picture"
    assert found["gone.png"].detail == (
        "row 4 of labels.csv names 'gone.png', and no file's path ends so, such as 'i/1.png'"
    )


TREES = {
    1: ["Home Furnishing", "Watches", "Plain"],
    2: ["Home Furnishing - Curtains", "Watches - Wrist", "Plain"],
    9: ["Home Furnishing - Curtains - Red", "Watches - Wrist", "Plain"],
}


@pytest.mark.parametrize("depth", TREES)
def test_category_trees(tmp_path: Path, depth: int) -> None:
    table = (
        'image,label\n1.png,"[""Home Furnishing >> Curtains >> Red""]"\n'
        "2.png,Watches >> Wrist\n3.png,Plain\n"
    )
    paths = ["1.png", "2.png", "3.png"]
    found = find(tmp_path, table, paths, separator=">>", depth=depth)
    assert [found[path].label for path in paths] == TREES[depth]


def test_image_folder_and_suffix(tmp_path: Path) -> None:
    paths = ["test/1.jpg", "train/1.jpg"]
    found = find(tmp_path, "image,label\n1.jpg,a\n1.jpg,b\n", paths, image_folder="test")
    assert found["test/1.jpg"].detail == "a or b"
    assert found["train/1.jpg"].reason == "unknown class"
    found = find(tmp_path, "image,label\ntrain/1,a\n./test/1,b\n", paths, image_suffix=".jpg")
    assert [found[path].label for path in paths] == ["b", "a"]


def test_a_row_that_fits_several_files_is_ambiguous(tmp_path: Path) -> None:
    paths = ["a/1.jpg", "b/1.jpg"]
    found = find(tmp_path, "image,label\n1.jpg,x\n", paths)
    assert {item.reason for path, item in found.items() if path in paths} == {"ambiguous class"}
    assert found["a/1.jpg"].detail == "row 2 of labels.csv fits 2 files; set 'image_folder'"
    found = find(tmp_path, "image,label\n1.jpg,x\n", ["1.jpg", "a/1.jpg"])
    assert [found[path].label for path in ("1.jpg", "a/1.jpg")] == ["x", ""]
    found = find(tmp_path, "image,label\na/1.jpg,x\n", ["b/a/1.jpg", "1.jpg"])
    assert [found[path].label for path in ("b/a/1.jpg", "1.jpg")] == ["x", ""]


def test_absolute_windows_and_decomposed_names_are_found(tmp_path: Path) -> None:
    table = "image,label\n/i/caf\u00e9.png,a\ni\\cafe\u0301 2.png,b\n"
    found = find(tmp_path, table, ["i/caf\u00e9.png", "i/caf\u00e9 2.png"])
    assert [item.label for item in found.values() if item.label] == ["a", "b"]


def test_labels_that_look_like_nothing_are_labels(tmp_path: Path) -> None:
    found = find(
        tmp_path, "image,label\n1.png,NA\n2.png,None\n3.png,\n", ["1.png", "2.png", "3.png"]
    )
    assert [found[f"{n}.png"].label for n in (1, 2, 3)] == ["NA", "None", ""]
    assert found["3.png"].reason == "unknown class"


def test_encodings_and_delimiters(tmp_path: Path) -> None:
    found = find(tmp_path, "\ufeffimage,label\n1.png,a\n", ["1.png"])
    assert found["1.png"].label == "a"
    table = "image;label\n1.png;Übung\n".encode("latin-1")
    found = find(tmp_path, table, ["1.png"], encoding="latin-1", delimiter=";")
    assert found["1.png"].label == "Übung"


@pytest.mark.parametrize("name", ["labels.csv.gz", "labels.CSV.XZ"])
def test_a_packed_table(name: str) -> None:
    pack = gzip.compress if name.endswith("gz") else lzma.compress
    dataset = Table(
        kind="table", archive="x", table=(name,), image_column="image", label_column="label"
    )
    packed = pack(b"image,label\n1.png,cat\n")
    _, found = find_labels([name, "1.png"], dataset, {name: packed}.__getitem__, WHERE)
    assert found.label == "cat"
    with pytest.raises(BakeoffError, match=f"^{name}: cannot be read as a table"):
        find_labels([name, "1.png"], dataset, {name: packed[:-9]}.__getitem__, WHERE)


def test_quotes_commas_and_line_breaks_within_values(tmp_path: Path) -> None:
    table = (
        'image,label,"remark"\r\n'
        '"a,1.png","Kitchen, ""small""","two\nlines"\r\n'
        "it's 2.png,Kids' wear,\r\n"
    )
    found = find(tmp_path, table, ["a,1.png", "it's 2.png"])
    assert found["a,1.png"].label == 'Kitchen, "small"'
    assert found["it's 2.png"].label == "Kids' wear"


BAD: dict[str, tuple[str, dict[str, str], str]] = {
    "no column": (
        "image,klasse\n1.png,a\n",
        {},
        "has no column 'label'; name one of image, klasse",
    ),
    "wrong encoding": ("image,label\n1.png,\udce9\n", {}, "set 'encoding' in datasets/mine.yaml"),
    "unknown encoding": ("image,label\n", {"encoding": "klingon"}, "set 'encoding' in"),
    "empty": ("", {}, "cannot be read as a table"),
    "open quotes": ('image,label\n"1.png,a\n2.png,b\n', {}, "cannot be read as a table"),
    "ragged": ("image,label\n1.png,a\n2.png,a,b,c\n", {}, "cannot be read as a table"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_tables_get_one_sentence(tmp_path: Path, name: str) -> None:
    content, settings, expected = BAD[name]
    with pytest.raises(BakeoffError, match=expected) as caught:
        find(tmp_path, content.encode("utf-8", "surrogateescape"), [], **settings)
    assert "\n" not in str(caught.value)
    assert "datasets/mine.yaml" in str(caught.value)


def test_there_must_be_a_table(tmp_path: Path) -> None:
    dataset = Table(
        kind="table", archive="x", table=("*.csv",), image_column="image", label_column="label"
    )
    with pytest.raises(BakeoffError, match="fits 0 of the archive's files, such as 'a/1.png'"):
        find_labels(["a/1.png"], dataset, str.encode, WHERE)


def test_one_hot_columns_name_the_label(tmp_path: Path) -> None:
    table = "image,MEL,NV\n1.png,1.0,0.0\n2.png,0,1\n3.png,1,1\n4.png,0,0\n"
    found = find(
        tmp_path,
        table,
        ["1.png", "2.png", "3.png", "4.png"],
        label_column=None,
        label_columns=("MEL", "NV"),
    )
    assert [found[f"{n}.png"].label for n in (1, 2)] == ["MEL", "NV"]
    assert (found["3.png"].reason, found["3.png"].detail) == ("ambiguous class", "MEL and NV")
    assert (found["4.png"].reason, found["4.png"].detail) == ("unknown class", "the label is empty")


def test_a_column_names_the_sides(tmp_path: Path) -> None:
    table = "image,label,data set\n1.png,a,train\n2.png,a,Valid\n3.png,b,TEST\n4.png,b,x\n"
    paths = [f"{n}.png" for n in (1, 2, 3, 4)]
    found = find(tmp_path, table, paths, split_column="data set")
    assert [found[path].official for path in paths] == ["train", "val", "test", ""]
    sides = {"train": "x", "test": "T*"}
    found = find(tmp_path, table, paths, split_column="data set", official=sides)
    assert [found[path].official for path in paths] == ["", "", "test", "train"]
    with pytest.raises(BakeoffError, match="holds a, b; say which is which with 'official"):
        find(tmp_path, table, paths, split_column="label")


def test_a_column_of_sides_is_hinted_at(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    find(tmp_path, "image,label,set\n1.png,a,train\n2.png,b,test\n", ["1.png", "2.png"])
    assert "'split_column: set' keeps them" in caplog.text


@pytest.mark.parametrize(
    ("content", "more"),
    [
        ("sep=;\nimage;label\n1.png;cat\n", {}),
        ("image,label\n1.png,cat,\n2.png,dog,\n", {}),
        ("1.png cat\n", {"image_column": "0", "label_column": "1", "delimiter": " "}),
        ("1.png,0\n", {"image_column": "0", "label_column": "1", "rename": {"0": "cat"}}),
        ("image\tlabel\n1.png\tcat\n".encode("utf-16"), {"delimiter": "\t", "encoding": "utf-16"}),
    ],
)
def test_odd_tables_are_read(tmp_path: Path, content: str | bytes, more: Any) -> None:
    assert find(tmp_path, content, ["1.png"], **more)["1.png"].label == "cat"


def test_json_lines_are_read_as_text() -> None:
    dataset = Table(
        kind="table", archive="x", table=("*.jsonl",), image_column="file_name", label_column="n"
    )
    content = b'{"file_name": "1.png", "n": "NA"}\n{"file_name": "2.png", "n": 10}\n'
    paths = ["train/metadata.jsonl", "train/1.png", "train/2.png"]
    found = find_labels(paths, dataset, {paths[0]: content}.__getitem__, WHERE)
    assert [item.label for item in found] == ["", "NA", "10"]


REMEDIES: list[tuple[str, Any, str, Any]] = [
    ("image;label\n1.png;cat\n", {}, "set 'delimiter: \";\"'", {"delimiter": ";"}),
    ("image,label,x\n1.png,cat,big, red\n", {}, "row 2 has 4 cells, the header 3", None),
]


@pytest.mark.parametrize(("content", "keys", "told", "remedy"), REMEDIES)
def test_a_remedy_ends_the_error(
    tmp_path: Path, content: str, keys: Any, told: str, remedy: Any
) -> None:
    with pytest.raises(BakeoffError, match=told):
        find(tmp_path, content, ["1.png"], **keys)
    if remedy:
        assert find(tmp_path, content, ["1.png"], **remedy)["1.png"].label == "cat"


def test_a_spreadsheet_and_a_column_of_pixels_are_refused_in_one_short_sentence(
    tmp_path: Path,
) -> None:
    pixels = " ".join(["128"] * 2304)
    with pytest.raises(BakeoffError, match="holds pixels .* set 'kind: pixels'") as caught:
        find(tmp_path, f"image,label\n{pixels},3\n", [])
    assert len(str(caught.value)) < 250
    dataset = Table(kind="table", archive="x", table=("*.ods",), image_column="i", label_column="l")
    with pytest.raises(BakeoffError, match="a spreadsheet; save it as CSV"):
        find_labels(["l.ods"], dataset, str.encode, WHERE)
