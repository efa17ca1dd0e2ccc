"""Make a stage use the `src/` of the repository that it runs in."""

import os
import sys
from pathlib import Path


def use_own_sources() -> None:
    """In a copy of the repository (`dvc exp run --temp`), restart with the copy's `src/`.

    The environment's modules belong to the main repository and may have been edited meanwhile. Only
    stages restart; tests and notebooks keep their sources.
    """
    if Path(sys.argv[0]).parent.name != "stages":
        return
    own, loaded = Path("src").resolve(), Path(__file__).resolve().parents[2]
    path = os.environ.get("PYTHONPATH", "")
    if (own / "bakeoff").is_dir() and own != loaded and path.split(os.pathsep)[0] != str(own):
        os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(own), path]))
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606
