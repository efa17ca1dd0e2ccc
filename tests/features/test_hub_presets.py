"""Frozen backbones from tiny random presets, which need the extra `hub`."""

import json

import keras
import numpy as np
import pytest

from bakeoff.features.backbones import build_encoder
from bakeoff.features.frozen import write_features
from bakeoff.features.hub_presets import build_preset, resizing_of
from bakeoff.features.preset_format import read_preset
from bakeoff.features.stored_backbone import load_backbone
from bakeoff.features.weights import resolve_weights
from bakeoff.params.models import FeatureParams
from bakeoff.runtime.devices import prepare
from bakeoff.runtime.errors import BakeoffError
from bakeoff.runtime.files import read_json, sha256_of_folder
from tests.tiny_presets import CLASSES, CONVERTER, needs_hub, write_hugging_face, write_preset
from tests.tiny_records import write_tiny_records

pytestmark = needs_hub


@pytest.fixture(scope="module")
def presets(tmp_path_factory):
    """One preset of each kind, in the folder `presets` of a repository."""
    root = tmp_path_factory.mktemp("repository")
    for kind in CLASSES:
        write_preset(root / "presets" / kind, kind)
    write_hugging_face(root / "presets/from_hf")
    return root / "presets"


def pictures(side=40):
    return np.random.default_rng(0).integers(0, 256, (3, side, side, 3)).astype(np.float32)


def encoder_of(folder, pooling, side=32):
    preset = read_preset(folder)
    return build_encoder(
        f"hub:presets/{folder.name}",
        build_preset(folder, side, pooling, weights=True),
        side=side,
        channels=3,
        pooling=pooling,
        resizing=resizing_of(preset),
    )


def by_hand(folder, pooling):
    """The same features by KerasHub's own converter and its backbone."""
    import keras_hub

    converter = keras_hub.layers.ImageConverter.from_preset(str(folder))
    network = keras_hub.models.Backbone.from_preset(str(folder))
    network = getattr(network, "vision_encoder", network)
    x = np.asarray(converter(pictures()))
    if folder.name == "siglip" and pooling == "patch_mean":
        for layer in (network.embedding, *network.encoder_layers, network.post_layer_norm):
            x = layer(x)
        return np.mean(x, axis=1)
    given = network.input
    x = np.asarray(network({name: x for name in given} if isinstance(given, dict) else x))
    match pooling:
        case "cls":
            return x[:, 0] if x.ndim == 3 else x
        case "patch_mean":
            return x[:, -16:].mean(axis=1)  # 32 pixels in patches of 8
        case "avg":
            return x.mean(axis=(1, 2))
        case "max":
            return x.max(axis=(1, 2))
        case _:
            return x.reshape(len(x), -1)


@pytest.mark.parametrize("kind", CLASSES)
def test_features_are_those_of_keras_hub(presets, kind):
    folder = presets / kind
    for pooling in read_preset(folder).kind.poolings:
        expected = by_hand(folder, pooling)
        found = encoder_of(folder, pooling)(pictures(), training=False)
        np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-3)
        assert np.ptp(expected, axis=0).max() > 1e-3  # the pictures differ


def test_a_folder_in_the_format_of_hugging_face(presets, tmp_path):
    import keras_hub

    source = presets / "from_hf"
    keras_hub.models.Backbone.from_preset(str(source)).save_to_preset(str(tmp_path / "same"))
    mean, deviation = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
    keras_hub.layers.DINOV2ImageConverter(
        **CONVERTER
        | {
            "image_size": (32, 32),
            "scale": (1 / 255 / deviation).tolist(),
            "offset": (-mean / deviation).tolist(),
        }
    ).save_to_preset(str(tmp_path / "same"))
    for pooling in ("cls", "patch_mean"):
        ours = encoder_of(source, pooling)(pictures(), training=False)
        theirs = encoder_of(tmp_path / "same", pooling)(pictures(), training=False)
        np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=1e-3)
    assert (read_preset(source).interpolation, read_preset(source).antialias) == ("bicubic", True)


def test_dinov2_takes_other_sides(presets):
    at_48 = encoder_of(presets / "dinov2", "patch_mean", 48)
    assert at_48(pictures(), training=False).shape == (3, 16)


def written(presets, folder, records, index, monkeypatch, **changes):
    monkeypatch.chdir(presets.parent)
    params = FeatureParams(
        **{"backbone": "hub:presets/dinov2", "image_side": 32, "pooling": "cls"}
        | {"weights": "preset"}
        | changes
    )
    prepare("single", 4)
    folder.mkdir()
    weights = resolve_weights(params.weights, params.backbone)
    return write_features(folder, params, weights, records, index)


def test_the_same_bytes_twice_and_the_backbone_comes_back(presets, tmp_path, monkeypatch):
    records = tmp_path / "records"
    records.mkdir()
    index = write_tiny_records(records)
    facts = written(presets, tmp_path / "a", records, index, monkeypatch)
    written(presets, tmp_path / "b", records, index, monkeypatch)
    assert sha256_of_folder(tmp_path / "a") == sha256_of_folder(tmp_path / "b")
    assert facts["dim"] == 16
    assert facts["weights"]["kind"] == "preset" and not facts["weights"]["fallback"]
    assert str(tmp_path) not in json.dumps(read_json(tmp_path / "a/features.json"))
    monkeypatch.chdir(tmp_path)  # where there is no preset
    again = load_backbone(tmp_path / "a", facts)
    monkeypatch.chdir(presets.parent)
    first = build_preset(presets / "dinov2", 32, "cls", weights=True)
    for ours, theirs in zip(again.get_weights(), first.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_random_weights_of_a_preset_are_named_as_such(presets, tmp_path, monkeypatch):
    records = tmp_path / "records"
    records.mkdir()
    index = write_tiny_records(records)
    facts = written(presets, tmp_path / "a", records, index, monkeypatch, weights="random")
    assert facts["weights"]["kind"] == "random"
    own = build_preset(presets / "dinov2", 32, "cls", weights=True)
    drawn = load_backbone(tmp_path / "a", facts)
    assert any(
        not np.array_equal(a, b)
        for a, b in zip(own.get_weights(), drawn.get_weights(), strict=True)
    )


def test_bfloat16(presets):
    exact, rough = (
        build_preset(presets / "dinov2", 32, "cls", weights=True, precision=precision)
        for precision in ("float32", "mixed_bfloat16")
    )
    assert {w.dtype for w in rough.weights} == {"float32"}
    few = pictures(32)
    gap = np.abs(np.asarray(exact(few), np.float32) - np.asarray(rough(few), np.float32)).max()
    assert 0 < gap < 0.2


def test_damaged_weights_are_one_sentence(presets, tmp_path):
    write_preset(tmp_path / "x", "vit")
    (tmp_path / "x/model.weights.h5").write_bytes(b"no weights")
    with pytest.raises(BakeoffError, match="x: KerasHub cannot read this preset"):
        build_preset(tmp_path / "x", 32, "cls", weights=True)


def test_layers_that_carry_code_are_refused(presets, tmp_path):
    folder = write_preset(tmp_path / "x", "siglip")
    config = read_json(folder / "config.json")
    evil = keras.layers.Lambda(lambda x: x)
    config["config"]["vision_encoder"]["config"]["intermediate_activation"] = (
        keras.saving.serialize_keras_object(evil)
    )
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(BakeoffError, match="cannot read this preset"):
        build_preset(folder, 32, "cls", weights=False)
