"""The leakage audit, a gate: no group or duplicate may be in training and test.

The audit starts again from the manifest's own patients, pixels and hashes; it does not trust the
groups of the split.
"""

from dataclasses import asdict, dataclass
from typing import Any

import pandas as pd

from bakeoff.runtime.errors import BakeoffError
from bakeoff.runtime.tables import SIDES
from bakeoff.split.duplicates import group_keys, twins

# Pictures of the first side are searched in the second.
SIDE_PAIRS = (("val", "train"), ("test", "train"), ("test", "val"))


@dataclass(frozen=True)
class Crossing:
    """Groups and duplicates that two sides share."""

    groups: int  # patients or joined groups on both sides
    exact_duplicates: int  # pictures of the first side whose pixels are also in the second
    # pictures of the first side with only a near duplicate in the second; None if near duplicates
    # were not searched
    near_duplicates: int | None
    example: str  # a path of the first side that leaks, "" without a leak

    @property
    def leaks(self) -> bool:
        """Whether the sides share anything."""
        return bool(self.groups or self.exact_duplicates or self.near_duplicates)


@dataclass(frozen=True)
class Audit:
    """Everything that two sides share."""

    crossings: dict[str, Crossing]  # by names such as "test_train", for `SIDE_PAIRS`
    bits: int | None  # distance within which near duplicates were searched
    # whether the test side is the archive's own, so that leaks into it are reported but not refused
    official_test: bool
    test_groups: int  # groups on the test side
    # those with a patient, a picture or a near duplicate in train or val
    test_groups_in_training: int
    test_pictures_in_training: int  # pictures of those groups
    leaking_test: tuple[str, ...] = ()  # image_ids of these pictures, sorted

    def as_json(self) -> dict[str, Any]:
        """The audit for `leakage.json`: totals first, then every pair of sides."""
        crossings = {name: asdict(crossing) for name, crossing in self.crossings.items()}
        for facts in crossings.values():
            del facts["example"]
        return {
            "groups": sum(c.groups for c in self.crossings.values()),
            "exact_duplicates": sum(c.exact_duplicates for c in self.crossings.values()),
            "near_duplicates": None
            if self.bits is None
            else sum(c.near_duplicates or 0 for c in self.crossings.values()),
            "near_duplicate_bits": self.bits,
            "official_test": self.official_test,
            "test_groups": self.test_groups,
            "test_groups_in_training": self.test_groups_in_training,
            "test_pictures_in_training": self.test_pictures_in_training,
            "between": crossings,
        }


def audit_split(
    manifest: pd.DataFrame, pictures: pd.DataFrame, bits: int | None, *, official_test: bool
) -> Audit:
    """Search for patients, pixels and near duplicates on two sides."""
    rows = with_patients(manifest, pictures)
    sides = {side: rows[rows["side"] == side] for side in SIDES}
    found = {
        f"{one}_{other}": crossing(sides[one], sides[other], bits) for one, other in SIDE_PAIRS
    }
    test = sides["test"]
    leaking = found["test_train"][1] | found["test_val"][1]
    shared = test.loc[leaking, "group"].unique()
    inside = test[test["group"].isin(shared)]
    return Audit(
        {name: between for name, (between, _) in found.items()},
        bits,
        official_test,
        test_groups=int(test["group"].nunique()),
        test_groups_in_training=len(shared),
        test_pictures_in_training=len(inside),
        leaking_test=tuple(sorted(set(inside["image_id"]))),
    )


def with_patients(manifest: pd.DataFrame, pictures: pd.DataFrame) -> pd.DataFrame:
    """The dealt pictures with a column `patient`, from the manifest."""
    patients = group_keys(manifest).set_axis(manifest["path"])
    return pictures.assign(patient=patients.loc[pictures["path"]].to_numpy())


def crossing(
    ours: pd.DataFrame, theirs: pd.DataFrame, bits: int | None
) -> tuple[Crossing, "pd.Series[bool]"]:
    """The shared groups and duplicates, and which rows of `ours` share any with `theirs`."""
    exact, near = twins(ours, theirs, bits)
    joined = ours["group"].isin(theirs["group"])
    patient = ours["patient"].isin(theirs["patient"])
    leaking = joined | patient | exact | near
    found = Crossing(
        groups=max(ours.loc[joined, "group"].nunique(), ours.loc[patient, "patient"].nunique()),
        exact_duplicates=int(exact.sum()),
        near_duplicates=None if bits is None else int(near.sum()),
        example=str(ours.loc[leaking, "path"].min()) if leaking.any() else "",
    )
    return found, leaking


def refuse_leaks(audit: Audit) -> None:
    """Stop on any leak, except into the archive's own test side.

    Raises:
        BakeoffError: a leak, with one of the pictures.
    """
    for (one, other), crossing in zip(SIDE_PAIRS, audit.crossings.values(), strict=True):
        excused = audit.official_test and one == "test"
        if crossing.leaks and not excused:
            raise BakeoffError(
                f"the split leaks: {other} and {one} share {crossing.groups} groups,"
                f" {crossing.exact_duplicates} exact and {crossing.near_duplicates or 0} near"
                f" duplicates (one is {crossing.example}); please report this with the manifest"
            )
