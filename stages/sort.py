"""Validate every raw file, sort the usable ones by class, and write the census."""

from bakeoff.runtime.stage import run_stage

from bakeoff.params.data import SortParams
from bakeoff.params.dataset_files import dataset_path
from bakeoff.params.resolved import resolved_dataset
from bakeoff.runtime.errors import one_line
from bakeoff.runtime.files import write_json, writing_folder
from bakeoff.runtime.layout import INTERIM, RAW, REPORTS
from bakeoff.runtime.tables import MANIFEST_COLUMNS
from bakeoff.sort.census import write_census
from bakeoff.sort.sorting import sort_pictures


def main() -> None:
    name, dataset = resolved_dataset()
    params = SortParams.read("sort")
    with writing_folder(INTERIM) as interim, writing_folder(REPORTS / "data") as reports:
        found = sort_pictures(
            RAW,
            interim,
            dataset=dataset,
            params=params,
            where=dataset_path(name),
            prefix=INTERIM.as_posix(),
        )
        manifest = found.manifest[list(MANIFEST_COLUMNS)]
        manifest.to_csv(interim / "manifest.csv", index=False, lineterminator="\n")
        found.quarantine.to_csv(interim / "quarantine.csv", index=False, lineterminator="\n")
        write_json(interim / "classes.json", found.classes)
        write_census(reports, found.manifest, found.quarantine)
    counts = found.manifest["label"].value_counts().sort_index()
    shown = ", ".join(f"{count} {label}" for label, count in counts.items())
    print(one_line(f"{name}: {shown}"))
    for reason, count in found.quarantine["reason"].value_counts().items():
        print(f"  {count} {reason}")


if __name__ == "__main__":
    run_stage("sort", main)
