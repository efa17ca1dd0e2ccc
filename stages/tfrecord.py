"""Export the planned pictures as TFRecords, and read every one of them back."""

from bakeoff.runtime.stage import run_stage

from dataclasses import asdict

from bakeoff.params.block import read_key
from bakeoff.params.data import AugmentParams, TfrecordParams
from bakeoff.runtime.files import read_json, write_json, writing_folder
from bakeoff.runtime.layout import INTERIM, PLAN, PROCESSED, REPORTS
from bakeoff.runtime.tables import PLAN_COLUMNS, read_table
from bakeoff.tfrecord.roundtrip import check_round_trip
from bakeoff.tfrecord.writing import Export, write_records


def main() -> None:
    params = TfrecordParams.read("tfrecord")
    ranges = AugmentParams.read("augment").random
    classes = tuple(read_json(INTERIM / "classes.json"))
    export = Export(params, ranges, read_key("sort.mode"), classes, read_key("sort.white"))
    plan = read_table(PLAN, PLAN_COLUMNS)
    with writing_folder(PROCESSED) as folder, writing_folder(REPORTS / "tfrecord") as reports:
        index, checksums = write_records(plan, export, folder)
        trips = check_round_trip(folder, plan, export, checksums)
        write_json(reports / "roundtrip.json", {side: asdict(trip) for side, trip in trips.items()})
    print(
        "tfrecord: "
        + ", ".join(f"{part.examples} {side}" for side, part in index.splits.items())
        + f" examples in {sum(len(part.shards) for part in index.splits.values())} shards,"
        + f" {params.image_side} x {params.image_side}, all read back"
    )


if __name__ == "__main__":
    run_stage("tfrecord", main)
