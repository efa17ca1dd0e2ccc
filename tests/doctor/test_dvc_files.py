"""What the doctor finds in a real DVC repository, and that its remedies end it."""

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bakeoff.doctor.dvc_files import killed_experiments, tampered_contents
from bakeoff.doctor.finding import Finding

STAGES = """
stages:
  one:
    cmd: python make.py
    deps: [make.py]
    outs: [file.txt, folder]
"""
MAKE = """
from pathlib import Path
Path('file.txt').write_text('right')
Path('folder/sub').mkdir(parents=True)
for name in ('b', 'a', 'sub/c', 'sub d', 'ü'):
    Path('folder', name).write_text(name)
"""


def dvc(*arguments: str) -> str:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        [sys.executable, "-m", "dvc", *arguments],
        env=os.environ | {"PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DVC_SITE_CACHE_DIR", str(tmp_path / "site"))
    subprocess.run(["git", "init", "-q"], check=True)
    dvc("init", "--quiet")
    Path("dvc.yaml").write_text(STAGES)
    Path("make.py").write_text(MAKE)
    dvc("repro")
    return tmp_path


def wrong(findings: Iterator[Finding]) -> list[Finding]:
    return [finding for finding in findings if not finding.fine]


def tamper(path: Path, content: str) -> None:
    """Another content of the same length and time: DVC believes both."""
    before = path.stat()
    path.chmod(0o644)
    path.write_text(content)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def follow(remedy: str) -> None:
    """Do what a remedy says, to the letter."""
    delete, _, command = remedy.partition(" and run ")
    Path(delete.removeprefix("delete ")).unlink()
    if command:
        program, *arguments = shlex.split(command.strip("`"))
        assert program == "dvc"
        dvc(*arguments)


def test_tampered_contents_are_found_and_their_remedies_work(repository: Path) -> None:
    assert wrong(tampered_contents()) == []
    (last,) = tampered_contents()
    assert last.what == "7 objects and 2 outputs were hashed"
    (cached,) = (p for p in Path(".dvc/cache/files/md5").glob("*/*") if p.read_bytes() == b"right")
    tamper(cached, "wrong")
    tamper(Path("file.txt"), "wrong")
    tamper(Path("folder/a"), "x")
    found = wrong(tampered_contents())
    assert [finding.topic for finding in found] == ["cache", "outputs", "outputs"]
    assert found[1].remedy == "delete file.txt and run `dvc repro 'one'`"
    follow(found[0].remedy)
    follow(found[1].remedy)
    assert Path("file.txt").read_text() == "right"
    assert wrong(tampered_contents()) == []


def test_a_killed_experiment_is_named_with_the_command_that_ends_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    task = Path(".dvc/tmp/exps/run/eb80eb7f56/eb80eb7f56.json")
    task.parent.mkdir(parents=True)
    for pid, code, told in ((ended.pid, None, 1), (os.getpid(), None, 0), (ended.pid, 0, 0)):
        task.write_text(json.dumps({"pid": pid, "returncode": code}))
        assert len(wrong(killed_experiments())) == told
    task.write_text(json.dumps({"pid": ended.pid, "returncode": None}))
    (finding,) = killed_experiments()
    assert finding.remedy == "run `dvc queue kill --force eb80eb7`"
