"""Gather the accuracies of runs on real pictures in `real_data.csv`, a row for each model.

`python benchmarks/real_data.py CLONE...`, where each clone's `dvc repro` has ended. Rows of other
data sets stay. `docs/results.md` has the settings of each run. Seconds are left out: they depend on
the machine.
"""

import sys
from pathlib import Path

import pandas as pd
from ruamel.yaml import YAML

from bakeoff.runtime.tables import read_csv

RESULTS = Path(__file__).resolve().parent / "real_data.csv"
SCORES = ("accuracy", "accuracy_low", "accuracy_high", "cohen_kappa", "macro_f1", "log_loss")
TEST = ("test_pictures", "test_accuracy", "test_accuracy_low", "test_accuracy_high")
COLUMNS = (
    "dataset", "model", "weights", "n_test", "groups_test", "folds", "repeats", *SCORES,
    "against_best", *TEST,
)  # fmt: skip


def rows_of(clone: Path) -> pd.DataFrame:
    """The rows of one clone, best first."""
    dataset = YAML(typ="safe").load(clone / "params.yaml")["dataset"]
    table = read_csv(clone / "reports" / "comparison.csv", all_text=True)
    return table.assign(dataset=dataset).loc[:, list(COLUMNS)]


def main(clones: list[Path]) -> None:
    found = [rows_of(clone) for clone in clones]
    replaced = {dataset for rows in found for dataset in rows["dataset"]}
    if RESULTS.exists():
        known = read_csv(RESULTS, all_text=True)
        found.insert(0, known[~known["dataset"].isin(replaced)])
    table = pd.concat(found).sort_values("dataset", kind="stable")
    for name in (*SCORES, *TEST[1:]):
        table[name] = pd.to_numeric(table[name]).map("{:.4f}".format).replace("nan", "")
    table.to_csv(RESULTS, index=False, lineterminator="\n")


if __name__ == "__main__":
    main([Path(argument) for argument in sys.argv[1:]])
