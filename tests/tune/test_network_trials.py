"""Searches of real heads and networks, on features and pictures made up here."""

import keras
import numpy as np
import pandas as pd
import pytest

from bakeoff.features.frozen import write_features
from bakeoff.features.sides import read_feature_facts, read_feature_side
from bakeoff.features.weights import resolve_weights
from bakeoff.params.found import read_found
from bakeoff.params.models import ModelParams
from bakeoff.params.training import FineTuneParams, HeadParams, TrainParams
from bakeoff.params.tuning import Dimension, Searched, Tuning
from bakeoff.runtime.devices import prepare
from bakeoff.runtime.files import read_json, sha256_of_folder
from bakeoff.tfrecord.index import read_index
from bakeoff.train.head_training import train_head
from bakeoff.train.job import Job
from bakeoff.train.model_training import train_model
from bakeoff.tune.network_trials import network_objective
from bakeoff.tune.searching import search_values
from tests.tiny_records import CLASSES, write_tiny_records
from tests.tiny_sides import tiny_side

SPACE = (
    Searched("head", "dropout", Dimension(low=0.0, high=0.5), whole=False),
    Searched("head", "hidden", Dimension(choices=([], [8])), whole=False),
    Searched("train", "learning_rate", Dimension(low=0.0005, high=0.1, log=True), whole=False),
)


@pytest.fixture
def workshop(tmp_path, monkeypatch):
    """Records of three classes, and an `mlruns/` of its own."""
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    return tmp_path


def make_params(**changes):
    return ModelParams(
        **{
            "backbone": "VGG16",
            "image_side": 32,
            "weights": "random",
            "head": HeadParams(hidden=(8,)),
            "train": TrainParams(epochs=3, early_stopping=None),
            "fine_tune": FineTuneParams(),
        }
        | changes
    )


def head_job(root):
    """A job on made-up features; nothing else of a model is there."""
    features = root / "features"
    features.mkdir()
    for number, (split, count) in enumerate({"train": 60, "val": 30, "test": 30}.items()):
        side = tiny_side(count, number)
        np.save(features / f"{split}.npy", side.values)
        columns = {"image_id": side.image_ids, "transform": side.transforms}
        columns |= {"label": side.labels, "group": side.groups}
        pd.DataFrame(columns).to_csv(features / f"{split}.csv", index=False)
    facts = {
        "classes": list(CLASSES),
        "weights": {"kind": "imagenet"},
        "precision": "float32",
        "pooling": "avg",
    }
    compute = prepare("single", 7)
    return Job("vgg16", make_params(), facts, features, root, root / "resume", 7, compute)


def picture_job(root, **changes):
    """A job of a model with random weights, with records and features."""
    params, compute = make_params(**changes), prepare("single", 7)
    records, features = root / "records", root / "features"
    write_tiny_records(records)
    features.mkdir()
    weights = resolve_weights(params.weights, params.backbone)
    write_features(features, params, weights, records, read_index(records))
    facts = read_feature_facts(features)
    return Job("vgg16", params, facts, features, records, root / "resume", 7, compute)


def search(job, folder, trials, space=SPACE):
    objective, inputs = network_objective(job)
    tuning = Tuning(trials, "tpe", True, space)
    return search_values(
        folder, tuning, job.params, objective, inputs=inputs, seed=job.seed, stage="tune"
    )


def forget_test_side(root):
    """Remove whatever tells of the test side; a search must not notice."""
    gone = [p for place in ("records", "features") for p in (root / place).glob("test*")]
    assert gone
    for path in gone:
        path.unlink()


def test_the_search_of_a_head(workshop, monkeypatch):
    job = head_job(workshop)
    forget_test_side(workshop)
    found = search(job, workshop / "search/vgg16", 8)
    folder = workshop / "search/vgg16"
    assert {p.name for p in folder.iterdir()} == {
        "best.json",
        "trials.csv",
        "importances.csv",
    }
    trials = pd.read_csv(folder / "trials.csv")
    assert trials["number"].tolist() == list(range(8))
    assert set(trials.columns[5:]) == {"head.dropout", "head.hidden", "train.learning_rate"}
    best = read_json(folder / "best.json")
    assert best["cohen_kappa"] == pytest.approx(
        trials.query("state == 'complete'")["cohen_kappa"].max()
    )
    importances = pd.read_csv(folder / "importances.csv")
    assert importances["importance"].sum() == pytest.approx(1)
    assert read_found(folder) == found
    # Training with what was found ends where the trial ended.
    params, sides = (
        found.applied_to(job.params),
        (read_feature_side(job.features, s) for s in ("train", "val")),
    )
    compute = prepare("single", 7)
    classes = job.facts["classes"]
    _, progress, _ = train_head(*sides, classes, params.head, params.train, seed=7, compute=compute)
    assert progress.best_score == best["cohen_kappa"]
    # Another machine, or a forgotten study, gives the same bytes.
    before = sha256_of_folder(folder)
    monkeypatch.setenv("DVC_ROOT", str(workshop / "elsewhere"))
    search(job, folder, 8)
    assert sha256_of_folder(folder) == before


def replace_params(job, found):
    return Job(**(vars(job) | {"params": found.applied_to(job.params)}))


def test_other_features_or_values_are_another_study(workshop):
    job = head_job(workshop)
    studies = workshop / "mlruns/studies"
    search(job, workshop / "search/vgg16", 2)
    search(job, workshop / "search/vgg16", 3)
    assert len(list(studies.glob("*.db"))) == 1
    values = np.load(workshop / "features/train.npy")
    np.save(workshop / "features/train.npy", values * 2)
    search(job, workshop / "search/vgg16", 2)
    assert len(list(studies.glob("*.db"))) == 2
    other = job.params.model_copy(update={"train": TrainParams(epochs=2)})
    search(Job(**(vars(job) | {"params": other})), workshop / "search/vgg16", 2)
    assert len(list(studies.glob("*.db"))) == 3


def test_a_network_from_scratch_is_searched_on_pictures(workshop):
    job = picture_job(workshop, backbone="mlp", image_side=16)
    forget_test_side(workshop)
    found = search(job, workshop / "search/mlp", 3)
    assert found.trials == 3
    assert not any((workshop / "resume").glob("*"))


@pytest.mark.slow
def test_the_unfrozen_share_is_searched_with_the_pictures(workshop):
    fine_tune = FineTuneParams(epochs=1, batch=8)
    job = picture_job(workshop, fine_tune=fine_tune, train=TrainParams(epochs=1))
    forget_test_side(workshop)
    share = Searched("fine_tune", "unfreeze", Dimension(choices=(0.1, 1.0)), whole=False)
    found = search(job, workshop / "search/vgg16", 3, (share,))
    assert set(found.values) == {"fine_tune.unfreeze"}
    trials = pd.read_csv(workshop / "search/vgg16/trials.csv")
    assert (trials["epochs"] == 2).all()  # the head's and the second phase's
    keras.utils.set_random_seed(7)
    trained, _, _ = train_model(replace_params(job, found))
    best = read_json(workshop / "search/vgg16/best.json")
    assert trained.history[trained.best_epoch - 1]["val_cohen_kappa"] == best["cohen_kappa"]
