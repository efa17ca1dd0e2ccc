"""Reading TFRecords back: an ordered, deterministic `tf.data.Dataset`."""

from collections.abc import Sequence
from pathlib import Path

from bakeoff.runtime.parallel import worker_count
from bakeoff.runtime.tf import tf
from bakeoff.tfrecord.index import RecordIndex, Shard, check_shards, read_index

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
    shards: Sequence[Shard] | None = None,
    by_shard: bool = False,
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
        shards: only these of the side's shards; None: all.
        by_shard: whether a batch ends with its shard; the examples keep the export order.

    Returns:
        Dictionaries of image (height, width, channels) uint8, label int64, and image_id,
        transform and group as strings; prefetched, and with its number of examples known.

    Raises:
        BakeoffError: the folder, the side or a shard is missing or damaged.
    """
    index = read_index(folder)
    side = index.split(split, folder)
    shards = side.shards if shards is None else shards
    if check:
        check_shards(folder, shards)
    files = [str(folder / shard.file) for shard in shards]
    count = sum(shard.examples for shard in shards)
    options = tf.data.Options()
    options.deterministic = True
    # Tuning the pipeline costs 2 % of the quickest backbone's features, and finds this.
    options.autotune.enabled = False

    workers = worker_count()

    def parsed(examples: tf.data.Dataset) -> tf.data.Dataset:
        return examples.map(lambda example: _parse(example, index), num_parallel_calls=workers)

    if by_shard:
        paths = tf.data.Dataset.from_tensor_slices(files)
        batches = paths.flat_map(lambda path: parsed(tf.data.TFRecordDataset(path)).batch(batch))
        return batches.prefetch(1).with_options(options)
    examples = tf.data.TFRecordDataset(files)
    examples = examples.apply(tf.data.experimental.assert_cardinality(count))
    if shuffle_seed is not None:
        examples = examples.shuffle(count, seed=shuffle_seed)
    examples = parsed(examples)
    if batch is not None:
        examples = examples.batch(batch)
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
