"""Measure features, heads and fine-tuning relative to plain Keras.

    python benchmarks/bench_train.py                        # every model of params.yaml
    python benchmarks/bench_train.py --models vgg16 --part features
    python benchmarks/bench_train.py --split val            # fewer pictures

features: pictures per second from TFRecords to features on disk, relative to the plain forward pass
of the same backbone on the same pictures in memory.

head: a head on cached features, relative to the frozen backbone inside a Keras model that is fitted
to the same pictures, both for ten epochs; seconds and validation accuracy of each.

fine_tune: pictures per second from TFRecords during fine-tuning, relative to a plain Keras `fit` of
the same network on resized pictures in memory; the second epoch of each.

CPU seconds (`cpu`) stand beside wall seconds, because other load hardly changes them.

It needs the records of `dvc repro tfrecord`.
"""

import argparse
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import numpy as np

from bakeoff.features.backbones import build_backbone, build_encoder, encode, picture_input, resized
from bakeoff.features.batches import BATCH, encoded_batches, write_side
from bakeoff.features.frozen import write_features
from bakeoff.features.sides import read_feature_facts, read_feature_side, read_record_side
from bakeoff.features.stored_backbone import load_backbone
from bakeoff.features.weights import resolve_weights
from bakeoff.params.model_names import model_names
from bakeoff.params.models import ModelParams, read_model_params
from bakeoff.params.training import HeadParams, LiveAugmentation, TrainParams
from bakeoff.runtime.devices import Compute, prepare
from bakeoff.runtime.tf import keras, tf
from bakeoff.tfrecord.index import read_index
from bakeoff.tfrecord.reading import read_records
from bakeoff.train.head_training import train_head
from bakeoff.train.heads import build_head, feature_moments
from bakeoff.train.loop import Fitting, fit
from bakeoff.train.networks import picture_network, unfreeze
from bakeoff.train.optimizers import build_optimizer
from bakeoff.train.picture_examples import PictureExamples, resize
from bakeoff.train.progress import Progress
from figures import record

EPOCHS = 10
SEED = 20

Spent = tuple[float, float]  # wall and CPU seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", nargs="*", default=list(model_names()))
    parser.add_argument("--records", type=Path, default=Path("data/processed"))
    parser.add_argument("--split", default="train", help="the side that features are taken of")
    parser.add_argument("--part", choices=("features", "head", "fine_tune", "all"), default="all")
    parser.add_argument("--slow", nargs="*", help="models for head and fine_tune; default: first")
    arguments = parser.parse_args()
    compute = prepare("single", SEED)
    slow = arguments.slow if arguments.slow is not None else arguments.models[:1]
    results: dict[str, dict[str, dict[str, float]]] = {}
    for name in arguments.models:
        params = read_model_params(name)
        with tempfile.TemporaryDirectory() as folder:
            bench = Bench(name, params, arguments.records, Path(folder), compute)
            found = results.setdefault(name, {})
            if arguments.part in ("features", "all"):
                found["features"] = bench.features(arguments.split)
            if name in slow and arguments.part in ("head", "all"):
                found["head"] = bench.head()
            if name in slow and arguments.part in ("fine_tune", "all"):
                found["fine_tune"] = bench.fine_tune()
        show(name, found)
    ratios = {
        f"{part}_{name}_{key}": value
        for name, parts in results.items()
        for part, figures in parts.items()
        for key, value in figures.items()
        if "ratio" in key
    }
    record("train", ratios, results)


def show(name: str, found: dict[str, dict[str, float]]) -> None:
    for part, figures in found.items():
        told = ", ".join(f"{key} {value:g}" for key, value in figures.items())
        print(f"{name:20} {part:10} {told}", flush=True)


