"""Plan the extra copies of the pictures."""

from bakeoff.runtime.stage import run_stage

import pandas as pd

from bakeoff.augment.augmentation_plan import PICTURE_COLUMNS, plan_augmentation
from bakeoff.augment.copies import materialize
from bakeoff.augment.fold_copies import plan_fold_copies
from bakeoff.params.block import read_key
from bakeoff.params.data import AugmentParams
from bakeoff.runtime.files import writing_folder
from bakeoff.runtime.layout import FOLD_TABLE, PLAN, SPLITS
from bakeoff.runtime.tables import FOLD_COLUMNS, SIDES, read_splits, read_table, write_table


def main() -> None:
    params, seed = AugmentParams.read("augment"), int(read_key("seed"))
    mode = read_key("sort.mode")
    pictures = read_splits(SPLITS, PICTURE_COLUMNS)
    plan = plan_augmentation(pictures, params, seed)
    folds = read_table(FOLD_TABLE, FOLD_COLUMNS)
    copies = plan_fold_copies(plan, pictures, folds, params, seed)
    plan = pd.concat([plan, copies], ignore_index=True)
    with writing_folder(PLAN.parent) as folder:
        write_table(plan, folder / PLAN.name)
        if params.materialize:
            materialize(plan, folder / "pictures", mode, params.random)
    counts = plan["split"].value_counts()
    originals = pictures["side"].value_counts()
    print(
        "augment: "
        + ", ".join(f"{counts[side]} {side} from {originals[side]}" for side in SIDES)
        + f" pictures, {len(copies)} further copies for the folds"
    )


if __name__ == "__main__":
    run_stage("augment", main)
