import keras
import numpy as np
import pytest

from bakeoff.features.sides import read_record_side
from bakeoff.params.models import ModelParams
from bakeoff.params.training import (
    ConvBlock,
    FineTuneParams,
    HeadParams,
    LiveAugmentation,
    Resolution,
    TrainParams,
)
from bakeoff.runtime.devices import prepare
from bakeoff.tfrecord.reading import read_records
from bakeoff.train.checkpoints import Checkpoint
from bakeoff.train.heads import build_head
from bakeoff.train.networks import build_cnn, picture_network
from bakeoff.train.picture_examples import PictureExamples, originals
from bakeoff.train.picture_training import (
    PictureJob,
    head_at,
    train_on_pictures,
)
from bakeoff.train.progress import Progress
from tests.tiny_records import CLASSES, COUNTS, write_tiny_records

CHANGES = LiveAugmentation(mirror="both", rotation=10, contrast=0.2, mixup=0.2, cutmix=0.2)


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    folder = tmp_path_factory.mktemp("records")
    write_tiny_records(folder)
    return folder


def params(**changes):
    given = {
        "backbone": "cnn",
        "image_side": 24,
        "conv": (ConvBlock(filters=(6,)), ConvBlock(filters=(8,))),
        "head": HeadParams(hidden=(12,), dropout=0.3),
        "train": TrainParams(epochs=4, batch=12, learning_rate=0.01, early_stopping=None),
        "fine_tune": FineTuneParams(augmentation=CHANGES),
    }
    return ModelParams(**(given | changes))


def job(records, folder, model=None, on_epoch=lambda row: None, *, seed=5, strategy="single"):
    model = model or params()
    compute = prepare(strategy, seed)

    def build(step):
        return picture_network(
            "cnn",
            build_cnn(model.conv, step.image_side, 3),
            lambda dim: build_head(dim, 3, head_at(step, model)),
            side=step.image_side,
            record_channels=3,
            channels=3,
            pooling=model.pooling,
        )

    return PictureJob(
        params=model,
        classes=CLASSES,
        records=records,
        train=read_record_side(records, "train"),
        val=read_record_side(records, "val").originals(),
        build=build,
        checkpoint=Checkpoint(folder),
        seed=seed,
        compute=compute,
        on_epoch=on_epoch,
    )


def examples(records, **changes):
    given = {
        "side": 24,
        "batch": 7,
        "class_weights": np.array([1, 2, 3], np.float32),
        "augmentation": CHANGES,
        "strength": 1.0,
        "seed": 3,
    }
    return PictureExamples(records, COUNTS["train"], **(given | changes))


def test_examples_are_listed_as_they_stand_in_the_records(records):
    side = read_record_side(records, "train")
    assert len(side.labels) == COUNTS["train"]
    assert (side.transforms == "original").sum() == COUNTS["train"] // 2
    assert side.groups[0] == "person0"


def test_batches_depend_on_seed_and_epoch_alone(records):
    one, two, later = (list(examples(records).batches(epoch)) for epoch in (1, 1, 2))
    assert len(one) == examples(records).steps == 4
    for a, b in zip(one, two, strict=True):
        np.testing.assert_array_equal(a.inputs, b.inputs)
        np.testing.assert_array_equal(a.targets, b.targets)
    assert not np.array_equal(one[0].inputs, later[0].inputs)
    assert sorted(np.concatenate([b.labels for b in one])) == sorted([0, 1, 2] * 8)


def test_plain_batches_are_the_resized_pictures(records):
    plain = examples(records, augmentation=LiveAugmentation(), batch=24)
    (batch,) = plain.batches(1)
    resizing = keras.layers.Resizing(24, 24)
    expected = {
        resizing(np.float32(row["image"])).numpy().tobytes()
        for row in read_records(records, "train")
    }
    assert {picture.numpy().tobytes() for picture in batch.inputs} == expected
    np.testing.assert_array_equal(batch.weights, np.array([1, 2, 3])[batch.labels])


def test_only_originals_are_predicted(records):
    assert sum(len(b) for b in originals(records, "train", 24)) == COUNTS["train"] // 2


def test_a_network_from_scratch_learns_the_stripes(records, tmp_path):
    rows = []
    model = params(
        fine_tune=FineTuneParams(),
        train=TrainParams(epochs=12, batch=8, learning_rate=0.01, early_stopping=6),
    )
    network, progress, logits = train_on_pictures(
        job(records, tmp_path / "kept", model, rows.append), Progress()
    )
    best = progress.history[progress.best_epoch - 1]
    assert best["val_accuracy"] > 0.8
    assert (logits.argmax(1) == np.arange(12) % 3).mean() == pytest.approx(best["val_accuracy"])
    assert rows == progress.history
    assert {row["phase"] for row in rows} == {"scratch"}


class Killed(BaseException):
    pass


@pytest.mark.parametrize(
    ("progressive", "killed_in"),
    [(False, (2,)), pytest.param(True, (2, 3), marks=pytest.mark.slow)],
)
def test_a_killed_training_goes_on_to_the_same_end(records, tmp_path, progressive, killed_in):
    model = params()
    if progressive:
        steps = (
            Resolution(image_side=16, epochs=2, dropout=0.1, augmentation=0.3),
            Resolution(image_side=24, epochs=2, dropout=0.4),
        )
        model = params(fine_tune=FineTuneParams(augmentation=CHANGES, progressive=steps))
    whole, progress, logits = train_on_pictures(job(records, tmp_path / "whole", model), Progress())
    for epoch in killed_in:
        folder = tmp_path / f"killed{epoch}"

        def kill(row, last=epoch):
            if row["epoch"] == last:
                raise Killed

        with pytest.raises(Killed):
            train_on_pictures(job(records, folder, model, kill), Progress())
        told = []
        again, resumed, resumed_logits = train_on_pictures(
            job(records, folder, model, told.append), Progress()
        )
        assert resumed.history == progress.history
        assert [list(row) for row in resumed.history] == [list(row) for row in progress.history]
        assert [row["epoch"] for row in told] == [1, 2, 3, 4]
        for a, b in zip(whole.get_weights(), again.get_weights(), strict=True):
            np.testing.assert_array_equal(a, b)
        np.testing.assert_array_equal(logits, resumed_logits)


def test_a_checkpoint_of_a_finished_training_is_enough(records, tmp_path):
    _, progress, logits = train_on_pictures(job(records, tmp_path / "kept"), Progress())
    _, again, same = train_on_pictures(job(records, tmp_path / "kept"), Progress())
    assert again.history == progress.history
    np.testing.assert_array_equal(logits, same)
    Checkpoint(tmp_path / "kept").remove()
    assert not (tmp_path / "kept").exists()


def test_progressive_resizing_keeps_only_epochs_at_the_models_own_side(records, tmp_path):
    steps = (
        Resolution(image_side=16, epochs=3, dropout=0.1),
        Resolution(image_side=24, epochs=1, dropout=0.4),
    )
    model = params(fine_tune=FineTuneParams(progressive=steps))
    network, progress, _ = train_on_pictures(job(records, tmp_path / "kept", model), Progress())
    assert progress.best_epoch == 4
    assert network.input_shape[1:3] == (24, 24)
    assert network.get_layer("head").get_layer("dropout_1").rate == 0.4
