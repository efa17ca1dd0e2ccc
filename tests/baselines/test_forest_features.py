"""A forest on cached features: DVC has to know that it depends on them."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bakeoff.baselines import forest
from bakeoff.runtime.errors import BakeoffError
from tests.tiny_sides import tiny_side

FOLDER = Path("data/features")


@pytest.fixture
def features(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    side = tiny_side(9, 0)
    (FOLDER / "m").mkdir(parents=True)
    np.save(FOLDER / "m/train.npy", side.values)
    facts = {"image_id": side.image_ids, "transform": side.transforms}
    pd.DataFrame({**facts, "label": side.labels, "group": side.groups}).to_csv(
        FOLDER / "m/train.csv", index=False
    )
    return side


@pytest.mark.parametrize("deps", ["[data/processed]", "[data/processed, data/features/m]"])
def test_features_that_dvc_does_not_know_of_are_refused(features, deps):
    Path("dvc.yaml").write_text(f"stages: {{random_forest: {{do: {{deps: {deps}}}}}}}\n")
    if "features" in deps:
        assert (forest._features(FOLDER, "m", "train").values == features.values).all()
        return
    with pytest.raises(BakeoffError, match="add the line '- data/features/m'"):
        forest._features(FOLDER, "m", "train")
