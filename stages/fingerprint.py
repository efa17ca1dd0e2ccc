"""Check all parameters, and record the code and parameters that each stage uses."""

try:
    from bakeoff.runtime.stage import run_stage
except ModuleNotFoundError as missing:  # `.venv/bin/dvc repro` in a shell without the environment
    raise SystemExit(
        f"fingerprint: error: the `python` that DVC starts has no module {missing.name}; run "
        "`uv run dvc repro`, which starts that of this repository's environment"
    ) from None

import os
from pathlib import Path

from bakeoff.features.presets import settle_presets
from bakeoff.features.renewal import decide_weights
from bakeoff.params.block import PARAMS
from bakeoff.params.check import check_all, feature_requests, write_parameters
from bakeoff.params.dataset_files import DATASETS
from bakeoff.runtime.files import write_json, writing_folder
from bakeoff.runtime.fingerprints import fingerprint
from bakeoff.runtime.layout import FEATURES, FINGERPRINTS, PARAMETERS
from bakeoff.runtime.readings import note_file


def main() -> None:
    for path in (PARAMS, *sorted(DATASETS.glob("*.yaml"))):
        note_file(path)
    check_all(weights=False)
    look_again = bool(os.environ.get("BAKEOFF_LOOK_AGAIN"))
    requests = settle_presets(feature_requests(), FEATURES)
    requests = decide_weights(requests, FEATURES, look_again=look_again)
    scripts = sorted(Path("stages").glob("*.py"))
    with writing_folder(FINGERPRINTS) as folder, writing_folder(PARAMETERS) as parameters:
        for script in scripts:
            write_json(folder / f"{script.stem}.json", fingerprint(script, Path()))
        write_parameters(parameters, requests)
    print(f"fingerprint: the parameters are valid; {len(scripts)} stages, each with its modules")


if __name__ == "__main__":
    run_stage("fingerprint", main)
