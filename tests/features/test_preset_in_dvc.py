"""A preset's files decide the features made with it, and a head does not: in a real repository."""

import pytest
import yaml

from tests.faults.laboratory import Laboratory, finished, lock_of, start
from tests.tiny_presets import needs_hub, write_preset

pytestmark = [needs_hub, pytest.mark.slow]


def test_a_changed_preset_reruns_its_features_and_a_changed_head_does_not(tmp_path):
    root = Laboratory.build(tmp_path, ()).reference
    write_preset(root / "presets/mine", "dinov2")
    write_preset(root / "presets/other", "vit")
    path = root / "params.yaml"
    params = yaml.safe_load(path.read_text(encoding="utf-8"))
    head = {"hidden": [8]}
    params["models"] = {"tiny": {"backbone": "hub:presets/mine", "head": head}}
    stages = ("features@tiny", "train@tiny")

    def repro():
        path.write_text(yaml.safe_dump(params, sort_keys=False), encoding="utf-8")
        finished(start(root, "dvc", "repro", *stages))
        lock = lock_of(root)
        return lock["features@tiny"], lock["train@tiny"]

    features, trained = repro()
    params["models"]["tiny"]["head"] = {"hidden": [4]}
    same, retrained = repro()
    assert same == features and retrained != trained
    write_preset(root / "presets/other", "vit", seed=2)  # that nothing uses
    assert repro() == (same, retrained)
    write_preset(root / "presets/mine", "dinov2", seed=2)
    other, _ = repro()
    assert other != features
