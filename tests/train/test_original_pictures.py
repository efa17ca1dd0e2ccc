"""The exported network makes of a picture as it is what its record holds."""

import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from bakeoff.params.data import TfrecordParams
from bakeoff.pictures.squares import to_record_picture
from bakeoff.runtime.files import sha256_of_file
from bakeoff.train.keras_files import load_keras, save_keras
from bakeoff.train.original_pictures import as_records, record_input

SIDE = 24
SIZES = ((90, 61), (53, 80), (7, 100), (11, 11), (24, 24))


def scene(height: int, width: int, channels: int) -> np.ndarray:
    """Coarse patches and noise, with black and white, uint8."""
    rng = np.random.default_rng(height * width)
    patches = rng.integers(0, 256, (height // 7 + 2, width // 7 + 2, channels))
    whole = patches.repeat(7, axis=0).repeat(7, axis=1)[:height, :width]
    return np.clip(whole + rng.integers(-15, 15, whole.shape), 0, 255).astype(np.uint8)


def front(mode: str, channels: int, fit: str) -> keras.Model:
    picture = keras.Input((None, None, channels), name="picture")
    facts = {"mode": mode, "channels": channels, "record_side": SIDE, "fit": fit}
    return keras.Model(picture, as_records(picture, facts), name="model")


@pytest.mark.parametrize(
    ("mode", "channels", "fit"),
    [
        *itertools.product(["RGB"], [1, 3], ["stretch", "crop", "pad_black", "pad_white"]),
        ("L", 3, "stretch"),
        ("L", 3, "pad_white"),
    ],
)
def test_files_become_records_to_the_last_level(tmp_path, mode, channels, fit):
    save_keras(front(mode, channels, fit), tmp_path / "model.keras")
    model = load_keras(tmp_path / "model.keras")  # plain Keras, in safe mode
    spec = tf.TensorSpec((None, None, None, channels), tf.float32)
    graph = tf.function(lambda x: model(x, training=False), input_signature=[spec])
    params = TfrecordParams(image_side=SIDE, channels=channels, fit=fit)
    for height, width in SIZES:
        pixels = scene(height, width, channels)
        picture = Image.fromarray(pixels if channels == 3 else pixels[..., 0])
        record = to_record_picture(picture.convert("L") if mode == "L" else picture, params)
        (found,) = graph(tf.constant(pixels[None], tf.float32)).numpy()
        gap = np.abs(found - record)
        assert gap.max() <= 1
        assert (gap > 0).mean() < 0.02
        (again,) = graph(tf.constant(record[None], tf.float32)).numpy()
        np.testing.assert_array_equal(again, record)  # a record passes unchanged


def test_the_rest_of_the_network_takes_records(tmp_path):
    whole = front("RGB", 3, "stretch")
    x = keras.layers.Resizing(8, 8, name="resizing")(whole.output)
    pooled = keras.layers.GlobalAveragePooling2D(name="pooling")(x)
    model = keras.Model(whole.input, keras.layers.Softmax()(pooled))
    record = scene(SIDE, SIDE, 3)[None].astype(np.float32)
    for output in (model.output, model.get_layer("pooling").output):
        rest = keras.Model(record_input(model), output)
        np.testing.assert_array_equal(rest(record), keras.Model(model.input, output)(record))
    assert rest.input_shape == (None, SIDE, SIDE, 3)
    plain = keras.Model(x, pooled)
    assert record_input(plain) is plain.input


def test_equal_networks_are_equal_files(tmp_path):
    for name in ("one", "two"):
        save_keras(front("L", 3, "crop"), tmp_path / f"{name}.keras")
    assert sha256_of_file(tmp_path / "one.keras") == sha256_of_file(tmp_path / "two.keras")
