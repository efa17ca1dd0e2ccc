"""Reading TFRecords back: an ordered, deterministic `tf.data.Dataset`."""

from pathlib import Path

from bakeoff.runtime.parallel import worker_count
from bakeoff.runtime.tf import tf
from bakeoff.tfrecord.index import RecordIndex, check_shards, read_index

# The features of every example; `tf.io.parse_single_example` reads them.
FEATURES = {
    "image": tf.io.FixedLenFeature([], tf.string),
    "label": tf.io.FixedLenFeature([], tf.int64),
    "image_id": tf.io.FixedLenFeature([], tf.string),
    "transform": tf.io.FixedLenFeature([], tf.string),
    "group": tf.io.FixedLenFeature([], tf.string),
}


def read_records(
    folder: Path,
    split: str,
    *,
    batch: int | None = None,
    shuffle_seed: int | None = None,
    check: bool = True,
) -> tf.data.Dataset:
    """The examples of one side.

    Args:
        folder: as the `tfrecord` stage wrote it.
        split: "train", "val" or "test".
        batch: examples per batch (the last one may be smaller); None: single examples.
        shuffle_seed: None keeps the export order; a number shuffles all examples, differently in
            every epoch and equally on every machine. Encoded pictures are shuffled, so the buffer
            is as large as the shards.
        check: compare number and SHA-256 of every shard with the index before the first example.

    Returns:
        Dictionaries of image (height, width, channels) uint8, label int64, and image_id,
        transform and group as strings; prefetched, and with its number of examples known.

    Raises:
        BakeoffError: the folder, the side or a shard is missing or damaged.
    """
    index = read_index(folder)
    side = index.split(split, folder)
    if check:
        check_shards(folder, side.shards)
    files = [str(folder / shard.file) for shard in side.shards]
    examples = tf.data.TFRecordDataset(files)
    examples = examples.apply(tf.data.experimental.assert_cardinality(side.examples))
    if shuffle_seed is not None:
        examples = examples.shuffle(side.examples, seed=shuffle_seed)
    examples = examples.map(
        lambda example: _parse(example, index), num_parallel_calls=worker_count()
    )
    if batch is not None:
        examples = examples.batch(batch)
    options = tf.data.Options()
    options.deterministic = True
    # Tuning the pipeline costs 2 % of the quickest backbone's features, and finds this.
    options.autotune.enabled = False
    return examples.prefetch(1).with_options(options)


def _parse(example: tf.Tensor, index: RecordIndex) -> dict[str, tf.Tensor]:
    parsed = tf.io.parse_single_example(example, FEATURES)
    if index.encoding == "png":
        image = tf.io.decode_png(parsed["image"], channels=index.channels)
    else:
        # The accurate transform is the one Pillow uses: both then decode to the same pixels.
        image = tf.io.decode_jpeg(
            parsed["image"], channels=index.channels, dct_method="INTEGER_ACCURATE"
        )
    return {**parsed, "image": tf.ensure_shape(image, (index.height, index.width, index.channels))}
