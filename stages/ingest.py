"""Copy the chosen data set's files to data/raw."""

from bakeoff.runtime.stage import run_stage

from bakeoff.ingest.source_change import listing_of, note_source
from bakeoff.ingest.sources import bring
from bakeoff.params.dataset_files import dataset_path
from bakeoff.params.resolved import resolved_dataset
from bakeoff.runtime.files import writing_folder
from bakeoff.runtime.layout import RAW


def main() -> None:
    name, dataset = resolved_dataset()
    files = listing_of(dataset)
    with writing_folder(RAW) as folder:
        brought = bring(dataset, dataset_path(name), folder)
    note_source(name, dataset, files)
    print(f"{name}: {brought.files} files in {RAW}, {len(brought.left_out)} members left out")


if __name__ == "__main__":
    run_stage("ingest", main)
