"""Networks trained on pictures take a fold as a split of its own."""

import numpy as np
import pandas as pd
import pytest

from bakeoff.features.frozen import write_features
from bakeoff.features.sides import read_feature_facts, read_feature_side, read_record_side
from bakeoff.features.stored_backbone import WEIGHTS_FILE
from bakeoff.features.weights import resolve_weights
from bakeoff.folds.model import FoldsJob, predict_in_folds
from bakeoff.folds.out_of_fold import read_folds, write_folds
from bakeoff.folds.picture_networks import read_record_pool
from bakeoff.params.baselines import ForestParams, LogisticParams
from bakeoff.params.models import ModelParams
from bakeoff.params.training import FineTuneParams, HeadParams, TrainParams
from bakeoff.runtime.devices import prepare
from bakeoff.tfrecord.numpy_reading import record_batches
from bakeoff.tfrecord.regrouping import regroup_records
from bakeoff.train.job import Job
from bakeoff.train.model_training import train_model
from tests.tiny_records import write_tiny_records

SPLITS = ("train", "val", "test")
TEACHING = {"head": HeadParams(hidden=(4,)), "train": TrainParams(epochs=1)}


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    folder = tmp_path_factory.mktemp("records")
    return folder, write_tiny_records(folder, 32)


@pytest.fixture(scope="module")
def folds(records):
    """Pictures to three folds by turns within a class, once."""
    ids = np.concatenate([read_record_side(records[0], split).image_ids for split in SPLITS])
    numbers = np.array([int(name[-4:]) for name in ids])
    return pd.DataFrame({"image_id": ids, "repeat": 0, "fold": numbers // 3 % 3})


def job(records, folds, root, params):
    compute = prepare("single", 3)
    features = root / "features"
    if not features.exists():
        features.mkdir(parents=True)
        weights = resolve_weights(params.weights, params.backbone)
        write_features(features, params, weights, *records)
    facts, resume = read_feature_facts(features), root / "resume"
    model = Job("tiny", params, facts, features, records[0], resume, 3, compute)
    return FoldsJob(model, LogisticParams(), ForestParams(trees=3), "one", folds, False)


def test_records_are_regrouped_whole(records, folds, tmp_path):
    pool = read_record_pool(records[0], folds, balanced=False)
    part = pool.parts()[0]
    numbers = pool.side.values[part.test, 0].astype(int)
    count = len(pool.side.labels)
    order = np.argsort(pool.side.values[:, 0])
    regroup_records(
        records[0],
        {"test": numbers},
        pool.side.labels[order],
        (np.arange(count) < pool.originals)[order],
        tmp_path,
    )
    wanted = pool.side.take(part.test)
    (found,) = record_batches(tmp_path, "test")
    assert found.image_ids.tolist() == wanted.image_ids.tolist()
    assert found.labels.tolist() == wanted.labels.tolist()
    before = {
        image_id: picture
        for split in SPLITS
        for batch in record_batches(records[0], split)
        for image_id, picture in zip(batch.image_ids, batch.images, strict=True)
    }
    for image_id, picture in zip(found.image_ids, found.images, strict=True):
        np.testing.assert_array_equal(picture, before[image_id])


def test_a_network_from_scratch_is_scored_on_one_fold(records, folds, tmp_path):
    params = ModelParams(backbone="mlp", image_side=16, fine_tune=FineTuneParams(), **TEACHING)
    told = []
    for root in (tmp_path / "one", tmp_path / "two"):
        predicted = predict_in_folds(job(records, folds, root, params))
        (root / "out").mkdir()
        write_folds(root / "out", predicted)
        told.append(read_folds(root / "out"))
        np.random.default_rng().random()
    (network,), (again,) = (said.values() for said in told)
    assert network.recipe == "network"
    np.testing.assert_array_equal(network.probabilities, again.probabilities)
    first = folds.set_index("image_id")["fold"]
    tested = ~np.isnan(network.probabilities).any(axis=(0, 2))
    assert (tested == (first[network.image_ids] == 0)).all()
    assert network.folds.tolist() == [first[network.image_ids].tolist()]


def test_a_fine_tuned_network_stands_beside_its_frozen_twin(records, folds, tmp_path, monkeypatch):
    params = ModelParams(
        backbone="VGG16",
        image_side=32,
        weights="random",
        fine_tune=FineTuneParams(epochs=1, unfreeze=0.1),
        **TEACHING,
    )
    asked = job(records, folds, tmp_path, params)
    trained = []

    def watched(own):
        trained.append({split: read_feature_side(own.features, split) for split in SPLITS})
        assert (own.features / WEIGHTS_FILE).read_bytes() == (
            tmp_path / "features" / WEIGHTS_FILE
        ).read_bytes()
        for split in SPLITS:
            assert trained[-1][split].sha256 == read_record_side(own.records, split).sha256
        return train_model(own)

    monkeypatch.setattr("bakeoff.folds.picture_networks.train_model", watched)
    predicted = predict_in_folds(asked)
    assert set(predicted.recipes) == {"head", "logistic", "forest", "network"}
    (sides,) = trained
    fold = folds.set_index("image_id")["fold"]
    assert (fold[sides["train"].image_ids] == 2).all()
    assert (fold[sides["val"].image_ids] == 1).all()
    assert (fold[sides["test"].image_ids] == 0).all()
    assert "mirror_horizontal" in sides["train"].transforms
    everywhere = {
        (name, how): row
        for split in SPLITS
        for side in [read_feature_side(tmp_path / "features", split)]
        for name, how, row in zip(side.image_ids, side.transforms, side.values, strict=True)
    }
    for side in sides.values():
        for name, how, row in zip(side.image_ids, side.transforms, side.values, strict=True):
            np.testing.assert_array_equal(row, everywhere[name, how])
    # Nothing of the temporary split is left, and the finished fold is found again.
    assert not list((tmp_path / "resume/folds").glob("*-split"))
    again = predict_in_folds(asked)
    assert len(trained) == 1
    np.testing.assert_array_equal(
        again.recipes["network"].probabilities, predicted.recipes["network"].probabilities
    )
