import subprocess
from pathlib import Path

import pytest

from bakeoff.doctor.machine import missing_repository


def test_a_copy_without_git_names_how_to_begin(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".dvc").mkdir()
    (finding,) = missing_repository()
    assert finding.remedy == "run `git init`"
    subprocess.run(["git", "init", "-q"], check=True)
    assert list(missing_repository()) == []
