import subprocess
from pathlib import Path

import pytest

from bakeoff.runtime.git import GitError, git


def test_the_output_is_unchanged_and_a_refusal_is_gits_last_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    with pytest.raises(GitError, match="^not a git repository"):
        git("status")
    subprocess.run(["git", "init", "-q"], check=True)
    Path("ü.txt").write_text("", encoding="utf-8")
    assert git("-c", "core.quotePath=false", "status", "--porcelain") == "?? ü.txt\n"


def test_a_machine_without_git(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(GitError, match="not installed"):
        git("status")
