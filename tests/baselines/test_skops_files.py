import zipfile

import numpy as np
import pytest
import skops.io
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from bakeoff.baselines import skops_files
from bakeoff.runtime.errors import BakeoffError


def data():
    generator = np.random.default_rng(0)
    return generator.normal(size=(80, 6)).astype(np.float32), generator.integers(0, 3, 80)


def forest():
    return RandomForestClassifier(7, random_state=1).fit(*data())


def regression():
    return make_pipeline(StandardScaler(), LogisticRegression()).fit(*data())


@pytest.mark.parametrize("make", [forest, regression])
def test_a_model_predicts_the_same_after_saving(make, tmp_path):
    model = make()
    skops_files.save(model, tmp_path / "model.skops")
    loaded = skops_files.load(tmp_path / "model.skops")
    assert np.array_equal(loaded.predict_proba(data()[0]), model.predict_proba(data()[0]))


@pytest.mark.parametrize("make", [forest, regression])
def test_equal_models_are_equal_files(make, tmp_path):
    kept = [make() for _ in range(3)]  # at other addresses
    for number, model in enumerate(kept):
        skops_files.save(model, tmp_path / f"{number}.skops")
    first = (tmp_path / "0.skops").read_bytes()
    assert all((tmp_path / f"{n}.skops").read_bytes() == first for n in (1, 2))
    with zipfile.ZipFile(tmp_path / "0.skops") as archive:
        assert {entry.date_time[0] for entry in archive.infolist()} == {1980}


class Foreign(LogisticRegression):
    """A type that no model of ours needs."""


def test_a_subclass_is_not_loaded_and_its_code_not_run(tmp_path):
    path = tmp_path / "model.skops"
    skops.io.dump(Foreign().fit(*data()), path)
    with pytest.raises(BakeoffError, match=r"Foreign.*dvc repro"):
        skops_files.load(path)


@pytest.mark.parametrize("content", [b"", b"not a zip", b"PK\x03\x04"])
def test_what_is_no_skops_file_is_named(content, tmp_path):
    path = tmp_path / "model.skops"
    path.write_bytes(content)
    with pytest.raises(BakeoffError, match="not a skops file"):
        skops_files.load(path)
