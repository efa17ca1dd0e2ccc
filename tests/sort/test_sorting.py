import hashlib
import io
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from bakeoff.ingest.raw_files import LEFT_OUT, LeftOut, write_left_out
from bakeoff.params.data import SortParams
from bakeoff.params.datasets import Folders
from bakeoff.pictures.decoding import decode, pixel_id
from bakeoff.runtime.errors import BakeoffError
from bakeoff.runtime.tables import MANIFEST_COLUMNS, read_csv, write_table
from bakeoff.sort.sorting import Sorted, sort_pictures
from bakeoff.sort.usable_pictures import interim_name
from tests.tiny_raw import contents, fill

WHERE = Path("datasets/mine.yaml")


def picture(seed: int, side: int = 40) -> Image.Image:
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (side, side, 3), np.uint8))


def encoded(image: Image.Image, kind: str = "PNG") -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind)
    return stream.getvalue()


def run(folder: Path, more: dict[str, Any] | None = None, **params: Any) -> Sorted:
    target = folder / "interim"
    target.mkdir()
    dataset = Folders(kind="folders", archive="x", **(more or {}))
    settings = SortParams(**{"max_quarantined": 0.9, **params})
    return sort_pictures(
        folder / "raw", target, dataset=dataset, params=settings, where=WHERE, prefix="data/interim"
    )


def reasons(found: Sorted) -> dict[str, str]:
    return dict(zip(found.quarantine["path"], found.quarantine["reason"], strict=True))


@pytest.fixture
def tidy(tmp_path: Path) -> Path:
    fill(
        tmp_path / "raw",
        {f"{'cat' if i % 3 else 'dog'}/p{i}.png": encoded(picture(i)) for i in range(9)},
    )
    return tmp_path


def test_the_manifest_tells_what_the_files_are(tidy: Path) -> None:
    found = run(tidy, {"group": r"p\d", "official": {"test": "*p[78]*"}})
    manifest = found.manifest
    assert list(manifest)[:-1] == list(MANIFEST_COLUMNS)
    assert found.classes == ["cat", "dog"]
    assert manifest["path"].is_monotonic_increasing
    assert manifest["label"].value_counts().to_dict() == {"cat": 6, "dog": 3}
    raw = contents(tidy / "raw")
    for _, row in manifest.iterrows():
        source, copy = Path(row["source"]), tidy / row["path"].removeprefix("data/")
        content = raw[row["source"]]
        assert copy.read_bytes() == content
        assert copy.parent.name == row["label"] == source.parent.name
        assert row.sha256 == hashlib.sha256(content).hexdigest()
        assert row.bytes == len(content)
        assert row.image_id == pixel_id(decode(content, "RGB"))
        assert row.group == source.stem
        assert row.official == ("test" if source.stem in ("p7", "p8") else "")
    assert found.quarantine.empty


