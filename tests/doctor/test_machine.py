import os
import subprocess
from pathlib import Path

import pytest

from bakeoff.doctor import machine
from bakeoff.doctor.machine import closed_folders, missing_repository


def test_a_copy_without_git_names_how_to_begin(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".dvc").mkdir()
    (finding,) = missing_repository()
    assert finding.remedy == "run `git init`"
    subprocess.run(["git", "init", "-q"], check=True)
    assert list(missing_repository()) == []


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
