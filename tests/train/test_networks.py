import keras
import numpy as np
import pytest

from bakeoff.features.backbones import build_backbone
from bakeoff.params.training import ConvBlock, HeadParams
from bakeoff.runtime.errors import BakeoffError
from bakeoff.train.heads import build_head
from bakeoff.train.networks import build_cnn, picture_network, quicken_batch_norm, unfreeze


def whole(backbone, name, hidden, classes, *, side, channels):
    return picture_network(
        name,
        backbone,
        lambda dim: build_head(dim, classes, HeadParams(hidden=hidden)),
        side=side,
        record_channels=channels,
        channels=channels,
        pooling="flatten",
    )


def test_parameters_of_two_convolutions_for_hand_signs():
    blocks = [ConvBlock(filters=(32, 32), padding="valid", pool=2)]
    network = whole(build_cnn(blocks, 64, 3), "cnn", (), 6, side=64, channels=3)
    assert network.count_params() == 182_950


def test_parameters_of_a_perceptron_for_digits():
    network = whole(None, "mlp", (256, 128), 10, side=28, channels=1)
    assert network.count_params() == 235_146


def test_parameters_of_one_convolution_for_digits():
    blocks = [ConvBlock(filters=(32,), padding="same", pool=2)]
    network = whole(build_cnn(blocks, 28, 1), "cnn", (128,), 10, side=28, channels=1)
    assert network.count_params() == 804_554


def test_colour_records_can_be_seen_in_grey():
    network = picture_network(
        "mlp",
        None,
        lambda dim: build_head(dim, 2, HeadParams(hidden=())),
        side=4,
        record_channels=3,
        channels=1,
        pooling="flatten",
    )
    grey = keras.Model(network.input, network.get_layer("pooling").output)
    pictures = np.random.default_rng(0).integers(0, 256, (1, 4, 4, 3)).astype(np.float32)
    luma = pictures @ [0.299, 0.587, 0.114]
    np.testing.assert_allclose(grey(pictures), luma.reshape(1, 16) / 127.5 - 1, atol=1e-5)


def test_blocks_that_leave_nothing_are_refused():
    with pytest.raises(BakeoffError, match="shrink pictures of 8 pixels to nothing"):
        build_cnn([ConvBlock(filters=(4, 4), padding="valid", pool=4)] * 2, 8, 3)
    with pytest.raises(BakeoffError, match="needs 'conv'"):
        build_cnn([], 8, 3)


def test_unfreezing_the_last_share_keeps_batch_norm_in_inference():
    backbone = build_backbone("MobileNetV2", 32)
    count = len(backbone.layers)
    learning = unfreeze(backbone, 0.25)
    first = count - round(0.25 * count)
    for index, layer in enumerate(backbone.layers):
        if isinstance(layer, keras.layers.BatchNormalization):
            assert not layer.trainable
        else:
            assert layer.trainable == (index >= first)
    assert 0 < learning < count
    assert unfreeze(backbone, 0.0) == 0
    assert backbone.trainable_variables == []
    norm = next(la for la in backbone.layers if isinstance(la, keras.layers.BatchNormalization))
    before = [np.array(w) for w in norm.get_weights()]
    unfreeze(backbone, 1.0)
    backbone(np.random.default_rng(0).normal(size=(4, 32, 32, 3)), training=True)
    for old, new in zip(before, norm.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_batch_norm_from_scratch_follows_quickly():
    backbone = build_backbone("MobileNetV2", 32)
    quicken_batch_norm(backbone)
    norms = [la for la in backbone.layers if isinstance(la, keras.layers.BatchNormalization)]
    assert {layer.momentum for layer in norms} == {0.9}