def test_the_number_of_workers_changes_nothing(tidy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bakeoff.sort.sorting._SHARD", 2)
    monkeypatch.setenv("BAKEOFF_WORKERS", "1")
    one = run(tidy)
    (tidy / "interim").rename(tidy / "first")
    monkeypatch.setenv("BAKEOFF_WORKERS", "4")
    monkeypatch.setattr("bakeoff.sort.sorting._SHARD", 5)
    many = run(tidy)
    pd.testing.assert_frame_equal(one.manifest, many.manifest)


def test_every_file_is_sorted_or_accounted_for(tidy: Path) -> None:
    jpeg = encoded(picture(50, 100), "JPEG")
    stream = io.BytesIO()
    picture(51).save(stream, "GIF", save_all=True, append_images=[picture(52)])
    fill(
        tidy / "raw",
        {
            "cat/cut.jpg": jpeg[: len(jpeg) // 2],
            "cat/text.jpeg": b"no picture",
            "cat/camera.nef": b"MM\0*",
            "cat/zero.png": b"",
            "cat/moving.gif": stream.getvalue(),
            "cat/tiny.png": encoded(picture(53, 8)),
            "cat/huge.png": encoded(picture(54, 64)),
            "cat/notes.txt": b"some words",
            "cat/without_suffix": encoded(picture(55)),
            "loose.png": encoded(picture(56)),
            "LICENSE": b"words",
            "cat/same.png": encoded(picture(57)),
            "dog/same.tiff": encoded(picture(57), "TIFF"),
            "cat/twice.png": encoded(picture(1)),
        },
    )
    litter = LeftOut("old/.DS_Store", "left by an operating system")
    write_left_out(tidy / "raw" / LEFT_OUT, [litter])
    found = run(tidy, max_pixels=50 * 50)
    assert reasons(found) == {
        "old/.DS_Store": "left out",
        "cat/cut.jpg": "too many pixels",
        "cat/text.jpeg": "not a picture",
        "cat/camera.nef": "truncated",
        "cat/zero.png": "zero bytes",
        "cat/moving.gif": "animated",
        "cat/tiny.png": "too small",
        "cat/huge.png": "too many pixels",
        "cat/notes.txt": "left out",
        "loose.png": "unknown class",
        "LICENSE": "left out",
        "cat/same.png": "conflicting labels",
        "dog/same.tiff": "conflicting labels",
    }
    assert set(found.manifest["source"]) == {
        *(f"{'cat' if i % 3 else 'dog'}/p{i}.png" for i in range(9)),
        "cat/without_suffix",
        "cat/twice.png",
    }
    used = set(found.manifest["source"])
    assert set(contents(tidy / "raw")) == (set(reasons(found)) - {litter.path}) | used
    copies = {p.relative_to(tidy).as_posix() for p in (tidy / "interim").rglob("*") if p.is_file()}
    assert copies == {path.removeprefix("data/") for path in found.manifest["path"]}
    conflict = found.quarantine.set_index("path").loc["cat/same.png", "detail"]
    assert conflict == "identical pixels are cat and dog"


def test_a_file_no_picture_could_fill_is_not_read(
    tidy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bakeoff.sort.usable_pictures._METADATA", 100)
    fill(tidy / "raw", {"cat/film.png": bytes(40 * 40 * 8 + 101)})
    found = run(tidy, max_pixels=40 * 40)
    detail = found.quarantine.set_index("path").loc["cat/film.png", "detail"]
    assert detail == "12901 bytes, more than 1600 pixels take"
    assert len(found.manifest) == 9


def test_too_much_quarantine_stops_the_run(tidy: Path) -> None:
    fill(tidy / "raw", {"dog/bad1.png": b"x", "dog/bad2.png": b"x", "dog/notes.txt": b"x"})
    with pytest.raises(BakeoffError, match=r"18% of the files .*2 not a picture; .*dog/bad1.png"):
        run(tidy, max_quarantined=0.18)
    (tidy / "interim").rename(tidy / "first")
    assert len(run(tidy, max_quarantined=0.19).manifest) == 9


@pytest.mark.parametrize(
    ("files", "told"),
    [({"cat/1.png": 1, "cat/2.png": 2}, "only the class 'cat' has"), ({}, "no class has any")],
)
def test_fewer_than_two_classes_are_refused(
    tmp_path: Path, files: dict[str, int], told: str
) -> None:
    fill(tmp_path / "raw", {name: encoded(picture(seed)) for name, seed in files.items()})
    with pytest.raises(BakeoffError, match=told):
        run(tmp_path)


def test_unsampled_pictures_are_not_even_read(tidy: Path) -> None:
    found = run(tidy, sample=0.5, limit_classes=2)
    assert found.manifest["label"].value_counts().to_dict() == {"cat": 3, "dog": 2}
    assert set(found.quarantine["detail"]) == {"not in the sample"}
    fill(tidy / "raw", dict.fromkeys(found.quarantine["path"], b"never looked at"))
    (tidy / "interim").rename(tidy / "first")
    again = run(tidy, sample=0.5, limit_classes=2)
    pd.testing.assert_frame_equal(found.manifest, again.manifest)


def test_grey_mode_makes_one_id_of_colour_and_grey(tmp_path: Path) -> None:
    grey = picture(3).convert("L")
    files = {
        "a/1.png": encoded(grey),
        "a/2.png": encoded(grey.convert("RGB")),
        "b/3.png": encoded(picture(4)),
    }
    fill(tmp_path / "raw", files)
    found = run(tmp_path, mode="L")
    same = found.manifest[found.manifest["label"] == "a"]
    assert same["image_id"].nunique() == 1
    assert sorted(same["mode"]) == ["L", "RGB"]


@given(st.text(min_size=1, max_size=80), st.text(min_size=1, max_size=80))
def test_interim_names_are_plain_and_unique(one: str, other: str) -> None:
    names = [interim_name(f"x/{path}.png", ".png") for path in (one, other)]
    assert all(name.isascii() and len(name) < 90 and "/" not in name for name in names)
    assert all(not name.startswith(".") and name.endswith(".png") for name in names)
    assert (names[0] == names[1]) == (one == other)


def deep(seed: int, top: int) -> bytes:
    values = np.random.default_rng(seed).integers(0, top + 1, (40, 40)).astype(np.uint16)
    values[0, 0] = top
    return encoded(Image.fromarray(values))


def test_twelve_bits_in_sixteen_are_warned_of_and_the_remedy_helps(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    files = {f"{c}/{i}.png": deep(i + (c == "b") * 9, 4095) for c in "ab" for i in range(3)}
    fill(tmp_path / "raw", files)
    dark = run(tmp_path).manifest["brightness"].max()
    assert "6 pictures of 16 bits only use values up to 4095" in caplog.text
    assert "'sort.white: 4095'" in caplog.text
    caplog.clear()
    shutil.rmtree(tmp_path / "interim")
    found = run(tmp_path, white=4095)
    assert not [r for r in caplog.records if r.levelname == "WARNING"]
    assert dark < 9
    assert found.manifest["brightness"].min() > 110
    row = found.manifest.iloc[0]
    stored = tmp_path / row["path"].removeprefix("data/")
    assert pixel_id(decode(stored, "RGB")) == row["image_id"]
    direct = decode(files[row["source"]], "RGB", white=4095)
    assert direct.tobytes() == decode(stored, "RGB").tobytes()


def test_small_classes_are_left_out_on_request(tidy: Path) -> None:
    fill(tidy / "raw", {"cow/1.png": encoded(picture(77))})
    found = run(tidy, min_pictures=3)
    assert found.classes == ["cat", "dog"]
    assert not list((tidy / "interim/cow").iterdir())
    assert reasons(found) == {"cow/1.png": "left out"}
    shutil.rmtree(tidy / "interim")
    with pytest.raises(BakeoffError, match="only the class 'cat' has usable pictures of at least"):
        run(tidy, min_pictures=4)


def test_vanished_classes_and_conflicting_labels_are_reported(
    tidy: Path, caplog: pytest.LogCaptureFixture
) -> None:
    same = encoded(picture(0))
    fill(tidy / "raw", {"Examples/readme.txt": b"hello", "cat/p0.png": same, "dog/copy.png": same})
    found = run(tidy)
    assert found.classes == ["cat", "dog"]
    assert "'Examples' is no class: none of its 1 files is usable" in caplog.text
    assert "3 pictures are left out, because their pixels occur under several labels" in caplog.text


@pytest.mark.parametrize(
    "label", ["$", "a, b", "#1", "[x]", "{y}", "😀", "שלום", "CON", "a|b", "it's", "NA", "x" * 100]
)
def test_an_odd_class_name_comes_back_as_it_was(tmp_path: Path, label: str) -> None:
    files = {f"{label}/1.png": encoded(picture(1)), "other/2.png": encoded(picture(2))}
    fill(tmp_path / "raw", files)
    found = run(tmp_path)
    assert found.classes == sorted([label, "other"])
    write_table(found.manifest, tmp_path / "manifest.csv")
    assert set(read_csv(tmp_path / "manifest.csv")["label"]) == {label, "other"}


@pytest.mark.parametrize("label", ["x" * 101, "a\nb", "manifest.csv"])
def test_a_name_that_no_class_can_have_is_refused_and_rename_helps(
    tmp_path: Path, label: str
) -> None:
    fill(tmp_path / "raw", {f"{label}/1.png": encoded(picture(1)), "b/2.png": encoded(picture(2))})
    with pytest.raises(BakeoffError, match="'rename'"):
        run(tmp_path)
    shutil.rmtree(tmp_path / "interim")
    assert run(tmp_path, {"rename": {label: "a"}}).classes == ["a", "b"]


def test_too_small_pictures_name_the_side_that_lets_them_pass(tmp_path: Path) -> None:
    fill(tmp_path / "raw", {f"{c}/1.png": encoded(picture(ord(c), 28)) for c in "ab"})
    with pytest.raises(BakeoffError, match="'sort.min_side: 28'"):
        run(tmp_path, max_quarantined=0.2)
    shutil.rmtree(tmp_path / "interim")
    assert run(tmp_path, min_side=28).classes == ["a", "b"]
