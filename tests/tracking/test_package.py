"""A registered model is loaded only as it was registered, and nothing beside it is run."""

import shutil
from pathlib import Path
from urllib.parse import unquote, urlsplit

import numpy as np
import pytest

from bakeoff.runtime.errors import BakeoffError
from bakeoff.serve.predictor import load_predictor
from bakeoff.tracking.registry import version_with
from bakeoff.tracking.store import open_store
from bakeoff.tracking.sync import registered_model, standing, sync
from tests.tiny_repository import picture, write_forest, write_reports


@pytest.fixture
def package(repository) -> Path:
    """The package of the champion, in the store; its model folder is no longer in models/."""
    folder = write_forest(repository)
    write_reports(repository, {"random_forest": 20})
    sync()
    shutil.move(folder, repository / "kept")
    champion = version_with(open_store("phantom"), "champion")
    assert champion is not None
    return Path(unquote(urlsplit(champion.source).path))


def test_the_folder_in_models_is_taken_where_it_is_the_registered_one(package, repository):
    shutil.copytree(repository / "kept", repository / "models/random_forest")
    with registered_model("champion") as (name, folder):
        assert folder == Path("models/random_forest")
        assert name == "random_forest (version 1 of phantom)"
    (folder / "metrics.json").write_text("{}")
    with registered_model("champion") as (_, folder):
        assert folder.name == "model"  # of the package


def test_code_and_flavours_of_the_package_are_not_run(package, repository):
    bomb = f"open({str(repository / 'ran')!r}, 'w')\n"
    for path in (package / "code").rglob("*.py"):
        path.write_text(bomb + path.read_text())
    described = (package / "MLmodel").read_text()
    assert "loader_module: bakeoff.serve.mlflow_model" in described
    changed = described.replace("bakeoff.serve.mlflow_model", "mlflow.pyfunc.model")
    (package / "MLmodel").write_text(changed + "\n")
    pixels = picture(1, seed=3)
    with registered_model("champion") as (_, folder):
        said = load_predictor(folder).probabilities([pixels])
    np.testing.assert_array_equal(said, load_predictor(repository / "kept").probabilities([pixels]))
    assert not (repository / "ran").exists()


def test_changed_files_are_refused_with_a_remedy_that_works(package, repository):
    metadata = package / "data/model/metadata.json"
    metadata.write_text(metadata.read_text().replace('"dark", "light"', '"light", "dark"'))
    with pytest.raises(BakeoffError, match="its files have changed .* sync --rebuild"):
        with registered_model("champion"):
            pass
    shutil.rmtree(package)
    with pytest.raises(BakeoffError, match="cannot be fetched .* sync --rebuild"):
        with registered_model("champion"):
            pass
    shutil.move(repository / "kept", repository / "models/random_forest")
    from bakeoff.tracking.sync import set_aside
    from tests.tiny_repository import forget_stores

    set_aside()
    forget_stores()
    sync()
    with registered_model("champion") as (name, _):
        assert name == "random_forest (version 1 of phantom)"


def test_an_alias_that_nobody_bears_is_named(package):
    with pytest.raises(BakeoffError, match="no model of phantom is registered as winner"):
        with registered_model("winner"):
            pass


def test_whether_a_model_is_the_champion_is_a_sentence(package, repository):
    assert standing(repository / "kept") == ""  # it is
    other = write_forest(repository, "other", seed=1)
    assert standing(other) == "It is not the registered champion, which is random_forest."
    open_store("phantom").client.delete_registered_model_alias("phantom", "champion")
    assert standing(other) == "No model of phantom is registered as champion."
    (repository / "mlruns/mlflow.db").unlink()
    assert standing(other) == ""
    assert not (repository / "mlruns/mlflow.db").exists()
