import os
import tarfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bakeoff.features.backbones import build_backbone, build_encoder, preprocessing_layers
from bakeoff.features.efficientnet_lite import build_efficientnet_lite, load_pytorch_weights
from bakeoff.features.imagenet_files import packaged_file
from bakeoff.params.applications import find_application
from bakeoff.runtime.errors import BakeoffError
from bakeoff.runtime.tf import keras
from bakeoff.train.keras_files import load_keras, save_keras
from bakeoff.train.networks import unfreeze

# The published sizes: 4.65, 5.42 and 6.09 million, as PyTorch counts (without running moments).
PARAMETERS = {0: 4_652_008, 1: 5_416_680, 2: 6_092_072}
SIDES = {0: 224, 1: 240, 2: 260}
BLOCKS = {0: 16, 1: 21, 2: 21}
# The largest features of the drawn picture, and all of them in the mean.
GOLDEN = {71: 5.86637, 897: 4.31857, 425: 4.08419, 405: 3.52528, 113: 3.4395, 66: 3.31827}
MEAN = 0.126490
# A picture of the real ones: its class in ImageNet (by the order of their identifiers), and how
# likely the network finds that class.
DOGS = {
    "n02085620-Chihuahua/n02085620_10074.jpg": (151, 0.962),
    "n02088094-Afghan_hound/n02088094_1003.jpg": (160, 0.984),
    "n02111889-Samoyed/n02111889_108.jpg": (258, 0.951),
}


def weights_of(scale: int) -> Path:
    path = packaged_file(find_application(f"EfficientNetLite{scale}"))
    assert path is not None
    return path


def drawn(side: int) -> np.ndarray:
    """A picture made of three slanted waves, float32 `(1, side, side, 3)` of 0..255."""
    y, x = np.mgrid[:side, :side] / side
    waves = [np.sin(7 * x + 3 * y), np.cos(11 * y - 2 * x), np.sin(19 * x * y)]
    return (127.5 + 127.5 * np.stack(waves, axis=-1)[None]).round().astype(np.float32)


@pytest.mark.parametrize("scale", [0, 1, 2])
def test_shapes_and_parameters_are_the_published_ones(scale):
    name, side = f"EfficientNetLite{scale}", SIDES[scale]
    whole = build_efficientnet_lite(name, input_shape=(side, side, 3))
    assert whole.output_shape == (None, 1000)
    assert sum(w.numpy().size for w in whole.trainable_weights) == PARAMETERS[scale]
    kinds = [type(layer) for layer in whole.layers]
    assert kinds.count(keras.layers.DepthwiseConv2D) == BLOCKS[scale]
    headless = build_efficientnet_lite(name, input_shape=(side, side, 3), include_top=False)
    assert headless.output_shape == (None, *[-(-side // 32)] * 2, 1280)
    top = 1280 * 1000 + 1000
    assert whole.count_params() - headless.count_params() == top


@pytest.fixture(scope="module")
def encoder() -> keras.Model:
    backbone = build_backbone("EfficientNetLite0", 224, weights_of(0))
    return build_encoder("EfficientNetLite0", backbone, side=224, channels=3, pooling="avg")


def test_features_of_a_drawn_picture(encoder):
    features = encoder.predict(drawn(224), verbose=0)
    assert features.shape == (1, 1280)
    assert features.dtype == np.float32
    found = {int(index): float(features[0, index]) for index in GOLDEN}
    assert found == pytest.approx(GOLDEN, rel=1e-3)
    assert list(np.argsort(-features[0])[: len(GOLDEN)]) == list(GOLDEN)
    assert features.mean() == pytest.approx(MEAN, rel=1e-3)


def test_features_are_the_same_each_time_and_close_in_every_batch(encoder):
    pictures = np.concatenate([drawn(224), drawn(224)[:, ::-1], drawn(224)[:, :, ::-1]])
    together = encoder.predict(pictures, verbose=0)
    # Convolutions of another batch size may add in another order, by processor.
    alone = [encoder.predict(picture[None], verbose=0)[0] for picture in pictures]
    np.testing.assert_allclose(together, alone, rtol=1e-3, atol=1e-4)
    again = build_backbone("EfficientNetLite0", 224, weights_of(0))
    other = build_encoder("EfficientNetLite0", again, side=224, channels=3, pooling="avg")
    np.testing.assert_array_equal(together, other.predict(pictures, verbose=0))


def test_random_weights_keep_features_apart():
    keras.utils.set_random_seed(1)
    network = build_backbone("EfficientNetLite0", 64)
    small = build_encoder("EfficientNetLite0", network, side=64, channels=3, pooling="avg")
    assert small.predict(drawn(64), verbose=0).std() > 1e-3


@pytest.mark.parametrize(("scale", "of"), [(0, 1), (1, 0), (2, 1)])
def test_weights_of_another_scale_are_refused(scale, of):
    with pytest.raises(
        BakeoffError, match=rf"lite{of}-\w+\.pth: .*file of EfficientNetLite{scale}"
    ):
        build_backbone(f"EfficientNetLite{scale}", 64, weights_of(of))


def test_weights_saved_by_keras_are_taken_too(tmp_path):
    first = build_backbone("EfficientNetLite0", 64, weights_of(0))
    first.save_weights(tmp_path / "mine.weights.h5")
    second = build_backbone("EfficientNetLite0", 64, tmp_path / "mine.weights.h5")
    for one, other in zip(first.get_weights(), second.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_an_exported_encoder_loads_with_plain_keras(encoder, tmp_path):
    save_keras(encoder, tmp_path / "encoder.keras")
    loaded = load_keras(tmp_path / "encoder.keras")
    np.testing.assert_array_equal(
        loaded.predict(drawn(224), verbose=0), encoder.predict(drawn(224), verbose=0)
    )
    ours = {type(layer).__module__ for layer in loaded.get_layer("backbone").layers}
    assert all(module.startswith("keras.") for module in ours)


def test_the_last_layers_can_learn_and_normalisation_stays():
    backbone = build_backbone("EfficientNetLite0", 64)
    assert unfreeze(backbone, 0.3) > 0
    learning = [layer for layer in backbone.layers if layer.trainable_variables]
    assert learning[-1].name == "conv_head"
    assert not any(isinstance(la, keras.layers.BatchNormalization) for la in learning)


@pytest.mark.real_data
@pytest.mark.skipif("BAKEOFF_DATA" not in os.environ, reason="no BAKEOFF_DATA")
def test_imagenet_classes_of_three_dogs():
    network = build_efficientnet_lite("EfficientNetLite0", input_shape=(224, 224, 3))
    load_pytorch_weights(network, "EfficientNetLite0", weights_of(0))
    (scaled,) = preprocessing_layers("EfficientNetLite0")
    with tarfile.open(Path(os.environ["BAKEOFF_DATA"]) / "stanford_dogs_10.tar") as archive:
        for name, (expected, probability) in DOGS.items():
            with Image.open(archive.extractfile(f"Images/{name}")) as picture:
                pixels = np.asarray(picture.convert("RGB"), np.float32)[None]
            (probabilities,) = network.predict(scaled(pixels), verbose=0)
            assert probabilities.argmax() == expected
            assert probabilities.max() == pytest.approx(probability, abs=0.01)
