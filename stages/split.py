"""Deal the pictures to train, val and test; stop if a group or duplicate is on two sides."""

from bakeoff.runtime.stage import run_stage

import pandas as pd

from bakeoff.params.block import read_key
from bakeoff.params.data import SplitParams
from bakeoff.params.folds import FoldsParams
from bakeoff.runtime.files import writing_folder
from bakeoff.runtime.layout import FOLD_TABLE, LEAKING, MANIFEST, REPORTS, SPLITS
from bakeoff.runtime.tables import MANIFEST_COLUMNS, SIDES, read_table, write_table
from bakeoff.split.fold_dealing import audit_folds, deal_folds, with_fold_groups
from bakeoff.split.leakage import audit_split, refuse_leaks
from bakeoff.split.likeness import add_likeness
from bakeoff.split.split_report import warn_of_chains, write_split_report
from bakeoff.split.splitting import split_manifest


def main() -> None:
    params, seed = SplitParams.read("split"), int(read_key("seed"))
    manifest = add_likeness(read_table(MANIFEST, MANIFEST_COLUMNS), params.near_duplicates)
    split = split_manifest(manifest, params, seed)
    pictures = split.pictures
    audit = audit_split(
        manifest, pictures, params.near_duplicates, official_test=params.official_test
    )
    refuse_leaks(audit)
    warn_of_chains(split)
    folds = deal_folds(split, FoldsParams.read("folds"), read_key("evaluate.design"), seed)
    crossing = audit_folds(manifest, with_fold_groups(split), folds, params.near_duplicates)
    with writing_folder(SPLITS) as folder:
        for side in SIDES:
            rows = pictures.loc[pictures["side"] == side, list(MANIFEST_COLUMNS)]
            write_table(rows, folder / f"{side}.csv")
        write_table(folds, folder / FOLD_TABLE.name)
        leaking = pd.DataFrame({"image_id": list(audit.leaking_test)})
        write_table(leaking, folder / LEAKING.name)
    with writing_folder(REPORTS / "split") as folder:
        write_split_report(split, audit, folder, crossing)
    counts = pictures["side"].value_counts()
    dealt = ", ".join(f"{counts[side]} {side}" for side in SIDES)
    print(f"split: {dealt} in {pictures['group'].nunique()} groups, {len(split.left_out)} left out")
    if crossing["repeats"]:
        print(f"split: {crossing['folds']} folds, dealt {crossing['repeats']} times")
    if params.official_test:
        print(
            f"split: {audit.test_groups_in_training} of the official test side's"
            f" {audit.test_groups} groups are also in training"
        )


if __name__ == "__main__":
    run_stage("split", main)
