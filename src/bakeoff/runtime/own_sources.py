"""Whose `src/` a stage runs: that of the repository it stands in."""

import os
import sys
from pathlib import Path


def use_own_sources() -> None:
    """In a copy of the repository, as `dvc exp run --temp` makes one, start over with its `src/`.

    The environment's modules are the main repository's, and may have been edited since. Only a
    stage starts over: a test or a notebook keeps the sources that it has.
    """
    if Path(sys.argv[0]).parent.name != "stages":
        return
    own, loaded = Path("src").resolve(), Path(__file__).resolve().parents[2]
    path = os.environ.get("PYTHONPATH", "")
    if (own / "bakeoff").is_dir() and own != loaded and path.split(os.pathsep)[0] != str(own):
        os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(own), path]))
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606
