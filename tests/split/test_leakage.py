"""The audit finds planted leaks, and the gate stops them."""

import pandas as pd
import pytest

from bakeoff.runtime.errors import BakeoffError
from bakeoff.split.leakage import audit_split, refuse_leaks
from tests.split.test_splitting import row, table


def dealt(rows, sides: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """A manifest, and the same dealt by hand: one letter of t(rain), v(al), e(test) a row."""
    manifest = table(rows)
    names = {"t": "train", "v": "val", "e": "test"}
    keys = manifest["group"].where(manifest["group"] != "", manifest["image_id"])
    return manifest, manifest.assign(side=[names[s] for s in sides], group=keys)


def test_each_kind_of_leak_is_counted_between_its_sides():
    manifest, pictures = dealt(
        [
            row(0, "a", "ann"),
            row(1, "a", "ann"),  # the patient, in val
            row(2, "a", "ben"),
            row(3, "a", "cat", pixels=2),  # the pixels, in test
            row(4, "a", "dan"),
            row(5, "a", "eve", pixels=4, near=0b11),  # nearly the same, val and test
            row(6, "a", "fay"),
        ],
        "tvtevet",
    )
    audit = audit_split(manifest, pictures, 8, official_test=False)
    between = audit.as_json()["between"]
    assert between["val_train"] == {"groups": 1, "exact_duplicates": 0, "near_duplicates": 0}
    assert between["test_train"] == {"groups": 0, "exact_duplicates": 1, "near_duplicates": 0}
    assert between["test_val"] == {"groups": 0, "exact_duplicates": 0, "near_duplicates": 1}
    with pytest.raises(BakeoffError, match="train and val share 1 groups.*a/00001.png"):
        refuse_leaks(audit)
    assert (
        audit_split(manifest, pictures, None, official_test=False).as_json()["near_duplicates"]
        is None
    )


def test_the_gate_is_lifted_for_an_official_test_side_alone():
    rows = [row(0, "a", "ann"), row(1, "a", "ann"), row(2, "a", "ben"), row(3, "a", "ben")]
    manifest, pictures = dealt(rows, "tete")
    audit = audit_split(manifest, pictures, 8, official_test=True)
    refuse_leaks(audit)
    assert (audit.test_groups, audit.test_groups_in_training) == (2, 2)
    assert audit.test_pictures_in_training == 2
    manifest, pictures = dealt(rows, "tvee")
    with pytest.raises(BakeoffError, match="train and val"):
        refuse_leaks(audit_split(manifest, pictures, 8, official_test=True))


def test_the_audit_does_not_trust_the_joined_groups():
    manifest, pictures = dealt([row(0, "a", "ann"), row(1, "a", "ann")], "te")
    renamed = pictures.assign(group=["x", "y"])
    with pytest.raises(BakeoffError, match="share 1 groups"):
        refuse_leaks(audit_split(manifest, renamed, 8, official_test=False))
