"""The last report of each data set, kept when `params.yaml` names another one.

They are in `mlruns/reports/<dataset>/`, outside of `reports/`, which DVC and MLflow take as one
data set's. The next data set's run replaces what DVC knows, and not these copies.
"""

import logging
import shutil
from pathlib import Path

from bakeoff.runtime.files import writing_folder
from bakeoff.runtime.layout import mlruns, repository_root

log = logging.getLogger(__name__)

_FILES = ("comparison.csv", "metrics.json", "report.html")


def kept_folder(dataset: str) -> Path:
    """Where the copy of a data set's report is."""
    return mlruns() / "reports" / dataset


def keep_report(reports: Path, dataset: str) -> None:
    """Copy the report to the data set's folder; not in the copy that an experiment runs in."""
    if Path.cwd().resolve() != repository_root():
        return
    place = kept_folder(dataset)
    try:
        with writing_folder(place) as folder:
            for name in _FILES:
                if (reports / name).is_file():
                    shutil.copyfile(reports / name, folder / name)
            if (reports / "cards").is_dir():
                shutil.copytree(reports / "cards", folder / "cards")
    except OSError as error:
        log.warning("no copy of the report is kept: %s: %s", place, error.strerror)


def kept_datasets() -> list[str]:
    """The data sets with a kept report, sorted."""
    return sorted(p.parent.name for p in (mlruns() / "reports").glob("*/comparison.csv"))
