"""How `backbone: hub:…` is written, and what is said where KerasHub is missing."""

import importlib.util

import pytest
import yaml

from bakeoff.params import hub
from bakeoff.params.hub import check_preset, preset_reference, require_keras_hub
from bakeoff.params.models import read_feature_params, read_model_params
from bakeoff.runtime.errors import BakeoffError
from tests.tiny_repository import ROOT


@pytest.fixture
def listed(tmp_path, monkeypatch):
    """An installed KerasHub that lists two presets."""
    folder = tmp_path / "keras_hub/src/models/dinov2"
    folder.mkdir(parents=True)
    rows = {n: {"kaggle_handle": f"kaggle://k/{n}/1"} for n in ("dinov2_small", "dinov2_base")}
    (folder / "dinov2_presets.py").write_text(f"backbone_presets = {rows!r}\n")
    monkeypatch.setattr(hub, "require_keras_hub", lambda: tmp_path / "keras_hub")


def entry(tmp_path, **keys):
    params = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    params["models"] = {"m": keys}
    path = tmp_path / "params.yaml"
    path.write_text(yaml.safe_dump(params), encoding="utf-8")
    return path


def test_a_preset_is_what_follows_the_prefix():
    assert preset_reference("hub:hf://a/b@main") == "hf://a/b@main"
    assert preset_reference("VGG16") is None and preset_reference(7) is None


@pytest.mark.parametrize(
    "reference", ["dinov2_small", "presets/mine", "hf://owner/name", "hf://owner/name@0f3"]
)
def test_what_names_a_preset(listed, reference):
    check_preset(reference)


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ("dinov2_smal", "did you mean dinov2_small"),
        ("bert", "name one that docs/backbones.md lists"),
        ("/data/mine", "write hub:presets/mine"),
        ("presets/../mine", "no folder in presets/"),
        ("presets/..", "no folder in presets/"),
        ("hf://name", "must look like hub:hf://owner/name"),
    ],
)
def test_what_names_none(listed, reference, message):
    with pytest.raises(BakeoffError, match=message):
        check_preset(reference)


def test_the_name_alone_is_a_complete_entry(listed, tmp_path):
    path = entry(tmp_path, backbone="hub:dinov2_small")
    assert read_model_params("m", path).weights == "preset"
    params = read_feature_params("m", path)
    assert (params.image_side, params.pooling) == (hub.NATURAL_SIDE, hub.NATURAL)


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"weights": "imagenet"}, "the weights of a preset are its own"),
        ({"trainable": "all"}, "a preset stays frozen; remove trainable"),
        ({"fine_tune": {"epochs": 2}}, "set fine_tune.epochs to 0"),
        ({"channels": 1}, "channels 1 is for cnn and mlp"),
    ],
)
def test_what_a_preset_cannot_do(listed, tmp_path, keys, message):
    with pytest.raises(BakeoffError, match=message):
        read_model_params("m", entry(tmp_path, backbone="hub:dinov2_small", **keys))


@pytest.mark.parametrize("pooling", ["cls", "patch_mean", "natural"])
def test_poolings_of_presets_are_for_presets(tmp_path, pooling):
    with pytest.raises(BakeoffError, match=f"pooling {pooling} is for presets"):
        read_model_params("m", entry(tmp_path, backbone="VGG16", pooling=pooling))


def test_the_missing_extra_is_one_sentence(tmp_path, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(BakeoffError, match="run `uv sync --inexact --extra hub`"):
        require_keras_hub()
    with pytest.raises(BakeoffError, match="run `uv sync --inexact --extra hub`") as caught:
        read_model_params("m", entry(tmp_path, backbone="hub:dinov2_small"))
    assert len(caught.value.sentences) == 1


def test_an_unknown_backbone_is_named_with_the_other_mistakes(tmp_path):
    path = entry(tmp_path, backbone="ResNet5", trane=1, train={"epochs": 0})
    with pytest.raises(BakeoffError, match="did you mean ResNet50") as caught:
        read_model_params("m", path)
    assert len(caught.value.sentences) == 3  # none of them says that image_side is missing
