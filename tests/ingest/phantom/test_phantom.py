"""The phantoms: what the archive holds, and whether the disease is where it is said to be."""

import collections
import dataclasses
import io
import pathlib
import re
import zipfile
from typing import Any

import numpy as np
import pytest
from PIL import Image, UnidentifiedImageError

from bakeoff.ingest.phantom import (
    LOBES,
    Patient,
    PhantomSpec,
    View,
    class_counts,
    draw_patient,
    draw_view,
    lung_field,
    render,
    write_archive,
)

SPEC = PhantomSpec(seed=3, pictures=24, min_side=96, max_side=128)
TRUNCATED = "chest_xray/train/PNEUMONIA/person9001_bacteria_9001.jpeg"
TEXT = "chest_xray/train/PNEUMONIA/person9002_virus_9002.jpeg"
EMPTY = "chest_xray/train/NORMAL/IM-9003-0001.jpeg"
BROKEN = {TRUNCATED, TEXT, EMPTY}
PICTURE_NAME = re.compile(
    r"chest_xray/(train|test)/"
    r"(NORMAL/(NORMAL2-)?IM-\d{4}-0001(-\d{4})?|PNEUMONIA/person\d+_(bacteria|virus)_\d+)"
    r"\.(jpeg|png)"
)


def members_of(path: pathlib.Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def label_of(name: str) -> str:
    return "normal" if "/NORMAL/" in name else name.split("_")[-2]


def patient_of(name: str) -> str:
    match = re.search(r"person\d+_(bacteria|virus)|(NORMAL2-)?IM-\d+", name)
    assert match is not None
    return match.group()


def pixels_of(data: bytes) -> bytes:
    with Image.open(io.BytesIO(data)) as picture:
        return np.asarray(picture.convert("RGB")).tobytes()


@pytest.fixture(scope="module")
def archive_path(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    path = tmp_path_factory.mktemp("phantom") / "chest_xray.zip"
    write_archive(path, SPEC)
    return path


@pytest.fixture(scope="module")
def members(archive_path: pathlib.Path) -> dict[str, bytes]:
    return members_of(archive_path)


@pytest.fixture(scope="module")
def pictures(members: dict[str, bytes]) -> dict[str, bytes]:
    return {n: d for n, d in members.items() if PICTURE_NAME.fullmatch(n) and n not in BROKEN}


def patient_and_view(seed: int, lobe: str = "RLL", severity: float = 0.8) -> tuple[Patient, View]:
    rng = np.random.default_rng(seed)
    patient = dataclasses.replace(draw_patient(rng), lobe=lobe, severity=severity)
    return patient, dataclasses.replace(draw_view(rng, 200, 240), progress=1.0)


def test_same_seed_gives_the_same_bytes(archive_path: pathlib.Path, tmp_path: pathlib.Path) -> None:
    again = tmp_path / "again.zip"
    write_archive(again, SPEC)
    assert again.read_bytes() == archive_path.read_bytes()
    assert [p.name for p in tmp_path.iterdir()] == ["again.zip"]


def test_another_seed_gives_other_pictures(
    pictures: dict[str, bytes], tmp_path: pathlib.Path
) -> None:
    other = tmp_path / "other.zip"
    write_archive(other, dataclasses.replace(SPEC, seed=4, pictures=12, flaws=False))
    assert not set(pictures.values()) & set(members_of(other).values())


def test_members_are_sorted_and_undated(archive_path: pathlib.Path) -> None:
    with zipfile.ZipFile(archive_path) as archive:
        names = archive.namelist()
        assert names == sorted(names)
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_every_picture_is_readable_and_within_the_asked_sides(pictures: dict[str, bytes]) -> None:
    sizes = {Image.open(io.BytesIO(data)).size for data in pictures.values()}
    sides = {side for size in sizes for side in size}
    assert min(sides) >= SPEC.min_side
    assert max(sides) <= SPEC.max_side
    assert len(sizes) > len(pictures) / 3


def test_without_flaws_there_are_only_clean_pictures(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "clean.zip"
    write_archive(path, dataclasses.replace(SPEC, pictures=12, flaws=False))
    clean = members_of(path)
    assert collections.Counter(map(label_of, clean)) == {"bacteria": 6, "normal": 3, "virus": 3}
    assert all(PICTURE_NAME.fullmatch(name) for name in clean)
    assert {Image.open(io.BytesIO(data)).format for data in clean.values()} == {"JPEG"}


def test_class_counts_follow_the_real_set() -> None:
    assert class_counts(5840) == {"normal": 1575, "bacteria": 2772, "virus": 1493}
    # 300 * (1575, 2772, 1493) / 5840 = 80.9, 142.4, 76.7: the two largest remainders go up.
    assert class_counts(300) == {"normal": 81, "bacteria": 142, "virus": 77}


def test_patients_have_several_pictures_and_keep_to_one_folder_and_class(
    tmp_path: pathlib.Path,
) -> None:
    path = tmp_path / "clean.zip"
    write_archive(path, PhantomSpec(seed=1, pictures=60, min_side=64, max_side=64, flaws=False))
    folders = collections.defaultdict(list)
    for name in members_of(path):
        folders[patient_of(name)].append(name.rpartition("/")[0])
    counts = collections.Counter(len(f) for f in folders.values())
    assert counts[1] > 0
    assert sum(n for size, n in counts.items() if size > 1) >= 5
    assert all(len(set(f)) == 1 for f in folders.values())
    used = {folder for f in folders.values() for folder in f}
    assert used == {
        f"chest_xray/{s}/{c}" for s in ("train", "test") for c in ("NORMAL", "PNEUMONIA")
    }


def test_broken_files_are_broken(members: dict[str, bytes]) -> None:
    assert members[EMPTY] == b""
    assert members[TEXT].startswith(b"<html>")
    with pytest.raises(UnidentifiedImageError):
        Image.open(io.BytesIO(members[TEXT]))
    with (
        Image.open(io.BytesIO(members[TRUNCATED])) as picture,
        pytest.raises(OSError, match="truncated"),
    ):
        picture.load()


def test_litter_lies_inside_and_outside_the_picture_folders(members: dict[str, bytes]) -> None:
    forks = [name for name in members if name.startswith("__MACOSX/chest_xray/train/NORMAL/._")]
    assert forks
    for fork in forks:
        assert members[fork][:4] == b"\x00\x05\x16\x07"
        assert fork.removeprefix("__MACOSX/").replace("/._", "/") in members
    assert members["chest_xray/train/.DS_Store"][4:8] == b"Bud1"
    assert b"phantoms" in members["chest_xray/README.txt"]


def test_nothing_else_is_in_the_archive(
    members: dict[str, bytes], pictures: dict[str, bytes]
) -> None:
    rest = set(members) - set(pictures) - BROKEN
    litter = ("__MACOSX/", "chest_xray/README.txt")
    assert all(n.startswith(litter) or n.endswith("/.DS_Store") for n in rest)
    assert len(pictures) == SPEC.pictures + 5


def test_four_odd_formats_are_there_and_hold_a_film(pictures: dict[str, bytes]) -> None:
    found = {}
    for name, data in pictures.items():
        with Image.open(io.BytesIO(data)) as picture:
            if picture.mode != "L":
                found[picture.mode] = (picture.format, pathlib.PurePath(name).suffix)
                levels = np.asarray(picture.convert("RGB") if picture.mode != "I;16" else picture)
                assert np.ptp(levels[..., :3] if levels.ndim > 2 else levels) > 100
    assert found == {
        "RGBA": ("PNG", ".png"),
        "CMYK": ("JPEG", ".jpeg"),
        "P": ("PNG", ".png"),
        "I;16": ("PNG", ".png"),
    }


def test_sixteen_bit_film_uses_sixteen_bits(pictures: dict[str, bytes]) -> None:
    films = [Image.open(io.BytesIO(d)) for n, d in pictures.items() if n.endswith(".png")]
    (deep,) = [np.asarray(film) for film in films if film.mode == "I;16"]
    assert deep.dtype == np.uint16
    assert deep.max() > 2**15


def test_duplicates_within_and_across_patients_never_change_class(
    pictures: dict[str, bytes],
) -> None:
    same = collections.defaultdict(list)
    for name, data in pictures.items():
        same[pixels_of(data)].append(name)
    pairs = [names for names in same.values() if len(names) > 1]
    assert sum(len(names) - 1 for names in pairs) == 5
    assert all(len(set(map(label_of, names))) == 1 for names in pairs)
    within = [names for names in pairs if len(set(map(patient_of, names))) == 1]
    across = [names for names in pairs if len(set(map(patient_of, names))) > 1]
    assert len(within) == 2
    assert len(across) == 3
    assert any(len({pictures[name] for name in names}) > 1 for names in across)
    assert any({"train", "test"} == {n.split("/")[1] for n in names} for names in across)


def test_film_and_mask_have_the_view_s_shape() -> None:
    patient, view = patient_and_view(0)
    film, lesion = render("virus", patient, view)
    assert film.shape == lesion.shape == (view.height, view.width)
    assert film.dtype == np.uint8
    assert lesion.dtype == bool


@pytest.mark.parametrize("seed", range(3))
def test_normal_has_no_lesion_and_its_lungs_are_the_dark_part(seed: int) -> None:
    patient, view = patient_and_view(seed)
    film, lesion = render("normal", patient, view)
    assert not lesion.any()
    lungs = lung_field(patient, view)
    middle = slice(view.width // 4, -view.width // 4)
    assert film[lungs].mean() < 0.75 * film[:, middle][~lungs[:, middle]].mean()


@pytest.mark.parametrize("lobe", LOBES)
def test_consolidation_is_on_one_side_inside_the_lung_and_bright(lobe: str) -> None:
    patient, view = patient_and_view(5, lobe)
    view = dataclasses.replace(view, shift=(0.0, 0.0), tilt=0.0, leads=False)
    healthy, _ = render("normal", patient, view)
    sick, lesion = render("bacteria", patient, view)
    lungs = lung_field(patient, view)
    assert not (lesion & ~lungs).any()
    assert lesion.sum() > 0.03 * lungs.sum()
    columns = np.nonzero(lesion)[1]
    # The patient's right is on the left of the film.
    assert (
        (columns < view.width / 2).all()
        if lobe.startswith("R")
        else (columns > view.width / 2).all()
    )
    change = sick.astype(float) - healthy
    assert change[lesion].mean() > 15
    opposite = lungs[:, ::-1] & lungs & ~lesion & (lesion[:, ::-1])
    assert abs(change[opposite].mean()) < 1


def test_viral_pattern_is_on_both_sides_inside_the_lungs_and_bright() -> None:
    patient, view = patient_and_view(6)
    view = dataclasses.replace(view, shift=(0.0, 0.0), tilt=0.0, leads=False)
    healthy, _ = render("normal", patient, view)
    sick, lesion = render("virus", patient, view)
    lungs = lung_field(patient, view)
    assert not (lesion & ~lungs).any()
    half = view.width // 2
    right, left = lesion[:, :half].sum(), lesion[:, half:].sum()
    assert min(right, left) > 0.25 * max(right, left)
    change = sick.astype(float) - healthy
    assert change[lesion].mean() > 5
    assert change[lesion].mean() > 2 * change[lungs & ~lesion].mean()


def test_severity_drives_how_bright_the_lesion_is() -> None:
    means = []
    for severity in (0.05, 0.5, 0.95):
        patient, view = patient_and_view(7, "RUL", severity)
        healthy, _ = render("normal", patient, view)
        sick, lesion = render("bacteria", patient, view)
        means.append((sick.astype(float) - healthy)[lesion].mean())
    assert means[0] < 16
    assert means[0] + 5 < means[1] < means[2] - 5


def test_two_pictures_of_a_patient_share_anatomy_and_lesion() -> None:
    rng = np.random.default_rng(8)
    patient, view = patient_and_view(8)
    second = dataclasses.replace(view, seed=view.seed + 1)
    first_film, first_lesion = render("bacteria", patient, view)
    second_film, second_lesion = render("bacteria", patient, second)
    stranger = dataclasses.replace(draw_patient(rng), seed=1)
    stranger_film, _ = render("bacteria", stranger, view)
    assert (first_lesion == second_lesion).all()
    noise = np.abs(first_film.astype(float) - second_film).mean()
    assert 0.3 < noise < 4
    assert np.abs(first_film.astype(float) - stranger_film).mean() > 2 * noise


def test_render_does_not_touch_global_random_state() -> None:
    patient, view = patient_and_view(9)
    before = np.random.get_state(legacy=False)["state"]["key"].copy()
    first, _ = render("virus", patient, view)
    np.testing.assert_array_equal(np.random.get_state(legacy=False)["state"]["key"], before)
    np.random.seed(1)
    second, _ = render("virus", patient, view)
    np.testing.assert_array_equal(first, second)


def test_unknown_label_is_named_in_the_error() -> None:
    with pytest.raises(ValueError, match="'covid' is not one of normal, bacteria, virus"):
        render("covid", *patient_and_view(0))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"seed": -1}, "seed is -1"),
        ({"pictures": 3}, "at least 12"),
        ({"min_side": 500}, "min_side is 500 and max_side 128"),
        ({"min_side": 10}, "64 <= min_side"),
    ],
)
def test_impossible_specs_are_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(SPEC, **change)
