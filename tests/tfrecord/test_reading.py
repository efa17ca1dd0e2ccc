"""Records written, read back, damaged and refused; with real pictures and TensorFlow."""

import json

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from PIL import Image

from bakeoff.params.data import RandomTransforms, TfrecordParams
from bakeoff.runtime.errors import BakeoffError
from bakeoff.runtime.files import sha256_of_folder
from bakeoff.tfrecord.index import read_index, record_places
from bakeoff.tfrecord.numpy_reading import read_pictures, read_pictures_of
from bakeoff.tfrecord.reading import read_records
from bakeoff.tfrecord.roundtrip import check_round_trip
from bakeoff.tfrecord.writing import Export, examples_per_shard, render, write_records

CLASSES = ("cat", "dög")


@pytest.fixture(scope="module")
def plan(tmp_path_factory) -> pd.DataFrame:
    folder = tmp_path_factory.mktemp("pictures")
    generator = np.random.default_rng(0)
    rows = []
    for side, count in (("train", 10), ("val", 3), ("test", 3)):
        for i in range(count):
            path = folder / f"{side}{i}.png"
            Image.fromarray(generator.integers(0, 255, (20, 30, 3), np.uint8)).save(path)
            transform = (
                ("original", "rotate_90", "random")[i % 3] if side == "train" else "original"
            )
            label = CLASSES[i % 2]
            rows.append((side, str(path), f"id-{side}{i}", label, f"pätient {i}", transform, i))
    columns = ["split", "path", "image_id", "label", "group", "transform", "seed"]
    return pd.DataFrame(rows, columns=columns)


def export(**changes) -> Export:
    # A picture of 16 x 16 noise takes about 800 bytes as PNG: 0.004 MB are four of them.
    params = TfrecordParams(**{"image_side": 16, "shard_megabytes": 0.004, **changes})
    return Export(params, RandomTransforms(rotation=30), "RGB", CLASSES)


@pytest.fixture
def written(plan, tmp_path):
    index, checksums = write_records(plan, export(), tmp_path)
    return tmp_path, index, checksums


def test_examples_come_back_as_the_plan_asked_in_its_order(plan, written):
    folder, index, _ = written
    assert read_index(folder) == index
    for side in ("train", "val", "test"):
        rows = plan[plan["split"] == side]
        dataset = read_records(folder, side)
        assert dataset.cardinality() == len(rows)
        examples = list(dataset.as_numpy_iterator())
        for example, row in zip(examples, rows.itertuples(), strict=True):
            wanted = render(row.path, row.transform, row.seed, export())
            assert np.array_equal(example["image"], wanted)
            assert CLASSES[example["label"]] == row.label
            assert example["image_id"].decode() == row.image_id
            assert example["transform"].decode() == row.transform
            assert example["group"].decode() == row.group


def test_shards_are_named_counted_and_as_large_as_asked(plan, written):
    folder, index, _ = written
    train = index.splits["train"]
    assert examples_per_shard(plan, export()) == 4
    assert [shard.file for shard in train.shards] == [
        f"train_16x16_3_ds-0000{i}-of-00003.tfrecord" for i in range(3)
    ]
    assert [shard.examples for shard in train.shards] == [3, 3, 4]
    for shard in train.shards:
        assert len(record_places(folder / shard.file)) == shard.examples
    assert (train.examples, train.originals) == (10, 4)
    assert train.labels == {"cat": 5, "dög": 5}
    facts = json.loads((folder / "index.json").read_text())
    assert facts["classes"] == list(CLASSES)
    assert (facts["height"], facts["width"], facts["channels"]) == (16, 16, 3)


def test_the_number_of_workers_never_changes_a_byte(plan, written, tmp_path, monkeypatch):
    expected = sha256_of_folder(written[0])
    for workers in ("1", "5"):
        monkeypatch.setenv("BAKEOFF_WORKERS", workers)
        again = tmp_path / f"again{workers}"
        again.mkdir()
        write_records(plan, export(), again)
        assert sha256_of_folder(again) == expected
        for path in again.iterdir():
            path.unlink()
        again.rmdir()


def test_a_record_is_read_with_nothing_but_parse_single_example(written):
    folder, index, _ = written
    path = folder / index.splits["val"].shards[0].file
    raw = next(iter(tf.data.TFRecordDataset(str(path))))
    fields = {"image": tf.io.FixedLenFeature([], tf.string)}
    fields["label"] = tf.io.FixedLenFeature([], tf.int64)
    parsed = tf.io.parse_single_example(raw, fields)
    assert tf.io.decode_image(parsed["image"]).shape == (16, 16, 3)
    assert parsed["label"] == 0


def test_originals_are_found_by_id_on_any_side(plan, written):
    written = written[0]
    found = read_pictures_of(written, ["id-train3", "id-test1", "id-train1", "nobody"])
    assert set(found) == {"id-train3", "id-test1"}  # train1 is a rotated copy
    for image_id, picture in found.items():
        (row,) = plan[plan["image_id"] == image_id].itertuples()
        side = plan[(plan["split"] == row.split) & (plan["transform"] == "original")]
        place = side["image_id"].tolist().index(image_id)
        np.testing.assert_array_equal(picture, read_pictures(written, row.split, [place])[place])


