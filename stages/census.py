"""Draw the data: classes, sides, copies and records."""

from bakeoff.runtime.stage import run_stage

from bakeoff.params.block import read_key
from bakeoff.params.data import AugmentParams
from bakeoff.report.data_figures import draw_census, draw_classes, draw_copies, draw_records
from bakeoff.runtime.files import writing_folder
from bakeoff.runtime.layout import MANIFEST, PLAN, PROCESSED, REPORTS
from bakeoff.runtime.tables import MANIFEST_COLUMNS, PLAN_COLUMNS, read_table


def main() -> None:
    mode = read_key("sort.mode")
    manifest, plan = read_table(MANIFEST, MANIFEST_COLUMNS), read_table(PLAN, PLAN_COLUMNS)
    with writing_folder(REPORTS / "census") as folder:
        draw_census(folder, REPORTS / "data", REPORTS / "split")
        draw_classes(folder, manifest, mode)
        draw_copies(folder, plan, mode, AugmentParams.read("augment").random)
        draw_records(folder, plan, PROCESSED, mode)
    print(f"census: pictures of the data in {REPORTS / 'census'}")


if __name__ == "__main__":
    run_stage("census", main)
