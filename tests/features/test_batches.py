import keras
import numpy as np
import pandas as pd
import pytest

from bakeoff.features.backbones import build_backbone, build_encoder
from bakeoff.features.batches import encoded_batches
from bakeoff.features.frozen import write_features
from bakeoff.features.sides import read_feature_facts
from bakeoff.features.stored_backbone import WEIGHTS_FILE, load_backbone
from bakeoff.features.weights import resolve_weights
from bakeoff.params.models import FeatureParams
from bakeoff.runtime.devices import prepare
from bakeoff.runtime.errors import BakeoffError
from bakeoff.runtime.files import sha256_of_folder
from bakeoff.tfrecord.reading import read_records
from tests.tiny_records import CLASSES, COUNTS, write_tiny_records


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    folder = tmp_path_factory.mktemp("records")
    return folder, write_tiny_records(folder)


def write(records, folder, **changes):
    params = FeatureParams(
        **({"backbone": "VGG16", "image_side": 32, "weights": "random"} | changes)
    )
    prepare("single", 4)
    folder.mkdir()
    weights = resolve_weights(params.weights, params.backbone)
    return write_features(folder, params, weights, records[0], records[1])


def test_features_are_the_encoders_in_export_order(records, tmp_path):
    facts = write(records, tmp_path / "f")
    assert facts["dim"] == 512
    encoder = build_encoder(
        "VGG16", load_backbone(tmp_path / "f", facts), side=32, channels=3, pooling="avg"
    )
    for split, count in COUNTS.items():
        values = np.load(tmp_path / "f" / f"{split}.npy")
        rows = pd.read_csv(tmp_path / "f" / f"{split}.csv")
        assert values.shape == (count, 512) and values.dtype == np.float32
        np.save(tmp_path / "as NumPy would.npy", values)
        written = (tmp_path / "f" / f"{split}.npy").read_bytes()
        assert written == (tmp_path / "as NumPy would.npy").read_bytes()
        assert list(rows.columns) == ["image_id", "transform", "label", "group"]
        (batch,) = read_records(records[0], split, batch=count)
        assert list(rows["image_id"]) == [t.decode() for t in batch["image_id"].numpy()]
        assert list(rows["label"]) == list(batch["label"].numpy())
        # One picture at a time, so that a mistaken order cannot hide.
        for index in (0, count - 1):
            one = encoder(np.float32(batch["image"][index : index + 1]), training=False)
            np.testing.assert_allclose(values[index], one[0], rtol=1e-3, atol=1e-4)


def test_the_record_says_all_and_holds_no_path(records, tmp_path):
    write(records, tmp_path / "f", pooling="max")
    facts = read_feature_facts(tmp_path / "f")
    assert facts["classes"] == list(CLASSES)
    assert (facts["record_side"], facts["channels"], facts["layers"]) == (40, 3, 19)
    assert facts["parameters"] == 14_714_688
    assert facts["weights"]["kind"] == "random" and len(facts["weights"]["sha256"]) == 64
    assert str(tmp_path) not in (tmp_path / "f" / "features.json").read_text()


def test_a_second_run_gives_the_same_bytes(records, tmp_path):
    write(records, tmp_path / "one")
    write(records, tmp_path / "two")
    assert sha256_of_folder(tmp_path / "one") == sha256_of_folder(tmp_path / "two")


def test_weights_from_a_file_are_the_ones_used(records, tmp_path):
    keras.utils.set_random_seed(99)
    network = build_backbone("VGG16", 32)
    network.save_weights(tmp_path / "mine.weights.h5")
    facts = write(records, tmp_path / "f", weights=str(tmp_path / "mine.weights.h5"))
    assert facts["weights"]["file"] == "mine.weights.h5"
    for a, b in zip(
        network.get_weights(), load_backbone(tmp_path / "f", facts).get_weights(), strict=True
    ):
        np.testing.assert_array_equal(a, b)


def test_a_network_from_scratch_has_no_features(records, tmp_path):
    facts = write(records, tmp_path / "cnn", backbone="cnn")
    assert facts["from_scratch"]
    assert [p.name for p in (tmp_path / "cnn").iterdir()] == ["features.json"]
    write(records, tmp_path / "all", trainable="all")
    assert {p.name for p in (tmp_path / "all").iterdir()} == {"features.json", WEIGHTS_FILE}


def test_features_that_overflow_are_refused(records):
    picture = keras.Input((None, None, 3))
    pooled = keras.layers.GlobalAveragePooling2D()(keras.layers.Rescaling(1e38)(picture))
    huge = keras.Model(picture, keras.layers.Rescaling(1e3)(pooled))
    with pytest.raises(BakeoffError, match="not finite: the backbone's numbers overflowed"):
        list(encoded_batches(huge, records[0], "val"))


def test_missing_features_are_reported_in_one_sentence(tmp_path):
    with pytest.raises(BakeoffError, match="run `dvc repro features@vgg16`"):
        read_feature_facts(tmp_path / "vgg16")
