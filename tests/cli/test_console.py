import os
import subprocess
import sys
from pathlib import Path

import pytest

import bakeoff
from bakeoff import cli
from tests.cli.running import run
from tests.tiny_repository import repository, write_forest, write_reports

__all__ = ["repository"]

COMMANDS = tuple(command.__name__ for command in cli.COMMANDS)


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
        (["page"], "models/ contains no model"),
        (["page", "vgg16", "--alias", "champion"], "MODEL and --alias"),
    ],
)
def test_a_mistake_is_one_sentence_and_status_1(repository, arguments, sentence):
    Path("empty").mkdir()
    result = run(*arguments)
    assert result.exit_code == 1
    (line,) = result.stderr.strip().splitlines()
    assert line.startswith("bakeoff: error: ")
    assert sentence in line


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


@pytest.mark.skipif(not Path("/dev/full").is_char_device(), reason="no /dev/full")
def test_output_that_cannot_be_written_is_one_sentence(repository):
    write_forest(repository)
    command, picture = "from bakeoff.cli import app; app()", "data/interim/dark/test000.png"
    with Path("/dev/full").open("w") as full:
        ended = subprocess.run(
            [sys.executable, "-c", command, "predict", picture, "-m", "random_forest"],
            check=False,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | {"PYTHONPATH": str(Path(bakeoff.__file__).parents[1])},
        )
    assert ended.returncode == 1
    last = ended.stderr.splitlines()[-1]
    assert last.startswith("bakeoff: error: ")
    assert last.endswith("No space left on device")
    assert "Exception ignored" not in ended.stderr
