"""Records read without TensorFlow, against TensorFlow's own reading."""

import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from bakeoff.runtime.errors import BakeoffError
from bakeoff.tfrecord.numpy_reading import parse_example, read_pictures, record_batches
from bakeoff.tfrecord.reading import read_records
from bakeoff.tfrecord.writing import write_records
from tests.tfrecord.test_reading import export, plan  # noqa: F401


@pytest.mark.parametrize(("encoding", "channels"), [("png", 3), ("png", 1), ("jpeg", 3)])
def test_batches_hold_what_tensorflow_reads(plan, tmp_path, encoding, channels):  # noqa: F811
    how = export(encoding=encoding, channels=channels, image_side=37)
    write_records(plan, how, tmp_path / ".")
    for side in ("train", "test"):
        (expected,) = read_records(tmp_path, side, batch=100).as_numpy_iterator()
        (found,) = record_batches(tmp_path, side)
        assert found.images.dtype == np.uint8
        assert np.array_equal(found.images, expected["image"])
        assert np.array_equal(found.labels, expected["label"])
        for name, texts in (
            ("image_id", found.image_ids),
            ("transform", found.transforms),
            ("group", found.groups),
        ):
            assert texts.tolist() == [text.decode() for text in expected[name]]


def test_a_photograph_as_jpeg_is_decoded_to_the_same_pixels(plan, tmp_path):  # noqa: F811
    """Noise hides what smooth colours would show: how chroma is brought to full size."""
    rows, columns = np.mgrid[:90, :120]
    smooth = np.stack([rows * 2, columns * 2, 255 - rows - columns], axis=2).astype(np.uint8)
    Image.fromarray(smooth).save(tmp_path / "smooth.png")
    smooth_plan = plan.assign(path=str(tmp_path / "smooth.png"))
    records = tmp_path / "records"
    records.mkdir()
    write_records(smooth_plan, export(encoding="jpeg", image_side=75), records)
    (expected,) = read_records(records, "train", batch=100).as_numpy_iterator()
    (found,) = record_batches(records, "train")
    assert np.array_equal(found.images, expected["image"])


def test_only_the_wanted_originals_are_decoded(plan, tmp_path):  # noqa: F811
    write_records(plan, export(), tmp_path / ".")
    (batch,) = record_batches(tmp_path, "train")
    originals = batch.images[batch.transforms == "original"]
    pictures = read_pictures(tmp_path, "train", {0, 3})
    assert sorted(pictures) == [0, 3]
    assert np.array_equal(pictures[3], originals[3])


@settings(deadline=None, max_examples=30)
@given(
    st.dictionaries(st.text(max_size=8), st.binary(max_size=300), max_size=5),
    st.integers(0, 2**63 - 1),
)
def test_any_example_is_parsed_as_protobuf_parses_it(texts, number):
    example = tf.train.Example()
    for name, value in texts.items():
        example.features.feature[name].bytes_list.value.append(value)
    example.features.feature["label"].int64_list.value.append(number)
    assert parse_example(example.SerializeToString()) == texts | {"label": number}


def test_a_damaged_shard_is_refused(plan, tmp_path):  # noqa: F811
    index, _ = write_records(plan, export(), tmp_path / ".")
    shard = tmp_path / index.splits["val"].shards[0].file
    shard.write_bytes(shard.read_bytes()[:-5])
    with pytest.raises(BakeoffError, match="truncated or damaged"):
        next(record_batches(tmp_path, "val"))
    next(record_batches(tmp_path, "test"))


def test_it_does_without_tensorflow():
    code = "import sys, bakeoff.tfrecord.numpy_reading; print('tensorflow' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
