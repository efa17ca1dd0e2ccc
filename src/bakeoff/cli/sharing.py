"""Commands that share results: push, pull."""

import subprocess
import sys

import typer


def push() -> None:
    """Upload results, DVC's run cache and the journal to DVC's remote.

    It runs `dvc push --run-cache`; then the measured seconds follow, which DVC does not track.
    """
    from bakeoff.runtime.shared_journal import push_journal

    _dvc("push")
    print(f"{push_journal()} files of the journal pushed")


def pull() -> None:
    """Download results, DVC's run cache and the journal from DVC's remote.

    It runs `dvc pull --run-cache`; then the measured seconds follow, which DVC does not track.
    """
    from bakeoff.runtime.shared_journal import pull_journal

    _dvc("pull")
    print(f"{pull_journal()} files of the journal pulled")


def _dvc(command: str) -> None:
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-m", "dvc", command, "--run-cache"], check=False
    )
    if done.returncode:  # DVC has said why
        raise typer.Exit(done.returncode)
