import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from tests.cli.running import run
from tests.tiny_repository import repository, write_forest, write_reports

__all__ = ["repository"]


def test_a_folder_is_predicted_to_csv_and_a_bad_file_gets_a_row(repository):
    write_forest(repository)
    write_reports(repository, {"random_forest": 20})
    Path("data/interim/dark/broken.png").write_bytes(b"\x89PNG no")
    result = run("predict", "data/interim", "--output", "out.csv")
    assert result.exit_code == 1  # one of them is broken
    assert "72 pictures predicted" in result.stderr
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
    assert result.stderr == "1 picture predicted with random_forest\n"


def test_an_unknown_model_is_refused_with_the_known_ones(repository):
    write_forest(repository)
    result = run("predict", "params.yaml", "-m", "vgg61")
    assert "name one of random_forest" in result.stderr


@pytest.mark.parametrize("command", ["predict", "evaluate", "explain"])
def test_an_output_below_a_file_or_on_a_folder_is_refused(repository, command):
    for output, sentence in {
        "params.yaml/said": "params.yaml/said: params.yaml is a file and holds no others; give",
        "params.yaml/a/said": "params.yaml/a/said: params.yaml is a file and holds no others; give",
        "data": "data is a folder; give --output a file in it",
    }.items():
        result = run(command, "data/interim", "-o", output)
        assert result.exit_code == 1
        assert result.stderr.startswith(f"bakeoff: error: {sentence}"), result.stderr
        assert len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize("command", ["predict", "explain", "evaluate"])
def test_a_pipe_is_never_replaced_by_a_file(repository, command):
    write_forest(repository)
    os.mkfifo("pipe")
    result = run(command, "data/interim/dark/test000.png", "-o", "pipe")
    assert result.exit_code == 1
    assert result.stderr == (
        "bakeoff: error: pipe is a device or a pipe; give --output the name of a file\n"
    )
    assert Path("pipe").is_fifo()


def test_a_terminal_gets_no_control_characters_and_a_file_the_whole_name(repository):
    import pty

    write_forest(repository)
    name = "esc\x1b[31m\u202e.png"
    Path(name).write_bytes(Path("data/interim/dark/test000.png").read_bytes())
    command = [sys.executable, "-c", "from bakeoff.cli import app; app()", "predict", name]
    command += ["-m", "random_forest"]
    piped = subprocess.run(command, capture_output=True, check=True).stdout.decode()
    assert piped.splitlines()[1].startswith(f"{name},dark,")
    ours, theirs = pty.openpty()
    subprocess.run(command, stdout=theirs, stderr=subprocess.PIPE, check=True)
    os.close(theirs)
    shown = os.read(ours, 10_000).decode()
    assert "esc\\x1b[31m\\u202e.png,dark," in shown
    assert "\x1b" not in shown
