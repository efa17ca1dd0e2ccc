"""Which training pictures a new one is compared with, and when it is compared with none."""

import json

import numpy as np
import pytest

from bakeoff.runtime.errors import BakeoffError
from bakeoff.serve.predictor import load_predictor
from bakeoff.serve.training_side import read_training_side
from tests.serve.tiny_page import WEIGHTS, write_repository


@pytest.fixture
def models(tmp_path, monkeypatch):
    write_repository(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path / "models"


@pytest.mark.parametrize("name", ["net", "logistic_net", "random_forest"])
def test_a_training_picture_is_its_own_nearest(models, name):
    predictor, side = load_predictor(models / name), read_training_side(models / name)
    assert len(side.image_ids) == len(side.labels) == 12  # the other 12 examples are copies
    for place, image_id in enumerate(side.image_ids):
        pixels = predictor.picture(side.paths[image_id])
        near = side.familiarity.nearest(side.describe(pixels[None])[0], 3)
        assert near.places[0] == place
        assert near.distances[0] < 1e-3
        assert near.distances[1] > 1e-3


def test_a_picture_of_another_colour_is_unlike(models):
    predictor, side = load_predictor(models / "net"), read_training_side(models / "net")
    black_and_red = np.zeros((9, 9, 3), np.uint8)
    black_and_red[..., 0] = 200
    values = side.describe(predictor.picture(black_and_red)[None])[0]
    assert side.familiarity.nearest(values, 1).distances[0] > side.familiarity.limit
    assert side.described_by == "features of net"


def test_files_of_another_training_are_refused(models):
    metadata = json.loads((models / "net/metadata.json").read_text())
    (models / "net/metadata.json").write_text(json.dumps(metadata | {"train_ids_sha256": "0"}))
    with pytest.raises(BakeoffError, match="no longer those of this repository"):
        read_training_side(models / "net")
    other = {"weights": WEIGHTS | {"kind": "imagenet"}}
    (models.parent / "data/features/net/features.json").write_text(json.dumps(other))
    with pytest.raises(BakeoffError, match="of other weights"):
        read_training_side(models / "logistic_net")
    (models.parent / "data/features/net/features.json").unlink()
    with pytest.raises(BakeoffError, match="dvc repro features@net"):
        read_training_side(models / "logistic_net")


def test_a_network_trained_on_pictures_is_compared_with_none(models):
    metadata = json.loads((models / "net/metadata.json").read_text())
    (models / "net/metadata.json").write_text(json.dumps(metadata | {"kind": "fine_tuned"}))
    with pytest.raises(BakeoffError, match="neither a frozen backbone nor"):
        read_training_side(models / "net")
