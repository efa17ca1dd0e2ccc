import hashlib
import shutil
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bakeoff.ingest.raw_files import FILES, LEFT_OUT, read_left_out
from bakeoff.ingest.sources import bring
from bakeoff.params.datasets import Arrays, Dataset, Digits, Filenames, Folders, Phantom
from bakeoff.runtime.errors import BakeoffError
from tests.tiny_raw import contents

WHERE = Path("datasets/mine.yaml")


@pytest.fixture(autouse=True)
def _in_a_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DVC_ROOT", raising=False)


def brought(dataset: Dataset) -> list[str]:
    target = Path("data/raw")
    target.mkdir(parents=True)
    found = bring(dataset, WHERE, target)
    files = list(contents(target))
    assert sorted(path.name for path in target.iterdir()) == [FILES, LEFT_OUT]
    assert read_left_out(target / LEFT_OUT) == found.left_out
    assert len(files) == found.files
    return files


def folders(**more: Any) -> Folders:
    return Folders(kind="folders", **{"archive": "in.zip", **more})


def pack(path: str, names: list[str]) -> str:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            archive.writestr(name, b"x")
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def test_a_zip_named_by_an_absolute_path_or_by_home(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pack("far/in.zip", ["a/1.png", ".DS_Store"])
    assert brought(folders(archive=str(tmp_path / "far/in.zip"))) == ["a/1.png"]
    monkeypatch.setenv("HOME", str(tmp_path / "far"))
    shutil.rmtree("data/raw")
    assert brought(folders(archive="~/in.zip")) == ["a/1.png"]


def test_the_main_repository_is_meant_wherever_the_stage_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pack("main/data/external/in.zip", ["a/1.png"])
    monkeypatch.setenv("DVC_ROOT", str(tmp_path / "main"))
    assert brought(folders(archive="data/external/in.zip")) == ["a/1.png"]


def test_a_missing_archive_names_file_key_and_source() -> None:
    dataset = folders(archive="data/external/gone.zip", source="https://example.org/set")
    with pytest.raises(BakeoffError) as caught:
        brought(dataset)
    assert str(caught.value) == (
        "datasets/mine.yaml: 'archive' is 'data/external/gone.zip', and nothing is there; put the "
        "file there (https://example.org/set has it), or set 'archive' in datasets/mine.yaml to "
        "its path"
    )


@pytest.mark.parametrize("names", [[], ["other/1.png"], ["a/"], [".DS_Store"]])
def test_an_archive_without_anything_to_keep(names: list[str]) -> None:
    pack("in.zip", names)
    with pytest.raises(BakeoffError, match="no file to bring in, .* check 'archive' and"):
        brought(folders(keep=["a/*"]))


def test_an_empty_file_and_an_empty_folder() -> None:
    Path("in.zip").write_bytes(b"")
    with pytest.raises(BakeoffError, match="neither a whole zip"):
        brought(folders())
    Path("in").mkdir()
    shutil.rmtree("data/raw")
    with pytest.raises(BakeoffError, match="no file to bring in"):
        brought(folders(archive="in"))


def test_the_hash_of_an_archive_that_is_there_is_checked() -> None:
    sha256 = pack("in.zip", ["a/1.png"])
    with pytest.raises(BakeoffError, match="correct 'sha256'"):
        brought(folders(sha256="0" * 64))
    shutil.rmtree("data/raw")
    assert brought(folders(sha256=sha256)) == ["a/1.png"]


def test_a_folder_has_no_hash_and_holds_no_repository() -> None:
    Path("in").mkdir()
    with pytest.raises(BakeoffError, match="no 'sha256'"):
        brought(folders(archive="in", sha256="0" * 64))
    shutil.rmtree("data/raw")
    with pytest.raises(BakeoffError, match="holds this repository's data"):
        brought(folders(archive="."))


def test_array_files_come_bare_or_packed() -> None:
    images = np.zeros((2, 4, 4), np.uint8)
    np.savez("a.npz", x=images, y=[0, 1])
    dataset = Arrays(kind="arrays", archive="a.npz", images=("x",), labels=("y",))
    assert brought(dataset) == ["a/x/0/0.png", "a/x/1/1.png"]
    with zipfile.ZipFile("in.zip", "w") as archive:
        archive.write("a.npz", "deep/a.npz")
        archive.writestr("README.md", "x")
    shutil.rmtree("data/raw")
    assert brought(dataset.model_copy(update={"archive": "in.zip"})) == [
        "a/x/0/0.png",
        "a/x/1/1.png",
    ]
    assert [item.path for item in read_left_out(Path("data/raw") / LEFT_OUT)] == ["README.md"]
    assert [p.name for p in Path("data").iterdir()] == ["raw"]


def test_digits_need_no_archive() -> None:
    assert len(brought(Digits(kind="digits"))) == 1797


def test_phantoms_go_through_the_same_door() -> None:
    spec: dict[str, Any] = {"pictures": 30, "min_side": 64, "max_side": 80}
    classes = {"normal": "NORMAL", "bacteria": "bacteria", "virus": "virus"}
    files = brought(Phantom(kind="phantom", classes=classes, **spec))
    assert len(files) >= 30
    assert any("NORMAL" in name for name in files)
    left_out = read_left_out(Path("data/raw") / LEFT_OUT)
    assert any("__MACOSX" in item.path for item in left_out)


def test_a_url_stands_in_for_the_archive(monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = Filenames(
        kind="filenames",
        url="http://127.0.0.1:9/set.zip?x=1",
        sha256="0" * 64,
        classes={"a": "a", "b": "b"},
    )
    with pytest.raises(BakeoffError, match="no connection.*set 'archive'"):
        brought(dataset)
    sha256 = pack("data/external/set.zip", ["a1.png"])
    shutil.rmtree("data/raw")
    assert brought(dataset.model_copy(update={"sha256": sha256})) == ["a1.png"]
