import json
import zipfile

import keras
import numpy as np
import pytest

from bakeoff.runtime.errors import BakeoffError
from bakeoff.train.keras_files import load_keras, save_keras


def network(seed=1):
    keras.utils.set_random_seed(seed)
    keras.backend.clear_session(free_memory=False)
    shared = keras.layers.Dense(4)
    inputs = keras.Input((4,), name="x")
    return keras.Model(inputs, shared(shared(inputs)), name="network")


def test_equal_models_give_equal_bytes_and_others_others(tmp_path):
    for name, seed in (("a", 1), ("b", 1), ("c", 5)):
        save_keras(network(seed), tmp_path / f"{name}.keras")
    a, b, c = (path.read_bytes() for path in sorted(tmp_path.iterdir()))
    assert a == b
    assert a != c


def test_no_date_is_left(tmp_path):
    save_keras(network(), tmp_path / "a.keras")
    with zipfile.ZipFile(tmp_path / "a.keras") as archive:
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert set(json.loads(archive.read("metadata.json"))) == {"keras_version"}


def test_what_is_loaded_is_what_was_saved(tmp_path):
    model = network()
    save_keras(model, tmp_path / "a.keras")
    inputs = np.ones((2, 4), np.float32)
    np.testing.assert_array_equal(load_keras(tmp_path / "a.keras")(inputs), model(inputs))


def test_code_inside_a_model_is_refused(tmp_path):
    inputs = keras.Input((4,))
    model = keras.Model(inputs, keras.layers.Lambda(lambda x: x + 1)(inputs))
    model.save(tmp_path / "evil.keras")
    with pytest.raises(BakeoffError, match="not a readable Keras model"):
        load_keras(tmp_path / "evil.keras")
