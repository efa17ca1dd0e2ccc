"""The determinism contract: two clean clones end with the same `dvc.lock`.

The clones differ in path, time zone, locale, hash seed and number of workers. What may differ in
their locks is named in `bakeoff.runtime.dvc`: the outputs that report seconds.

Run as a script, with names of models to keep (default: all).
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from bakeoff.runtime.dvc import locked_outputs
from tests.reduced import reduce

ROOT = Path(__file__).resolve().parent.parent
SURROUNDINGS = (
    {"TZ": "UTC", "LC_ALL": "C.UTF-8", "PYTHONHASHSEED": "0", "BAKEOFF_WORKERS": "1"},
    {"TZ": "Asia/Kathmandu", "LC_ALL": "POSIX", "PYTHONUTF8": "1", "BAKEOFF_WORKERS": "3"},
)


def clone(folder: Path) -> Path:
    """A clean clone of the last commit, so that nothing untracked helps."""
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(folder)], check=True)
    return folder


def start(root: Path, **surroundings: str) -> subprocess.Popen[bytes]:
    """Start `dvc repro` in a clone, with this environment's programs."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "PYTHONPATH": str(root / "src"), **surroundings}
    if "PYTHONHASHSEED" not in surroundings:
        environment.pop("PYTHONHASHSEED", None)
    return subprocess.Popen(["dvc", "repro", "--no-run-cache"], cwd=root, env=environment)


def hashes(root: Path) -> dict[str, str]:
    """Each output's hash by its path, without those that report seconds."""
    return locked_outputs((root / "dvc.lock").read_text(encoding="utf-8"))


def differences(one: Path, two: Path) -> list[str]:
    """Outputs whose hashes differ though the contract says they are equal."""
    first, second = hashes(one), hashes(two)
    return sorted(
        path for path in first.keys() | second.keys() if first.get(path) != second.get(path)
    )


def main() -> None:
    """Reproduce in two clones, side by side, and compare."""
    with tempfile.TemporaryDirectory() as folder:
        clones = [Path(folder) / "one", Path(folder) / "elsewhere" / "two, with spaces"]
        runs: list[subprocess.Popen[bytes]] = []
        for root, surroundings in zip(clones, SURROUNDINGS, strict=True):
            clone(root)
            reduce(root, tuple(sys.argv[1:]) or None)
            runs.append(start(root, **surroundings))
        if any([run.wait() for run in runs]):  # a list: both must have ended
            sys.exit("a reduced reproduction failed")
        differing = differences(*clones)
        compared = len(hashes(clones[0]))
    if differing:
        sys.exit(f"two clean clones differ in: {', '.join(differing)}")
    print(f"two clean clones agree: {compared} outputs are identical, byte for byte")


if __name__ == "__main__":
    main()