class Bench:
    """One model on one folder of records."""

    def __init__(
        self, name: str, params: ModelParams, records: Path, folder: Path, compute: Compute
    ) -> None:
        """Build the backbone.

        Args:
            name: The model's entry in params.yaml.
            params: That entry.
            records: The folder of TFRecords.
            folder: An empty folder for features.
            compute: The devices.
        """
        self.name, self.params, self.records, self.compute = name, params, records, compute
        self.index, self.folder = read_index(records), folder
        self.k = len(self.index.classes)
        self.weights = resolve_weights(params.weights, params.backbone)
        self.backbone = build_backbone(
            params.backbone, params.image_side, self.weights.path, precision=params.precision
        )
        self.cached: Spent = (0.0, 0.0)

    def cache(self) -> None:
        """Cache the features of every side, as the stage does."""
        if not self.cached[0]:
            self.cached = clock(
                lambda: write_features(
                    self.folder, self.params, self.weights, self.records, self.index
                )
            )
            self.backbone = load_backbone(self.folder, read_feature_facts(self.folder))

    def features(self, split: str) -> dict[str, float]:
        """Features from records, and a plain forward pass."""
        count = self.index.splits[split].examples
        encoder = self.encoder()
        pictures = self.pictures(split)
        spent: dict[str, list[Spent]] = {"memory": [], "records": []}
        forward = tf.function(lambda x: encoder(x, training=False), reduce_retracing=True)

        def from_records(folder: str) -> None:
            batches = encoded_batches(encoder, self.records, split)
            shape = (count, int(encoder.output_shape[-1]))
            write_side(batches, shape, split, Path(folder))

        def in_memory() -> None:
            for start in range(0, count, BATCH):
                forward(tf.cast(pictures[start : start + BATCH], tf.float32)).numpy()

        # The first pass of each traces its graph; the best one counts.
        for _ in range(4):
            spent["memory"].append(clock(in_memory))
            with tempfile.TemporaryDirectory() as folder:
                spent["records"].append(clock(partial(from_records, folder)))
        memory, records = min(spent["memory"]), min(spent["records"])
        return {
            "pictures": count,
            "per_second": round(count / records[0], 2),
            "per_second_in_memory": round(count / memory[0], 2),
            "ratio": round(memory[0] / records[0], 3),
            "cpu_ratio": round(memory[1] / records[1], 3),
        }

    def head(self) -> dict[str, float]:
        """A head on cached features, and the frozen backbone inside `fit`."""
        self.cache()
        train, val = (read_feature_side(self.folder, side) for side in ("train", "val"))
        params = TrainParams(epochs=EPOCHS, early_stopping=None)
        fitted: list[Any] = []

        def head() -> None:
            fitted.extend(
                train_head(
                    train,
                    val,
                    self.index.classes,
                    HeadParams(),
                    params,
                    seed=SEED,
                    compute=self.compute,
                )
            )

        fit_wall, fit_cpu = clock(head)
        ours = float((fitted[2].argmax(1) == val.labels).mean())
        accuracies: list[float] = []
        plain_wall, plain_cpu = clock(lambda: accuracies.append(self.plain_keras(params)))
        wall, cpu = self.cached[0] + fit_wall, self.cached[1] + fit_cpu
        return {
            "feature_seconds": round(self.cached[0], 1),
            "head_seconds": round(fit_wall, 1),
            "plain_seconds": round(plain_wall, 1),
            "ratio": round(plain_wall / wall, 2),
            "cpu_ratio": round(plain_cpu / cpu, 2),
            "ratio_features_cached": round(plain_wall / fit_wall, 1),
            "val_accuracy": round(ours, 4),
            "plain_val_accuracy": round(accuracies[0], 4),
        }

    def plain_keras(self, params: TrainParams) -> float:
        """The frozen backbone inside the model, and `fit` over the pictures."""
        picture = picture_input(self.index.channels)
        self.backbone.trainable = False
        features = encode(
            resized(picture, self.params.image_side),
            self.params.backbone,
            self.backbone,
            self.params.pooling,
        )
        x = features
        for width in (1024, 512):
            x = keras.layers.Dropout(0.2)(keras.layers.Dense(width, activation="relu")(x))
        model = keras.Model(picture, keras.layers.Dense(self.k, activation="softmax")(x))
        model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
        train, val = (
            read_records(self.records, side, batch=params.batch).map(
                lambda batch: (batch["image"], batch["label"])
            )
            for side in ("train", "val")
        )
        history = model.fit(train, validation_data=val, epochs=EPOCHS, verbose=0).history
        return float(max(history["val_accuracy"]))

    def fine_tune(self) -> dict[str, float]:
        """Fine-tuning from records, and a plain `fit`."""
        self.cache()
        unfreeze(self.backbone, self.params.fine_tune.unfreeze)
        listed = read_record_side(self.records, "train")
        count, batch = len(listed.labels), self.params.fine_tune.batch
        examples = PictureExamples(
            self.records,
            count,
            side=self.params.image_side,
            batch=batch,
            class_weights=np.ones(self.k, np.float32),
            augmentation=LiveAugmentation(),
            strength=1.0,
            seed=SEED,
        )
        network = self.network()
        optimizer = build_optimizer(self.params.fine_tune, network, examples.steps)
        ends: list[Spent] = []
        labels, logits = np.arange(self.k), np.eye(self.k, dtype=np.float32)
        fitting = Fitting(
            classes=self.index.classes,
            train=examples,
            predict_val=lambda: (labels, logits),
            predict_train=None,
            compute=self.compute,
            on_epoch=lambda row: ends.append(now()),
        )
        fit(network, optimizer, Progress(), 2, fitting)
        bare = self.bare_fit(batch, listed.labels)
        wall, cpu = ends[1][0] - ends[0][0], ends[1][1] - ends[0][1]
        return {
            "pictures": count,
            "per_second": round(count / wall, 2),
            "per_second_bare": round(count / bare[0], 2),
            "ratio": round(bare[0] / wall, 3),
            "cpu_ratio": round(bare[1] / cpu, 3),
        }

    def bare_fit(self, batch: int, labels: np.ndarray) -> Spent:
        """Time of the second epoch of `fit` on resized pictures in memory."""
        pictures = [resize(p, self.params.image_side) for p in self.pictures("train")]
        network = self.network()
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        network.compile(keras.optimizers.Adam(1e-5), loss, metrics=["accuracy"])
        ends: list[Spent] = []
        told = keras.callbacks.LambdaCallback(on_epoch_end=lambda *_: ends.append(now()))
        network.fit(
            tf.stack(pictures), labels, batch_size=batch, epochs=2, verbose=0, callbacks=[told]
        )
        return ends[1][0] - ends[0][0], ends[1][1] - ends[0][1]

    def pictures(self, split: str) -> tf.Tensor:
        """All pictures of a side, uint8."""
        return tf.concat([b["image"] for b in read_records(self.records, split, batch=BATCH)], 0)

    def encoder(self) -> keras.Model:
        """Pictures to features."""
        return build_encoder(
            self.params.backbone,
            self.backbone,
            side=self.params.image_side,
            channels=self.index.channels,
            pooling=self.params.pooling,
        )

    def network(self) -> keras.Model:
        """Resized pictures to logits."""
        train = read_feature_side(self.folder, "train")
        moments = feature_moments(train.values)
        return picture_network(
            self.params.backbone,
            self.backbone,
            lambda dim: build_head(dim, self.k, self.params.head, moments),
            side=self.params.image_side,
            record_channels=self.index.channels,
            channels=self.index.channels,
            pooling=self.params.pooling,
        )


def now() -> Spent:
    """Wall and processor seconds since some moment."""
    return perf_counter(), process_time()


def clock(action: Callable[[], object]) -> Spent:
    """Wall and processor seconds that `action` takes."""
    before = now()
    action()
    after = now()
    return after[0] - before[0], after[1] - before[1]


if __name__ == "__main__":
    main()
