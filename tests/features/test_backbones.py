import importlib
import inspect

import keras
import numpy as np
import pytest

from bakeoff.features.backbones import (
    build_backbone,
    build_encoder,
    encode,
    picture_input,
    preprocessing_layers,
    resized,
    use_imagenet_scaling,
)
from bakeoff.params.applications import APPLICATIONS, FAMILIES, LITE, find_application
from bakeoff.runtime.errors import BakeoffError
from bakeoff.runtime.tf import tf

OF_KERAS = sorted(a.name for a in APPLICATIONS.values() if a.family != LITE)


def pixels(side, n=2, channels=3):
    return np.random.default_rng(0).uniform(0, 255, (n, side, side, channels)).astype(np.float32)


def keras_module(family):
    return importlib.import_module(f"keras.applications.{family}")


def test_the_catalogue_names_every_class_that_keras_offers():
    offered = {name for name, _ in inspect.getmembers(keras.applications, inspect.isfunction)}
    assert set(OF_KERAS) == offered


@pytest.mark.parametrize("family", sorted(set(FAMILIES) - {LITE}))
def test_preprocessing_is_that_of_the_keras_module(family):
    name = next(a.name for a in APPLICATIONS.values() if a.family == family)
    pictures = pixels(8)
    expected = keras_module(family).preprocess_input(pictures.copy())
    found = pictures
    for layer in preprocessing_layers(name):
        assert layer.dtype_policy.name == "float32"
        found = layer(found)
    np.testing.assert_allclose(keras.ops.convert_to_numpy(found), expected, atol=1e-4)


def test_an_efficientnet_lite_takes_the_input_of_its_authors():
    (layer,) = preprocessing_layers("EfficientNetLite1")
    pictures = pixels(8)
    np.testing.assert_allclose(layer(pictures), (pictures - 127) / 128, atol=1e-6)
    assert layer.dtype_policy.name == "float32"


def test_inception_without_its_top_has_the_published_number_of_parameters():
    network = build_backbone("InceptionV3", 299)
    assert (network.count_params(), len(network.layers)) == (21_802_784, 311)
    assert network.name == "backbone"


@pytest.mark.parametrize(("pooling", "dim"), [("avg", 512), ("max", 512), ("flatten", 2048)])
def test_encoder_resizes_preprocesses_and_pools(pooling, dim):
    keras.utils.set_random_seed(1)
    network = build_backbone("VGG16", 64)
    encoder = build_encoder("VGG16", network, side=64, channels=3, pooling=pooling)
    pictures = pixels(64)
    found = encoder.predict(pictures, verbose=0)
    maps = network.predict(keras.applications.vgg16.preprocess_input(pictures.copy()), verbose=0)
    pooled = {
        "avg": maps.mean(axis=(1, 2)),
        "max": maps.max(axis=(1, 2)),
        "flatten": maps.reshape(2, -1),
    }
    assert found.shape == (2, dim)
    np.testing.assert_allclose(found, pooled[pooling], rtol=1e-3, atol=1e-4)
    assert encoder.predict(pixels(90), verbose=0).shape == (2, dim)  # any side goes in


def resizing(side, fit, channels=3):
    """As a server traces it, for any height and width, with a layer that needs to know channels."""
    picture = picture_input(channels)
    first = keras.layers.Conv2D(1, 1, name="first")
    first(picture)
    x = resized(picture, side, fit)
    model = keras.Model(picture, [x, first(x)])
    spec = tf.TensorSpec((None, None, None, channels), tf.float32)
    function = tf.function(lambda pictures: model(pictures)[0], input_signature=[spec])
    return lambda pictures: function(pictures).numpy()


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(("fit", "border"), [("pad_black", 0), ("pad_white", 255)])
def test_the_exported_resizing_crops_and_pads_as_the_records_are(fit, border, channels):
    wide = pixels(20, channels=channels)[:, :10]
    for pictures in (wide, wide.transpose(0, 2, 1, 3)):
        height, width = pictures.shape[1:3]
        up, left = (20 - height) // 2, (20 - width) // 2
        frame = [(0, 0), (up, up), (left, left), (0, 0)]
        padded = np.pad(pictures, frame, constant_values=border)
        np.testing.assert_array_equal(resizing(20, fit, channels)(pictures), padded)
        middle = pictures[:, left : left + 10, up : up + 10]
        np.testing.assert_array_equal(resizing(10, "crop", channels)(pictures), middle)


def test_square_pictures_are_resized_alike_and_stretching_stays_what_it_was():
    plain = keras.layers.Resizing(24, 24, name="resizing", dtype="float32")
    assert resized(picture_input(3), 24)._keras_history.operation.get_config() == plain.get_config()
    for side in (24, 37, 300):
        expected = plain(pixels(side)).numpy()
        for fit in ("stretch", "crop", "pad_black", "pad_white"):
            np.testing.assert_array_equal(resizing(24, fit)(pixels(side)), expected)
    wide = pixels(30)[:, :11]
    np.testing.assert_array_equal(resizing(24, "stretch")(wide), plain(wide).numpy())


def test_grey_pictures_become_three_equal_channels():
    network = build_backbone("VGG16", 32)
    grey = pixels(32, channels=1)
    one = build_encoder("VGG16", network, side=32, channels=1, pooling="avg")
    three = build_encoder("VGG16", network, side=32, channels=3, pooling="avg")
    np.testing.assert_array_equal(
        one.predict(grey, verbose=0), three.predict(np.repeat(grey, 3, axis=-1), verbose=0)
    )


