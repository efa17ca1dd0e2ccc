import pytest

from bakeoff.runtime.errors import BakeoffError
from bakeoff.serve.best_model import about, chosen_model
from tests.tiny_repository import repository, write_forest, write_model, write_reports

__all__ = ["repository"]


def test_a_model_says_that_its_weights_are_random(repository):
    folder = write_model(repository, "vgg16")
    warning = "its backbone has random weights in the place of pretrained ones"
    assert about(folder) == {"model": "vgg16", "warning": warning}
    assert about(write_forest(repository)) == {"model": "random_forest"}


def test_a_model_is_named_as_a_shell_completes_it(repository):
    with pytest.raises(BakeoffError, match="contains no model; run `dvc repro`"):
        chosen_model(None)
    write_forest(repository)
    for name in ("random_forest", "random_forest/", "models/random_forest/"):
        assert chosen_model(name).name == "random_forest"


def test_the_best_model_with_a_map_is_no_forest(repository):
    write_forest(repository)
    write_model(repository, "vgg16")
    write_model(repository, "logistic_vgg16", kind="logistic")
    write_reports(repository, {"random_forest": 20, "logistic_vgg16": 19, "vgg16": 18})
    assert chosen_model(None).name == "random_forest"
    assert chosen_model(None, with_map=True).name == "logistic_vgg16"


def test_outside_the_repository_its_root_is_asked_for(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BakeoffError, match="run this in the repository's root"):
        chosen_model(None)