def test_batches_and_shuffles_are_the_same_every_time(written):
    folder = written[0]

    def ids(**options):
        batches = read_records(folder, "train", batch=4, **options).as_numpy_iterator()
        return [[i.decode() for i in batch["image_id"]] for batch in batches]

    plain, shuffled = ids(), ids(shuffle_seed=1)
    assert [len(batch) for batch in plain] == [4, 4, 2]
    assert shuffled == ids(shuffle_seed=1)
    assert shuffled != plain
    assert sorted(sum(shuffled, [])) == sorted(sum(plain, []))


def damage(path, how: str) -> None:
    content = bytearray(path.read_bytes())
    if how == "flipped bit":
        content[len(content) // 2] ^= 1
    elif how == "cut short":
        del content[-5:]
    elif how == "record missing":
        del content[16 + int.from_bytes(content[:8], "little") :]
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ("flipped bit", "has changed since its export"),
        ("cut short", "truncated or damaged"),
        ("record missing", "holds 1 examples, the index says 3"),
    ],
)
def test_a_damaged_shard_is_named(written, how, message):
    folder, index, _ = written
    shard = index.splits["val"].shards[0].file
    damage(folder / shard, how)
    with pytest.raises(BakeoffError, match=f"{shard}.*{message}.*dvc"):
        read_records(folder, "val")
    read_records(folder, "test")


def test_missing_shards_sides_and_indexes_are_named(written, tmp_path):
    folder, index, _ = written
    (folder / index.splits["val"].shards[0].file).unlink()
    with pytest.raises(BakeoffError, match="val_.*missing"):
        read_records(folder, "val")
    with pytest.raises(BakeoffError, match="no side 'trian'; name one of"):
        read_records(folder, "trian")
    with pytest.raises(BakeoffError, match="dvc repro tfrecord"):
        read_records(tmp_path / "nowhere", "val")
    facts = json.loads((folder / "index.json").read_text())
    del facts["fit"]
    (folder / "index.json").write_text(json.dumps(facts))
    with pytest.raises(BakeoffError, match="'fit'.*run `dvc repro --force tfrecord`"):
        read_index(folder)
    (folder / "index.json").write_text('{"splits": 3}')
    with pytest.raises(BakeoffError, match="index.json: damaged"):
        read_index(folder)


@pytest.mark.parametrize(("encoding", "channels"), [("png", 3), ("png", 1), ("jpeg", 3)])
def test_the_round_trip_compares_every_record(plan, tmp_path, encoding, channels):
    how = export(encoding=encoding, channels=channels)
    index, checksums = write_records(plan, how, tmp_path / ".")
    trips = check_round_trip(tmp_path, plan, how, checksums)
    assert index.encoding == encoding
    assert trips["train"].read == trips["train"].records == 10
    if encoding == "png":
        assert trips["train"].pixels_equal == 10
        assert trips["train"].mean_absolute_error == 0
    else:
        assert trips["train"].pixels_equal is None
        assert 0 < trips["train"].mean_absolute_error < 10


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(("fit", "border"), [("crop", None), ("pad_black", 0), ("pad_white", 255)])
def test_the_round_trip_holds_however_pictures_become_squares(
    plan, tmp_path, fit, border, channels
):
    how = export(fit=fit, channels=channels)
    index, checksums = write_records(plan, how, tmp_path)
    assert read_index(tmp_path) == index
    assert index.fit == fit
    trips = check_round_trip(tmp_path, plan, how, checksums)
    assert [trips[side].pixels_equal for side in ("train", "val", "test")] == [10, 3, 3]
    record = read_pictures(tmp_path, "train", [0])[0]
    if border is not None:  # 30 x 20 became 16 x 11, with 2 rows above it
        assert (record[:2] == border).all() and (record[13:] == border).all()
        assert not (record[2:13] == border).all(axis=(1, 2)).any()


def test_a_record_that_is_not_what_was_asked_fails_the_round_trip(plan, written):
    folder, _, checksums = written
    spoilt = {**checksums, "val": (0, *checksums["val"][1:])}
    with pytest.raises(BakeoffError, match="val side differs after"):
        check_round_trip(folder, plan, export(), spoilt)
    other = plan.assign(image_id=plan["image_id"].replace("id-test1", "another"))
    with pytest.raises(BakeoffError, match="record 1 of test was read back as another"):
        check_round_trip(folder, other, export(), checksums)


def test_a_picture_that_is_gone_or_of_an_unknown_class_is_named(plan, tmp_path):
    gone = plan.assign(path=plan["path"].str.replace("val2", "gone"))
    with pytest.raises(BakeoffError, match="gone.png: can no longer be read"):
        write_records(gone, export(), tmp_path)
    with pytest.raises(BakeoffError, match="'cow' is not in data/interim/classes.json"):
        write_records(plan.replace({"label": {"cat": "cow"}}), export(), tmp_path)
