"""Near duplicates beyond the hashes' distance are confirmed on thumbnails; strangers are not."""

from pathlib import Path

import imagehash
import numpy as np
import pandas as pd
import pytest
from PIL import Image, ImageEnhance

from bakeoff.params.data import SplitParams
from bakeoff.split.duplicates import find_duplicates, twins
from bakeoff.split.leakage import audit_split
from bakeoff.split.likeness import add_likeness, are_alike, candidates, thumbnail
from bakeoff.split.splitting import split_manifest


def scene(seed: int, side: int = 256) -> Image.Image:
    """Shapes of every size, as photographs have them."""
    rng = np.random.default_rng(seed)
    layers = [
        np.asarray(
            Image.fromarray(rng.uniform(0, 255, (n, n)).astype(np.uint8)).resize((side, side), 3),
            np.float64,
        )
        for n in (4, 8, 16, 32, 64)
    ]
    return Image.fromarray(np.mean(layers, axis=0).astype(np.uint8))


def cropped(picture: Image.Image, pixels: int) -> Image.Image:
    return picture.crop((pixels, pixels, picture.width - 1, picture.height - 2))


def manifest(folder: Path, pictures: list[Image.Image]) -> pd.DataFrame:
    rows = []
    for number, picture in enumerate(pictures):
        path = folder / f"{number:02d}.png"
        picture.save(path)
        phash = str(imagehash.phash(picture.convert("L"), hash_size=16))
        rows.append((f"id{number:02d}", str(path), "a", "", *picture.size, phash))
    columns = ["image_id", "path", "label", "group", "width", "height", "phash"]
    return pd.DataFrame(rows, columns=columns)


CHANGED = {
    "crop": lambda p: cropped(p, 3),
    "mirror": lambda p: p.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
    "exposure": lambda p: ImageEnhance.Contrast(cropped(p, 3)).enhance(0.6),
}


@pytest.mark.parametrize("how", CHANGED)
def test_a_changed_copy_that_the_hash_misses_is_found(tmp_path: Path, how: str) -> None:
    rows = manifest(tmp_path, [scene(1), CHANGED[how](scene(1)), scene(2), scene(3)])
    assert find_duplicates(rows, 1).groups.nunique() == 4
    found = add_likeness(rows, bits=1)["likeness"]
    assert found.tolist() == ["id00", "id00", "", ""]
    joined = find_duplicates(rows.assign(likeness=found), 1)
    assert joined.groups.nunique() == 3
    assert joined.pairs["kind"].tolist() == ["alike"]


def test_a_mirror_image_is_a_candidate_by_its_hash_alone(tmp_path: Path) -> None:
    mirror = scene(5).transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    pairs, mirrored = candidates(manifest(tmp_path, [scene(5), mirror, scene(6)]), 16)
    assert (pairs.tolist(), mirrored.tolist()) == ([[0, 1]], [True])


@pytest.mark.parametrize("scale", [4, 8, 32])
def test_enlarged_small_pictures_are_never_confirmed(tmp_path: Path, scale: int) -> None:
    rng = np.random.default_rng(0)
    small = rng.uniform(20, 235, (8, 8))
    near = [np.kron(small + rng.normal(0, 6, (8, 8)), np.ones((scale, scale))) for _ in "ab"]
    rows = manifest(tmp_path, [Image.fromarray(p.clip(0, 255).astype(np.uint8)) for p in near])
    assert add_likeness(rows, bits=0)["likeness"].tolist() == ["", ""]


def test_one_template_with_two_contents_is_no_duplicate(tmp_path: Path) -> None:
    pictures = []
    for seed in (7, 8):
        picture = scene(6)
        picture.paste(scene(seed).resize((100, 100)), (60, 60))
        pictures.append(picture)
    thumbnails = [thumbnail(Path(p)) for p in manifest(tmp_path, pictures)["path"]]
    assert np.corrcoef(thumbnails[0].ravel(), thumbnails[1].ravel())[0, 1] > 0.8
    assert not are_alike(*thumbnails)


def test_thumbnails_are_compared_whatever_the_brightness(tmp_path: Path) -> None:
    rows = manifest(tmp_path, [scene(1), scene(2)])
    one, other = (thumbnail(Path(path)) for path in rows["path"])
    assert one.shape == (64, 64)
    assert are_alike(one, 0.3 * one + 90)
    assert not are_alike(one, other)
    assert not are_alike(one, np.full((64, 64), 7.0))


def test_what_is_alike_stands_on_one_side_and_the_audit_sees_it(tmp_path: Path) -> None:
    pictures = [p for seed in range(12) for p in (scene(seed), cropped(scene(seed), 2))]
    rows = add_likeness(manifest(tmp_path, pictures), bits=0)
    rows = rows.assign(official="", label=["a", "a", "b", "b"] * 6)
    assert (rows["likeness"] != "").all()
    split = split_manifest(rows, SplitParams(near_duplicates=0), 1)
    placed = split.pictures.set_index("path")["side"]
    paths = rows["path"].tolist()
    assert all(placed[paths[i]] == placed[paths[i + 1]] for i in range(0, 24, 2))
    moved = split.pictures.assign(group=split.pictures["path"])
    moved.loc[0, "side"] = "test"
    leaks = audit_split(rows, moved, 0, official_test=False).crossings["test_train"]
    assert leaks.near_duplicates == 1
    exact, near = twins(rows.iloc[[0]], rows.iloc[[1, 2]], None)
    assert (exact.tolist(), near.tolist()) == ([False], [True])


def test_without_near_duplicates_nothing_is_compared(tmp_path: Path) -> None:
    rows = manifest(tmp_path, [scene(1), scene(1)]).assign(path="not there")
    assert add_likeness(rows, bits=None)["likeness"].tolist() == ["", ""]
