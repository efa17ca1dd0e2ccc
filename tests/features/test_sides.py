import hashlib

import numpy as np
import pandas as pd
import pytest

from bakeoff.features.sides import (
    examples_sha256,
    read_feature_side,
    read_record_side,
)
from bakeoff.runtime.errors import BakeoffError
from tests.tiny_sides import tiny_side


def write(folder, side, *, rows=None):
    folder.mkdir(parents=True, exist_ok=True)
    np.save(folder / "train.npy", side.values)
    pd.DataFrame(
        {
            "image_id": side.image_ids,
            "transform": side.transforms,
            "label": side.labels,
            "group": side.groups,
        }
    ).iloc[:rows].to_csv(folder / "train.csv", index=False)


def test_features_are_read_as_they_were_written(tmp_path):
    side = tiny_side(10, 0, copies=True)
    write(tmp_path, side)
    read = read_feature_side(tmp_path, "train")
    assert read.sha256 == side.sha256
    assert np.array_equal(read.values, side.values)
    assert np.array_equal(read.labels, side.labels)
    assert np.array_equal(read.groups, side.groups)


def test_missing_or_ill_fitting_features_are_reported(tmp_path):
    with pytest.raises(BakeoffError, match=r"cannot read.*dvc repro features@"):
        read_feature_side(tmp_path / "vgg16", "train")
    write(tmp_path / "vgg16", tiny_side(10, 0), rows=9)
    with pytest.raises(BakeoffError, match=r"lists 9 pictures and train.npy holds 10"):
        read_feature_side(tmp_path / "vgg16", "train")


def test_the_hash_is_of_ids_and_transforms_in_order():
    by_hand = hashlib.sha256(b"a original\nb mirror_horizontal\n").hexdigest()
    assert examples_sha256(["a", "b"], ["original", "mirror_horizontal"]) == by_hand
    assert examples_sha256(["b", "a"], ["mirror_horizontal", "original"]) != by_hand


def test_originals_leave_copies_out():
    side = tiny_side(10, 0, copies=True)
    assert side.originals().image_ids.tolist() == side.image_ids[::2].tolist()
    assert np.array_equal(side.originals().values, side.values[::2])


def test_vectors_of_other_pictures_are_not_put_beside():
    side = tiny_side(6, 0)
    assert side.beside(side).values.shape == (6, 12)
    with pytest.raises(BakeoffError, match="different pictures"):
        side.beside(tiny_side(6, 1))


def test_records_are_described_in_export_order(tmp_path):
    from bakeoff.tfrecord.numpy_reading import read_pictures
    from tests.tiny_records import write_tiny_records

    write_tiny_records(tmp_path)
    means = read_record_side(
        tmp_path, "train", lambda p: p.mean(axis=(1, 2, 3), keepdims=True)[:, :, 0, 0]
    )
    assert means.values.shape == (24, 1)
    assert set(means.transforms) == {"original", "mirror_horizontal"}
    bare = read_record_side(tmp_path, "train")
    assert bare.values.shape == (24, 0)
    assert bare.sha256 == means.sha256
    pictures = read_pictures(tmp_path, "train", [0, 7, 11])
    originals = means.originals()
    assert sorted(pictures) == [0, 7, 11]
    for place, picture in pictures.items():
        assert picture.mean() == pytest.approx(originals.values[place, 0], rel=1e-5)
