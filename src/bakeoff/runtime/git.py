"""Questions to git about the repository in the working folder."""

import subprocess

_SECONDS = 60


class GitError(Exception):
    """git is not installed, gave no answer in time, or refused; the message is its last line."""


def git(*arguments: str) -> str:
    """The standard output of a git command, unchanged.

    Raises:
        GitError: there is no output, and the message says why.
    """
    command = ["git", *arguments]
    try:
        done = subprocess.run(  # noqa: S603
            command, capture_output=True, encoding="utf-8", check=False, timeout=_SECONDS
        )
    except FileNotFoundError:
        raise GitError("git is not installed") from None
    except (OSError, subprocess.SubprocessError) as error:
        raise GitError(f"git did not answer: {error}") from None
    if done.returncode:
        lines = done.stderr.strip().splitlines() or [f"exit status {done.returncode}"]
        raise GitError(lines[-1].removeprefix("fatal: "))
    return done.stdout
