"""TensorBoard's events, read back with TensorFlow."""

from dataclasses import replace

import numpy as np
import tensorflow as tf

from bakeoff.params.models import ModelParams
from bakeoff.params.training import FineTuneParams, HeadParams, TrainParams
from bakeoff.runtime.devices import prepare
from bakeoff.train.head_training import train_head
from bakeoff.train.job import Job, tensorboard_folder
from tests.tiny_sides import tiny_side


def events(folder):
    """Every summary value below `folder`: file's folder, step, tag, value."""
    found = []
    for path in sorted(folder.rglob("*tfevents*")):
        for event in tf.compat.v1.train.summary_iterator(str(path)):
            found += [(path.parent.name, event.step, v.tag, v) for v in event.summary.value]
    return found


def trained(folder):
    compute = prepare("single", 3)
    return train_head(
        tiny_side(40, 0),
        tiny_side(20, 1),
        ["a", "b", "c"],
        HeadParams(hidden=(8,)),
        TrainParams(epochs=2, early_stopping=None),
        seed=3,
        compute=compute,
        tensorboard=folder,
    )


def test_metrics_histograms_and_the_graph_are_written_and_the_head_is_the_same(tmp_path):
    plain, _, _ = trained(None)
    head, progress, _ = trained(tmp_path)
    for one, two in zip(plain.get_weights(), head.get_weights(), strict=True):
        np.testing.assert_array_equal(one, two)
    found = events(tmp_path)
    scalars = {
        (side, step, tag): float(tf.make_ndarray(value.tensor))
        for side, step, tag, value in found
        if value.metadata.plugin_data.plugin_name == "scalars"
    }
    for row in progress.history:
        epoch = row["epoch"]
        assert scalars["train", epoch, "epoch_loss"] == np.float32(row["loss"])
        assert scalars["validation", epoch, "epoch_accuracy"] == np.float32(row["val_accuracy"])
    histograms = {
        (step, tag)
        for _, step, tag, value in found
        if value.metadata.plugin_data.plugin_name == "histograms"
    }
    assert {(e, "dense_1/kernel/histogram") for e in (1, 2)} <= histograms
    (graph,) = [v for _, _, tag, v in found if tag == "keras"]
    assert graph.metadata.plugin_data.plugin_name == "graph_keras_model"
    assert b'"dense_1"' in graph.tensor.string_val[0]


def test_the_same_training_again_replaces_its_events(tmp_path):
    trained(tmp_path)
    before = len(events(tmp_path))
    trained(tmp_path)
    assert len(events(tmp_path)) == before


def test_every_parameter_has_a_folder_of_its_own(tmp_path):
    (tmp_path / "index.json").write_text("{}")
    params = ModelParams(
        backbone="VGG16",
        image_side=32,
        head=HeadParams(),
        train=TrainParams(tensorboard=True),
        fine_tune=FineTuneParams(),
    )
    compute = prepare("single", 3)
    job = Job("m", params, {}, tmp_path, tmp_path, tmp_path, 3, compute, events=tmp_path / "tb")
    other = params.model_copy(
        update={"train": params.train.model_copy(update={"learning_rate": 1.0})}
    )
    folders = {tensorboard_folder(replace(job, params=p)) for p in (params, other)}
    assert len(folders) == 2
    assert {folder.parent for folder in folders} == {tmp_path / "tb"}
    quiet = params.model_copy(update={"train": TrainParams()})
    assert tensorboard_folder(replace(job, params=quiet)) is None
