"""Check every parameter, and note what code and which parameters each stage uses."""

from bakeoff.runtime.stage import run_stage

from pathlib import Path

from bakeoff.params.block import PARAMS
from bakeoff.params.check import check_all, write_parameters
from bakeoff.params.datasets import DATASETS
from bakeoff.runtime.files import write_json, writing_folder
from bakeoff.runtime.fingerprints import fingerprint
from bakeoff.runtime.layout import FINGERPRINTS, PARAMETERS
from bakeoff.runtime.readings import note_file


def main() -> None:
    for path in (PARAMS, *sorted(DATASETS.glob("*.yaml"))):
        note_file(path)
    check_all(weights=False)
    scripts = sorted(Path("stages").glob("*.py"))
    with writing_folder(FINGERPRINTS) as folder, writing_folder(PARAMETERS) as parameters:
        for script in scripts:
            write_json(folder / f"{script.stem}.json", fingerprint(script, Path()))
        write_parameters(parameters)
    print(f"fingerprint: the parameters are valid; {len(scripts)} stages, each with its modules")


if __name__ == "__main__":
    run_stage("fingerprint", main)
