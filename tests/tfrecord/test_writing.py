"""Records of the sides, and of the folds' further copies beside them."""

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from bakeoff.augment.augmentation_plan import plan_augmentation
from bakeoff.augment.fold_copies import plan_fold_copies
from bakeoff.params.data import AugmentParams, RandomTransforms, TfrecordParams
from bakeoff.tfrecord.numpy_reading import record_batches
from bakeoff.tfrecord.roundtrip import check_round_trip
from bakeoff.tfrecord.writing import Export, write_records

CLASSES = ("dark", "light")
EXPORT = Export(
    TfrecordParams(image_side=16, shard_megabytes=0.003), RandomTransforms(), "RGB", CLASSES
)


@pytest.fixture
def plans(tmp_path):
    """The plan of twelve pictures, without and with the copies for three folds."""
    rows = []
    for i in range(12):
        path, label = tmp_path / f"{i:02d}.png", CLASSES[i % 2]
        noise = np.random.default_rng(i).integers(0, 255, (20, 24, 3))
        Image.fromarray(noise.astype(np.uint8)).save(path)
        side = "train" if i < 8 else ("val" if i < 10 else "test")
        rows.append((side, str(path), f"{i:032x}", label, f"g{i}"))
    pictures = pd.DataFrame(rows, columns=["side", "path", "image_id", "label", "group"])
    dealt = {"image_id": pictures["image_id"], "repeat": 0, "fold": np.arange(12) % 3}
    params = AugmentParams()
    plan = plan_augmentation(pictures, params, 0)
    copies = plan_fold_copies(plan, pictures, pd.DataFrame(dealt), params, 0)
    return plan, pd.concat([plan, copies], ignore_index=True)


def test_the_folds_copies_change_no_byte_of_the_sides(plans, tmp_path):
    indexes = []
    for name, plan in zip(("plain", "folds"), plans, strict=True):
        (tmp_path / name).mkdir()
        index, checksums = write_records(plan, EXPORT, tmp_path / name)
        trips = check_round_trip(tmp_path / name, plan, EXPORT, checksums)
        assert all(trip.read == trip.records == trip.pixels_equal for trip in trips.values())
        indexes.append(index.splits)
    plain, folds = indexes
    assert len(plain["train"].shards) > 1
    assert {side: folds[side] for side in plain} == plain
    assert (folds["copies"].examples, folds["copies"].originals) == (4, 0)


def test_a_copy_is_read_back_as_its_mirrored_original(plans, tmp_path):
    (tmp_path / "folds").mkdir()
    write_records(plans[1], EXPORT, tmp_path / "folds")
    found = {
        side: {
            i: p
            for b in record_batches(tmp_path / "folds", side)
            for i, p in zip(b.image_ids, b.images, strict=True)
        }
        for side in ("test", "copies")
    }
    assert len(found["test"]) == 2
    for image_id, pixels in found["test"].items():
        mirrored = found["copies"][image_id]
        assert np.abs(mirrored[:, ::-1].astype(int) - pixels.astype(int)).max() <= 1
