import os
import subprocess
from pathlib import Path

import pytest

from bakeoff.doctor import machine
from bakeoff.doctor.machine import closed_folders, foreign_repository, missing_repository


def test_a_copy_without_git_names_how_to_begin(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".dvc").mkdir()
    (finding,) = missing_repository()
    assert finding.remedy == "run `git init`"
    subprocess.run(["git", "init", "-q"], check=True)
    assert list(missing_repository()) == []


def test_another_users_working_copy_is_named_with_gits_own_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    subprocess.run(["git", "init", "-q", tmp_path / "theirs"], check=True)
    monkeypatch.chdir(tmp_path / "theirs")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "gitconfig"))
    assert list(foreign_repository()) == []
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    (finding,) = foreign_repository()
    assert "belongs to another user" in finding.what
    command = finding.remedy.split("`")[1]
    assert command.startswith("git config --global --add safe.directory ")
    subprocess.run(command.split(), check=True)
    assert list(foreign_repository()) == []


def test_closed_folders_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".dvc/cache").mkdir(parents=True)
    (tmp_path / "mlruns").mkdir()
    assert list(closed_folders()) == []
    (tmp_path / "mlruns").chmod(0o500)
    if os.access("mlruns", os.W_OK):  # root may write everywhere
        monkeypatch.setattr(os, "access", lambda path, _: path != "mlruns")
    (finding,) = closed_folders()
    assert finding.what == "you may not write to mlruns"


def test_the_remedy_of_a_missing_package_keeps_extras(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "_PACKAGES", ("numpy", "no-such-package"))
    (finding,) = machine.packages()
    assert (finding.what, finding.remedy) == (
        "no-such-package missing",
        "run `uv sync --inexact`",
    )
