"""Folds of random manifests: whole groups, every class in every fold, nothing in two of them."""

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bakeoff.params.data import SplitParams
from bakeoff.params.folds import FoldsParams
from bakeoff.runtime.errors import BakeoffError
from bakeoff.split.fold_dealing import audit_folds, deal_folds, wants_folds, with_fold_groups
from bakeoff.split.splitting import split_manifest
from tests.split.test_splitting import manifests, row, table

PARAMS = SplitParams(near_duplicates=16)


def people(groups: int, each: int = 2, labels: str = "ab") -> pd.DataFrame:
    """`groups` patients of every class, with `each` pictures."""
    rows, number = [], 0
    for label in labels:
        for patient in range(groups):
            for _ in range(each):
                rows.append(row(number, label, f"{label}{patient}"))
                number += 1
    return table(rows)


@given(manifests(), st.integers(3, 5), st.integers(0, 9))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_no_group_or_duplicate_stands_in_two_folds(manifest, count, seed):
    try:
        split = split_manifest(manifest, PARAMS, seed)
        folds = deal_folds(split, FoldsParams(count=count, repeats=2), "folds", seed)
    except BakeoffError:
        return
    pictures = with_fold_groups(split)
    assert audit_folds(manifest, pictures, folds, 16)["groups"] == 0
    for _, dealt in folds.groupby("repeat"):
        assert set(dealt["image_id"]) == set(manifest["image_id"])
        assert dealt["image_id"].is_unique
        placed = pictures.merge(dealt, on="image_id")
        assert placed.groupby("group")["fold"].nunique().max() == 1
        per_class = placed.groupby("label")["fold"].nunique()
        assert per_class.nunique() == 1  # every class in every fold
        assert per_class.iloc[0] == dealt["fold"].nunique()


def test_folds_are_of_one_size_and_classes_in_proportion():
    manifest = people(20)
    folds = deal_folds(
        split_manifest(manifest, PARAMS, 1), FoldsParams(count=5, repeats=3), "auto", 1
    )
    placed = manifest.merge(folds, on="image_id")
    assert (placed.groupby(["repeat", "fold", "label"]).size() == 8).all()
    assert len(folds) == 3 * len(manifest)


def test_the_seed_decides_and_repeats_differ():
    split = split_manifest(people(20), PARAMS, 1)
    one, again, other = (
        deal_folds(split, FoldsParams(count=5, repeats=2), "auto", seed) for seed in (1, 1, 2)
    )
    pd.testing.assert_frame_equal(one, again)
    assert not one.equals(other)
    first, second = (one.loc[one["repeat"] == r, "fold"].to_numpy() for r in (0, 1))
    assert (first != second).any()


def test_the_order_of_the_rows_decides_nothing():
    manifest = people(9)
    mixed = manifest.sample(frac=1, random_state=3)
    one, other = (
        deal_folds(split_manifest(rows, PARAMS, 1), FoldsParams(count=5, repeats=2), "auto", 1)
        for rows in (manifest, mixed)
    )
    pd.testing.assert_frame_equal(one, other)


def test_a_rare_class_lowers_the_number_of_folds(caplog):
    manifest = pd.concat([people(9, labels="a"), people(4, labels="b")], ignore_index=True)
    manifest["path"] = [f"{i:05d}.png" for i in range(len(manifest))]
    manifest["image_id"] = manifest["path"]
    manifest["phash"] = [row(i, "a")[4] for i in range(len(manifest))]
    folds = deal_folds(
        split_manifest(manifest, PARAMS, 1), FoldsParams(count=5, repeats=1), "auto", 1
    )
    assert folds["fold"].nunique() == 4
    assert "class 'b' has 4 groups" in caplog.text


def test_with_two_groups_of_a_class_there_are_no_folds():
    rows = [row(i, "a", f"a{i}") for i in range(6)]
    # b1 stands on both of the archive's sides, so that class b has two groups in all.
    rows += [row(10, "b", "b0"), row(11, "b", "b1"), row(12, "b", "b1")]
    manifest = table(rows)
    manifest["official"] = ["test" if i in (4, 5, 8) else "train" for i in range(9)]
    split = split_manifest(manifest, SplitParams(official_test=True), 1)
    assert deal_folds(split, FoldsParams(count=5, repeats=3), "auto", 1).empty
    with pytest.raises(BakeoffError, match="class 'b' has 2: add pictures"):
        deal_folds(split, FoldsParams(count=5, repeats=3), "folds", 1)


def test_a_patient_on_both_official_sides_stands_in_one_fold():
    manifest = people(6, each=2)
    manifest["official"] = ["train", "test"] * (len(manifest) // 2)
    split = split_manifest(manifest, SplitParams(official_test=True), 1)
    folds = deal_folds(split, FoldsParams(count=3, repeats=2), "folds", 1)
    audit = audit_folds(manifest, with_fold_groups(split), folds, 16)
    assert audit == {
        "repeats": 2,
        "folds": 3,
        "groups": 0,
        "exact_duplicates": 0,
        "near_duplicates": 0,
    }


def test_the_gate_stops_a_planted_leak():
    manifest = people(6)
    split = split_manifest(manifest, PARAMS, 1)
    folds = deal_folds(split, FoldsParams(count=3, repeats=1), "folds", 1)
    folds.loc[0, "fold"] = (folds.loc[0, "fold"] + 1) % 3
    with pytest.raises(BakeoffError, match=r"the folds leak: fold \d of repeat 0 shares 1 groups"):
        audit_folds(manifest, with_fold_groups(split), folds, 16)


def test_small_sets_get_folds_unless_the_official_test_side_is_kept():
    assert wants_folds("auto", 300, False)
    assert not wants_folds("auto", 300, True)
    assert not wants_folds("auto", 3000, False)
    assert wants_folds("folds", 30_000, True)
    assert not wants_folds("split", 300, False)
