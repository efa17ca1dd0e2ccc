"""Make a stage use the `src/` of the repository that it runs in."""

import os
import sys
from pathlib import Path

from bakeoff.runtime.processes import become


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
        if os.pathsep in str(own):
            sys.exit(
                f"{own}: Python finds no modules in a path with '{os.pathsep}'; move the folder"
            )
        os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(own), path]))
        become([sys.executable, *sys.orig_argv[1:]])
