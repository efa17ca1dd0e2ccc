import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from bakeoff.cli import app
from bakeoff.report.kept import keep_report
from bakeoff.serve.best_model import about
from tests.tiny_repository import ROOT, repository, write_forest, write_model, write_reports

__all__ = ["repository"]

COMMANDS = (
    "adopt show check dag experiments verify predict explain serve ui sync prune doctor".split()
)


def run(*arguments: object):
    return CliRunner().invoke(app, [str(a) for a in arguments])


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(command):
    result = run(command, "--help")
    assert result.exit_code == 0
    assert len(result.output.splitlines()) > 5


def test_help_imports_nothing_slow():
    code = (
        "import sys; from bakeoff.cli import app\n"
        "try: app(['--help'])\nexcept SystemExit: pass\n"
        "slow = {'mlflow', 'tensorflow', 'pandas', 'sklearn', 'matplotlib', 'numpy'}\n"
        "assert not slow & set(sys.modules), slow & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["show"], "dvc repro"),
        (["predict", "nowhere.png"], "nowhere.png: no such file"),
        (["predict", "params.yaml"], "models/ contains no model"),
        (["predict", "empty"], "no picture in this folder"),
        (["sync"], "models/ contains no model"),
        (["prune"], "--keep"),
        (["serve"], "models/ contains no model"),
        (["serve", "--alias", "champion"], "no model of phantom is registered as champion"),
        (["serve", "--alias", "champion", "-m", "vgg16"], "--model and --alias"),
    ],
)
def test_a_mistake_is_one_sentence_and_status_1(repository, arguments, sentence):
    Path("empty").mkdir()
    result = run(*arguments)
    assert result.exit_code == 1
    (line,) = result.stderr.strip().splitlines()
    assert line.startswith("bakeoff: error: ")
    assert sentence in line


def test_check_finds_a_mistake_in_any_block(repository):
    assert run("check").exit_code == 0
    text = Path("params.yaml").read_text()
    Path("params.yaml").write_text(text.replace("image_side: 299", "image_side: 20"))
    result = run("check")
    assert result.exit_code == 1
    assert "models.inceptionv3" in result.stderr
    Path("params.yaml").write_text(text.replace("relu, gelu, tanh", "relu, gelu, tan"))
    assert "'tune.space.activation' may not be 'tan'" in run("check").stderr
    Path("params.yaml").write_text(text.replace("bootstrap: 20000", "bootstrap: 1"))
    assert "evaluate.bootstrap" in run("check").stderr
    Path("params.yaml").write_text(text.replace("dataset: phantom", "dataset: unicorns"))
    assert "unicorns" in run("check").stderr


def test_show_prints_the_comparison_and_warns_of_random_weights(repository):
    write_reports(repository, {"vgg16": 20})
    result = run("show")
    assert result.exit_code == 0
    assert "0.833 (0.73-0.93)" in result.output
    assert "random!" in result.output
    assert max(map(len, result.output.splitlines())) <= 80
    assert "report.html" in result.output


def test_each_data_set_keeps_its_last_report(repository):
    reports = write_reports(repository, {"vgg16": 20})
    keep_report(reports, "phantom")
    table = reports / "comparison.csv"
    table.write_text(table.read_text().replace("0.8333333", "0.6666666"))
    keep_report(reports, "dogs")
    assert "0.833 (0.73-0.93)" in run("show", "phantom").output
    both = run("show", "phantom", "dogs").output
    assert "0.667 (" in both
    assert "different test pictures" in both
    assert "there are dogs, phantom" in run("show", "cats").stderr
    assert "the last report of dogs, phantom" in run("show").output


def test_a_folder_is_predicted_to_csv_and_a_bad_file_gets_a_row(repository):
    write_forest(repository)
    write_reports(repository, {"random_forest": 20})
    Path("data/interim/dark/broken.png").write_bytes(b"\x89PNG no")
    result = run("predict", "data/interim", "--output", "out.csv")
    assert result.exit_code == 1  # one of them is broken
    assert "1 of 73 files" in result.stderr
    table = pd.read_csv("out.csv", keep_default_na=False)
    assert list(table) == ["path", "label", "p_dark", "p_light", "error"]
    good = table[table["error"] == ""]
    assert (good["label"] == good["path"].str.split("/").str[-2]).mean() > 0.95
    assert table.loc[table["path"].str.contains("broken"), "label"].item() == ""


def test_one_picture_is_printed(repository):
    write_forest(repository)
    result = run("predict", "data/interim/light/test002.png", "-m", "random_forest")
    assert result.exit_code == 0
    header, row = result.stdout.splitlines()
    assert header == "path,label,p_dark,p_light,error"
    assert row.startswith("data/interim/light/test002.png,light,")
    assert result.stderr == "1 pictures predicted with random_forest\n"


def test_an_unknown_model_is_refused_with_the_known_ones(repository):
    write_forest(repository)
    result = run("predict", "params.yaml", "-m", "vgg61")
    assert "name one of random_forest" in result.stderr


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


def test_a_model_says_that_its_weights_are_random(repository):
    folder = write_model(repository, "vgg16")
    said = {"model": "vgg16", "warning": "its backbone has random weights in the place of "}
    said["warning"] += "pretrained ones"
    assert about(folder) == said
    assert about(write_forest(repository)) == {"model": "random_forest"}


def test_the_doctor_says_what_to_do(repository):
    result = run("doctor")
    assert result.exit_code == 1
    assert "ok    parameters" in result.output
    assert "-> " in result.output
    assert "rwlock" not in result.output


def test_the_doctor_knows_what_a_full_disk_does_to_dvcs_lock(repository):
    lock = repository / ".dvc/tmp/rwlock"
    lock.parent.mkdir(parents=True)
    lock.touch()
    result = run("doctor")
    assert ".dvc/tmp/rwlock is damaged" in result.output
    lock.write_text("{}")
    assert "rwlock" not in run("doctor").output


@pytest.mark.parametrize(
    "arguments",
    [
        ["predict", "data/interim/dark/test000.png", "-o", "."],
        ["predict", "data/interim/dark/test000.png", "-o", "params.yaml/x.csv"],
        ["explain", "params.yaml/no.png"],
    ],
)
def test_an_error_of_the_system_is_one_sentence(repository, arguments):
    write_forest(repository)
    write_reports(repository, {"random_forest": 20})
    result = run(*arguments)
    assert result.exit_code == 1
    (line,) = result.stderr.strip().splitlines()
    assert line.startswith("bakeoff: error: ")
    assert "Traceback" not in result.output
