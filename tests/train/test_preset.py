"""A head on a preset's features: trained, exported, served; needs the extra `hub`."""

import importlib.util
import json

import numpy as np
import pytest

from bakeoff.runtime.errors import BakeoffError
from bakeoff.serve.mlflow_model import requirements
from bakeoff.serve.predictor import load_predictor
from bakeoff.train.keras_files import load_keras
from tests.tiny_presets import needs_hub, write_preset
from tests.tiny_records import write_tiny_records
from tests.train.test_model_training import check_folder, make

pytestmark = needs_hub


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    root = tmp_path_factory.mktemp("repository")
    (root / "records").mkdir()
    records = root / "records", write_tiny_records(root / "records")
    write_preset(root / "presets/x", "dinov2")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        # another side than that of the preset's positions
        asked = {"image_side": 48, "pooling": "patch_mean", "weights": "preset"}
        made = make(records, root, "x", backbone="hub:presets/x", **asked)
    return made, records


def test_the_exported_model_gives_the_trained_probabilities(trained):
    (folder, _, kind), records = trained
    metadata, model = check_folder(folder, records, kind)
    assert metadata["weights"]["kind"] == "preset"
    resizing = model.get_layer("resizing")
    assert (resizing.interpolation, resizing.antialias) == ("bicubic", True)


def test_it_is_served_and_pins_keras_hub(trained):
    (folder, _, _), _ = trained
    predictor = load_predictor(folder)
    side = predictor.metadata.record_side
    picture = np.random.default_rng(0).integers(0, 256, (side, side, 3), np.uint8)
    assert predictor.probabilities([picture]).sum() == pytest.approx(1, abs=1e-5)
    assert [r for r in requirements(folder) if r.startswith("keras-hub==")]


def test_without_the_extra_it_says_what_is_missing(trained, monkeypatch):
    (folder, _, _), _ = trained
    real = importlib.util.find_spec
    absent = lambda name, *more: None if name == "keras_hub" else real(name, *more)  # noqa: E731
    monkeypatch.setattr(importlib.util, "find_spec", absent)
    for load in (load_predictor, lambda f: load_keras(f / "model.keras")):
        with pytest.raises(BakeoffError, match="run `uv sync --inexact --extra hub`"):
            load(folder)


def test_a_regression_on_a_preset_pins_it_too(trained, tmp_path):
    (folder, _, _), _ = trained
    own = tmp_path / "logistic_x"
    own.mkdir()
    (own / "model.skops").touch()
    facts = json.loads((folder / "metadata.json").read_text())
    (own / "metadata.json").write_text(
        json.dumps({"kind": "logistic", "model": "logistic_x", "backbone": facts["backbone"]})
    )
    (tmp_path / "x").mkdir()
    (tmp_path / "x/metadata.json").write_text(json.dumps(facts))
    assert any(r.startswith("keras-hub==") for r in requirements(own))
