"""The split's report, on a split small enough to count."""

import logging

import pandas as pd
import pytest

from bakeoff.params.data import SplitParams
from bakeoff.runtime.files import read_json
from bakeoff.split.leakage import audit_split
from bakeoff.split.split_report import count_table, warn_of_chains, write_split_report
from bakeoff.split.splitting import split_manifest
from tests.split.test_splitting import many, row, table


def test_counts_groups_and_deviations_by_hand():
    rows = many("cat", 20) + [row(100 + i, "dog", f"d{i // 2}") for i in range(20)]
    counts = count_table(split_manifest(table(rows), SplitParams(), 0)).set_index(["side", "class"])
    assert counts.loc[("train", "cat")].to_dict() == {
        "count": 14,
        "groups": 14,
        "share": 0.7,
        "asked": 0.7,
        "deviation": 0.0,
        "largest_group": 1,
    }
    # Ten pairs: 14 pictures are asked for train and given; 3 for val and test cannot be.
    assert counts.loc[("train", "dog"), "count"] == 14
    assert sorted(counts.loc[[("val", "dog"), ("test", "dog")], "count"]) == [2, 4]
    assert sorted(counts.loc[[("val", "dog"), ("test", "dog")], "deviation"]) == [-1, 1]
    assert counts.loc[("val", "all"), "count"] + counts.loc[("test", "all"), "count"] == 12


def test_an_official_test_side_is_met_by_definition():
    rows = many("cat", 20) + many("cat", 20, 100, "test") + many("dog", 9, 200)
    rows += many("dog", 1, 300, "test")
    split = split_manifest(table(rows), SplitParams(official_test=True), 0)
    counts = count_table(split).set_index(["side", "class"])
    assert counts.loc[("test", "cat"), "deviation"] == 0
    assert counts.loc[("train", "cat"), "asked"] == pytest.approx(0.5 * 0.7 / 0.85)
    assert counts["deviation"].abs().max() < 1


def test_the_report_is_whole_and_its_bytes_repeat(tmp_path):
    rows = many("cat", 20) + many("dog", 20, 100) + [row(200, "cat", pixels=3)]
    rows += [row(300 + i, "cat", "", pixels=300, near=near) for i, near in enumerate((0, 0b11))]
    manifest = table(rows)
    split = split_manifest(manifest, SplitParams(), 0)
    audit = audit_split(manifest, split.pictures, 8, official_test=False)
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        write_split_report(split, audit, tmp_path / name, {"repeats": 3, "groups": 0})
    names = sorted(p.name for p in (tmp_path / "one").iterdir())
    assert names == [
        "counts.csv",
        "duplicates.csv",
        "leakage.json",
        "left_out.csv",
        "summary.json",
    ]
    for name in names:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    summary = read_json(tmp_path / "one/summary.json")
    assert summary["exact_duplicate_sets"] == summary["exact_duplicate_pictures"] == 1
    assert summary["near_duplicate_pairs"] == 1
    assert summary["largest_group"]["pictures"] == 2
    pairs = pd.read_csv(tmp_path / "one/duplicates.csv")
    assert pairs["kind"].tolist() == ["exact", "near"]
    assert (pairs["first_side"] == pairs["second_side"]).all()
    leakage = read_json(tmp_path / "one/leakage.json")
    assert leakage["folds"] == {"repeats": 3, "groups": 0}
    assert [leakage[k] for k in ("groups", "exact_duplicates", "near_duplicates")] == [0, 0, 0]


def test_a_chain_of_near_duplicates_is_warned_of(caplog):
    chain = [row(900 + i, "cat", pixels=900, near=(1 << 6 * i) - 1) for i in range(10)]
    with caplog.at_level(logging.WARNING):
        warn_of_chains(split_manifest(table(many("cat", 40)), SplitParams(), 0))
        assert not caplog.records
        warn_of_chains(split_manifest(table(many("cat", 40) + chain), SplitParams(), 0))
    assert "joined 10 pictures (20%)" in caplog.text
