"""Commands about the state of the working folder: check, renew, doctor."""

import os
import subprocess
import sys
from typing import Annotated

import typer

from bakeoff.runtime.errors import BakeoffError


def check() -> None:
    """Check params.yaml and its data set; run nothing."""
    from bakeoff.doctor.machine import missing_repository
    from bakeoff.features.renewal import stale_sentences
    from bakeoff.ingest.source_change import source_sentence
    from bakeoff.params.check import all_feature_params, check_all, check_tracking_address
    from bakeoff.params.dataset_files import read_chosen_dataset
    from bakeoff.runtime.layout import FEATURES

    check_all()
    check_tracking_address()
    for finding in missing_repository():
        raise BakeoffError(f"{finding.what}; {finding.remedy}")
    print("params.yaml and its data set are valid")
    stale = stale_sentences(all_feature_params(), FEATURES)
    for sentence in filter(None, (source_sentence(*read_chosen_dataset()), *stale)):
        print(sentence)


def renew(
    targets: Annotated[
        list[str] | None, typer.Argument(help="Stages to reproduce then. Default: all.")
    ] = None,
) -> None:
    """Look for changed archives and weights, and reproduce what depends on them.

    A data set's source that has changed is ingested again. ImageNet weights are looked for again
    where random ones stand in for them. A weights file that has changed is read again.
    """
    from bakeoff.features.renewal import changed_files, fallbacks
    from bakeoff.ingest.source_change import source_sentence
    from bakeoff.params.check import all_feature_params
    from bakeoff.params.dataset_files import read_chosen_dataset
    from bakeoff.runtime.layout import FEATURES

    changed = source_sentence(*read_chosen_dataset())
    names = fallbacks(FEATURES)
    files = changed_files(all_feature_params(), FEATURES)
    if not changed and not names and not files:
        print("no source has changed, and no weights are random or of a file that has changed")
        return
    if changed:
        print(changed.rpartition("; ")[0])
    if names:
        print(f"looking for the ImageNet weights of {', '.join(names)}")
    if files:
        print(f"reading the weights file of {', '.join(files)} again")
    runs = [[*(["--force"] if names or files else []), "--single-item", "fingerprint"]]
    runs += [["--force", "--single-item", "ingest"]] if changed else []
    again = os.environ | {"BAKEOFF_LOOK_AGAIN": "1"}
    for arguments in (*runs, targets or []):
        dvc = [sys.executable, "-m", "dvc", "repro", *arguments]
        done = subprocess.run(dvc, env=again, check=False)  # noqa: S603
        if done.returncode:
            raise typer.Exit(done.returncode)


def doctor(
    deep: Annotated[
        bool, typer.Option("--deep", help="Hash every output and DVC's cache, too.")
    ] = False,
) -> None:
    """Report problems of this installation and how to fix them.

    Checks environment, programs, disk, parameters, weights, MLflow's store and outdated stages.
    """
    from bakeoff.doctor.examination import examine

    worst = False
    for finding in examine(deep=deep):
        worst = worst or not finding.fine
        mark = "ok  " if finding.fine else "LOOK"
        remedy = f"\n      -> {finding.remedy}" if finding.remedy else ""
        print(f"{mark}  {finding.topic}: {finding.what}{remedy}", flush=True)
    raise typer.Exit(1 if worst else 0)
