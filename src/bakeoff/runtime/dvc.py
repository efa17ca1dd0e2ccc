"""What DVC says: outputs in a lock file, and stages that are out of date."""

import json
import os
import subprocess
import sys
from collections.abc import Collection
from typing import Any

import yaml

from bakeoff.runtime.errors import BakeoffError

CLOCKED = frozenset({"reports/comparison.csv", "reports/cost.png", "reports/report.html"})
"""Outputs that report seconds or the day, which no two runs share."""


def locked_outputs(lock: str) -> dict[str, str]:
    """The hash of each output by its path, from the text of a `dvc.lock`; without `CLOCKED`."""
    stages = (yaml.safe_load(lock) or {}).get("stages", {})
    outs = [out for entry in stages.values() for out in entry.get("outs", [])]
    return {out["path"]: str(out["md5"]) for out in outs if out["path"] not in CLOCKED}


def only_planned(lock: str, stages: Collection[str]) -> str:
    """The lock without other stages than these: DVC keeps those of models that are gone."""
    read = yaml.safe_load(lock) or {}
    kept = {name: entry for name, entry in read.get("stages", {}).items() if name in stages}
    return yaml.safe_dump(read | {"stages": kept}, sort_keys=False)


def locked_dataset(lock: str) -> str | None:
    """The data set that the outputs were made from, from the text of a `dvc.lock`."""
    for entry in (yaml.safe_load(lock) or {}).get("stages", {}).values():
        params = entry.get("params", {}).get("params.yaml", {})
        if "dataset" in params:
            return str(params["dataset"])
    return None


def outdated_stages() -> list[str]:
    """The stages that `dvc status` reports, sorted; BakeoffError where it fails."""
    return sorted(dvc_json("status"))


def dvc_json(*arguments: str) -> Any:
    """What a command of DVC prints with `--json`; BakeoffError where it fails."""
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-m", "dvc", *arguments, "--json"],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"DVC_NO_ANALYTICS": "1"},
    )
    if done.returncode:
        answer = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
        reason = (answer or ["no reason given"])[-1].removeprefix("ERROR: ")
        raise BakeoffError(f"`dvc {' '.join(arguments)}` failed: {reason}")
    return json.loads(done.stdout or "{}")
