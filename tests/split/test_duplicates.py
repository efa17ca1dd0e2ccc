"""Near-duplicate search against brute force, and what it says about real edits of pictures."""

import io

import imagehash
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from bakeoff.split.duplicates import (
    find_duplicates,
    flat_hashes,
    join,
    near_pairs,
    twins,
    unpack_hashes,
)


def textured(seed: int, side: int = 160) -> Image.Image:
    """Smooth blobs with sharp lines: something a perceptual hash can hold on to."""
    generator = np.random.default_rng(seed)
    coarse = Image.fromarray(generator.integers(0, 255, (12, 12), np.uint8))
    picture = coarse.resize((side, side), Image.Resampling.BICUBIC)
    pen = ImageDraw.Draw(picture)
    for x0, y0, x1, y1 in generator.integers(0, side, (8, 4)):
        pen.line((x0, y0, x1, y1), fill=255, width=3)
    return picture


def phash(picture: Image.Image) -> str:
    return str(imagehash.phash(picture, hash_size=16))


def manifest(hashes: list[str], ids: list[str] | None = None, groups: list[str] | None = None):
    n = len(hashes)
    return pd.DataFrame(
        {
            "image_id": ids or [f"id{i}" for i in range(n)],
            "path": [f"p{i}" for i in range(n)],
            "label": "a",
            "group": groups or [""] * n,
            "phash": hashes,
        }
    )


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32), bits=st.integers(0, 40), n=st.integers(1, 40))
def test_the_search_finds_what_brute_force_finds(seed, bits, n):
    generator = np.random.default_rng(seed)
    words = generator.integers(0, 2**64, (n, 4), np.uint64, endpoint=False)
    near = generator.integers(0, n, n)
    unpacked = np.unpackbits(words[near].view(np.uint8), axis=1)
    for row in unpacked:
        row[generator.integers(0, 256, generator.integers(0, 2 * bits + 2))] ^= 1
    words = np.concatenate([words, np.packbits(unpacked, axis=1).view(np.uint64)])
    pairs, distances = near_pairs(words, bits)
    apart = np.bitwise_count(words[:, None] ^ words[None]).sum(axis=2)
    keys = pd.Series([f"{i:03d}" for i in range(2 * n)])
    brute = np.argwhere(np.triu(apart <= bits, 1))
    assert (apart[pairs[:, 0], pairs[:, 1]] == distances).all()
    assert (distances <= bits).all()
    assert join(keys, pairs).equals(join(keys, brute))
    # Equal hashes are linked in a star; every other pair must be there.
    listed = {(i, j) for i, j in pairs.tolist()}
    first = {h: i for i, h in reversed(list(enumerate(map(bytes, words))))}
    for i, j in brute.tolist():
        one, other = sorted((first[bytes(words[i])], first[bytes(words[j])]))
        assert one == other or (one, other) in listed


def test_the_same_picture_rescaled_and_reencoded_is_found_and_strangers_are_not():
    hashes = []
    for seed in range(12):
        picture = textured(seed)
        stream = io.BytesIO()
        picture.resize((113, 97), Image.Resampling.BILINEAR).save(stream, "JPEG", quality=60)
        hashes += [phash(picture), phash(Image.open(stream))]
    pairs, distances = near_pairs(unpack_hashes(pd.Series(hashes)), 8)
    assert pairs.tolist() == [[i, i + 1] for i in range(0, 24, 2)]
    assert distances.max() > 0


def test_flat_pictures_are_not_duplicates_of_one_another():
    flats = [Image.new("L", (64, 64), grey) for grey in (0, 1, 90, 200, 255)]
    hashes = [phash(picture) for picture in flats] + [phash(textured(1))]
    assert flat_hashes(unpack_hashes(pd.Series(hashes))).tolist() == [True] * 5 + [False]
    found = find_duplicates(manifest(hashes), 8)
    assert found.groups.nunique() == 6
    assert found.flat == 5


def test_groups_join_transitively_through_patients_pixels_and_hashes():
    one, two, three, four = (phash(textured(seed)) for seed in range(4))
    near_two = f"{int(two, 16) ^ 0b1011:064x}"
    table = manifest(
        hashes=[one, two, near_two, three, three, four],
        ids=["x", "x", "y", "z", "z", "w"],
        groups=["ann", "ben", "cat", "", "dan", ""],
    )
    found = find_duplicates(table, 8)
    # ann = ben by pixels, ben = cat by hash; z's two files by pixels, one of them dan's.
    assert found.groups.tolist() == ["ann", "ann", "ann", "dan", "dan", "w"]
    kinds = found.pairs[["kind", "distance", "first", "second"]].to_numpy().tolist()
    assert kinds == [["exact", 0, "p0", "p1"], ["exact", 0, "p3", "p4"], ["near", 3, "p1", "p2"]]
    without = find_duplicates(table, None)
    assert without.groups.tolist() == ["ann", "ann", "cat", "dan", "dan", "w"]


def test_groups_follow_their_rows_when_these_are_shuffled():
    table = manifest([phash(textured(s)) for s in (0, 1, 0, 2)], groups=["b", "", "a", ""])
    shuffled = table.sample(frac=1, random_state=3)
    expected = find_duplicates(table, 8).groups
    assert find_duplicates(shuffled, 8).groups.sort_index().equals(expected)


@pytest.mark.parametrize("bits", [None, 8])
def test_twins_tells_exact_from_near(bits):
    one, two, three = (phash(textured(seed)) for seed in range(3))
    ours = manifest([one, two, three], ids=["a", "b", "c"])
    theirs = manifest([one, f"{int(two, 16) ^ 1:064x}"], ids=["a", "d"])
    exact, near = twins(ours, theirs, bits)
    assert exact.tolist() == [True, False, False]
    assert near.tolist() == [False, bits is not None, False]