@pytest.mark.parametrize("precision", ["mixed_bfloat16", "mixed_float16"])
def test_precision_changes_the_backbone_but_not_what_goes_in_and_comes_out(precision):
    keras.utils.set_random_seed(1)
    exact = build_backbone("VGG16", 32)
    rough = build_backbone("VGG16", 32, precision=precision)
    rough.set_weights(exact.get_weights())
    assert keras.config.dtype_policy().name == "float32"
    assert rough.layers[1].dtype_policy.name == precision
    assert rough.layers[1].kernel.dtype == "float32"
    features = []
    for network in (exact, rough):
        encoder = build_encoder("VGG16", network, side=32, channels=3, pooling="avg")
        features.append(encoder.predict(pixels(32), verbose=0))
    assert features[1].dtype == np.float32
    assert np.corrcoef(features[0].ravel(), features[1].ravel())[0, 1] > 0.99
    assert not np.array_equal(*features)


def test_random_weights_follow_the_seed():
    kernels = []
    for seed in (1, 1, 2):
        keras.utils.set_random_seed(seed)
        kernels.append(build_backbone("VGG16", 32).get_weights()[0])
    np.testing.assert_array_equal(kernels[0], kernels[1])
    assert not np.array_equal(kernels[0], kernels[2])


def test_weights_of_another_class_are_refused_in_one_sentence(tmp_path):
    build_backbone("VGG16", 32).save_weights(tmp_path / "vgg16.weights.h5")
    with pytest.raises(BakeoffError, match=r"vgg16\.weights\.h5: these weights do not fit VGG19"):
        build_backbone("VGG19", 32, tmp_path / "vgg16.weights.h5")
    (tmp_path / "page.h5").write_text("<html>")
    with pytest.raises(BakeoffError, match=r"page\.h5: these weights do not fit"):
        build_backbone("VGG16", 32, tmp_path / "page.h5")


def test_a_file_that_lacks_layers_is_refused(tmp_path):
    import h5py

    build_backbone("VGG16", 32).save_weights(tmp_path / "part.weights.h5")
    with h5py.File(tmp_path / "part.weights.h5", "a") as file:
        del file["layers/conv2d_5"]
    with pytest.raises(BakeoffError, match=r"part\.weights\.h5: these weights do not fit VGG16"):
        build_backbone("VGG16", 32, tmp_path / "part.weights.h5")


def test_too_small_a_side_is_refused():
    with pytest.raises(BakeoffError, match="too small for InceptionV3"):
        build_backbone("InceptionV3", 74)


def keras_own(name, side, weights, monkeypatch):
    """What Keras itself builds for `weights="imagenet"`, and which file it asks for."""
    from keras.src.utils import file_utils

    asked = {}

    def get_file(fname, origin, *, cache_subdir, file_hash=None):
        asked.update(name=fname, url=origin, hash=file_hash)
        return str(weights)

    monkeypatch.setattr(file_utils, "get_file", get_file)
    builder = getattr(keras.applications, name)
    return builder(include_top=False, weights="imagenet", input_shape=(side, side, 3)), asked


def agrees_with_keras(name, tmp_path, monkeypatch):
    application = find_application(name)
    side = -(-application.smallest_side // 32) * 32
    keras.utils.set_random_seed(3)
    weights = tmp_path / f"{name}.weights.h5"
    build_backbone(name, side).save_weights(weights)
    with pytest.MonkeyPatch.context() as patch:
        theirs, asked = keras_own(name, side, weights, patch)
    # The first MobileNets have one file per side; ours is the one for 224 pixels.
    if application.family not in ("mobilenet", "mobilenet_v2"):
        assert asked["name"] == application.cached_file
        assert asked["url"] == application.weights_url
    assert asked["hash"] == application.weights_hash
    ours = build_backbone(name, side, weights)
    use_imagenet_scaling(ours, name)
    pictures = pixels(side)
    module = keras_module(application.family)
    expected = theirs(module.preprocess_input(pictures.copy()), training=False)
    picture = keras.Input((side, side, 3))
    encoder = keras.Model(picture, encode(picture, name, ours, "flatten"))
    found = keras.ops.convert_to_numpy(encoder(pictures, training=False))
    expected = keras.ops.convert_to_numpy(expected).reshape(found.shape)
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-4 * np.abs(expected).max())


@pytest.mark.parametrize("name", ["EfficientNetB0", "MobileNetV3Small"])
def test_some_backbones_agree_with_what_keras_builds(name, tmp_path, monkeypatch):
    agrees_with_keras(name, tmp_path, monkeypatch)


@pytest.fixture
def freed():
    """The largest backbones fill gigabytes; let go of each before the next."""
    yield
    keras.backend.clear_session(free_memory=True)


@pytest.mark.slow
@pytest.mark.usefixtures("freed")
@pytest.mark.parametrize("name", OF_KERAS)
def test_every_backbone_agrees_with_what_keras_builds(name, tmp_path, monkeypatch):
    agrees_with_keras(name, tmp_path, monkeypatch)


@pytest.mark.slow
@pytest.mark.usefixtures("freed")
@pytest.mark.parametrize("name", OF_KERAS)
def test_every_backbone_refuses_what_keras_refuses(name):
    smallest = find_application(name).smallest_side
    build_backbone(name, smallest)
    with pytest.raises(ValueError, match="at least"):
        getattr(keras.applications, name)(
            include_top=False, weights=None, input_shape=(smallest - 1, smallest - 1, 3)
        )
