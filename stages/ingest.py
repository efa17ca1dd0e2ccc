"""Copy the chosen data set's files to data/raw."""

from bakeoff.runtime.stage import run_stage

from bakeoff.ingest.sources import bring
from bakeoff.params.datasets import dataset_path
from bakeoff.params.resolved import resolved_dataset
from bakeoff.runtime.files import writing_folder
from bakeoff.runtime.layout import RAW


def main() -> None:
    name, dataset = resolved_dataset()
    with writing_folder(RAW) as folder:
        brought = bring(dataset, dataset_path(name), folder)
    print(f"{name}: {brought.files} files in {RAW}, {len(brought.left_out)} members left out")


if __name__ == "__main__":
    run_stage("ingest", main)
