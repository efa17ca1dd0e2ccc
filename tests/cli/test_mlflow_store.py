from pathlib import Path

import pytest

from tests.cli.running import run
from tests.tiny_repository import ROOT, repository, write_model, write_reports

__all__ = ["repository"]


@pytest.mark.slow
def test_sync_and_prune_say_what_they_did(repository, monkeypatch):
    monkeypatch.setattr("bakeoff.serve.predictor.can_predict", lambda folder: False)
    write_model(repository, "vgg16")
    write_reports(repository, {"vgg16": 20})
    assert "1 models, 1 new in MLflow: vgg16" in run("sync").output
    assert "1 models, 0 new in MLflow" in run("sync").output
    assert "nothing is superseded" in run("prune", "--keep", 1).output
    write_model(repository, "vgg16", accuracy=0.9)
    run("sync")
    said = run("prune", "--keep", 1, "--yes").output
    assert "vgg16: older than the newest 1" in said
    assert said.endswith("deleted\n")
    assert "nothing is superseded" in run("prune", "--keep", 1).output


@pytest.mark.slow
def test_what_a_model_leaves_is_named_and_removed(repository, monkeypatch):
    monkeypatch.setattr("bakeoff.serve.predictor.can_predict", lambda folder: False)
    Path("dvc.yaml").write_text((ROOT / "dvc.yaml").read_text())
    for name in ("vgg16", "resnet50", "logistic_resnet50"):
        write_model(repository, name, accuracy=0.01 * len(name))
        Path("data/features", name).mkdir(parents=True)
    write_reports(repository, {"vgg16": 20})
    run("sync")
    assert "No longer in params.yaml: logistic_resnet50, resnet50." in run("show").output
    assert "no stage writes data/features/logistic_resnet50," in run("doctor").output
    said = run("prune", "--gone", "--yes").output
    for place in (
        "models/resnet50: no stage",
        "data/features/resnet50: no",
        "  resnet50: params.y",
    ):
        assert place in said
    assert "vgg16" not in said
    assert said.endswith("deleted\n")
    assert sorted(path.name for path in Path("models").iterdir()) == ["vgg16"]
    assert run("prune", "--gone").output == "nothing is left over\n"
    assert "No longer" not in run("show").output
