"""Bring the chosen data set's files to data/raw."""

from bakeoff.stage import run_stage

from bakeoff.data.sources import bring
from bakeoff.files import writing_folder
from bakeoff.layout import RAW
from bakeoff.params.datasets import dataset_path, read_chosen_dataset


def main() -> None:
    name, dataset = read_chosen_dataset()
    with writing_folder(RAW) as folder:
        brought = bring(dataset, dataset_path(name), folder)
    print(f"{name}: {brought.files} files in {RAW}, {len(brought.left_out)} members left out")


if __name__ == "__main__":
    run_stage("ingest", main)
