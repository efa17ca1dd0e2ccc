"""Splits of random manifests: no rule about groups or classes is ever broken."""

import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bakeoff.params.data import Fractions, SplitParams
from bakeoff.runtime.errors import BakeoffError
from bakeoff.split.leakage import audit_split, refuse_leaks
from bakeoff.split.splitting import SIDES, split_manifest

COLUMNS = ["image_id", "path", "label", "group", "phash", "official"]


def hash_of(number: int, flipped: int = 0) -> str:
    """Half of the bits set, far from every other number's, but for `flipped`."""
    bits = np.random.default_rng(number).permutation(256) < 128
    return f"{int.from_bytes(np.packbits(bits).tobytes(), 'big') ^ flipped:064x}"


def row(number, label, group="", *, pixels=None, near=0, official=""):
    """A picture; `pixels` repeats another's pixels, `near` is a near duplicate's bit pattern."""
    picture = number if pixels is None else pixels
    return (
        f"{picture:08d}-{near}",
        f"{label}/{number:05d}.png",
        label,
        group,
        hash_of(picture, near),
        official,
    )


def table(rows) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=COLUMNS)


@st.composite
def manifests(draw, first: int = 0, official: bool = False):
    """Patients with pictures of one or two classes, exact and near duplicates among them."""
    rows, number = [], first
    labels = draw(st.sampled_from([("a", "b"), ("a", "b", "c")]))
    for label in labels:
        for patient in range(draw(st.integers(3, 12))):
            pattern = draw(st.booleans())
            for _ in range(draw(st.integers(1, 4))):
                pixels = draw(st.one_of(st.none(), st.integers(first, number)))
                near = draw(st.sampled_from([0, 0, 0, 0b1, 0b111]))
                here = draw(st.sampled_from([label] * 9 + [labels[0]]))
                group = f"{label}{first}-{patient}" if pattern else ""
                where = draw(st.sampled_from(["train", "test"])) if official else ""
                use = pixels if draw(st.integers(0, 5)) == 0 else None
                rows.append(row(number, here, group, pixels=use, near=near, official=where))
                number += 1
    return table(rows)


PARAMS = st.builds(
    SplitParams,
    fractions=st.sampled_from([Fractions(), Fractions(train=0.5, val=0.2, test=0.3)]),
    near_duplicates=st.sampled_from([8, None]),
    stable=st.booleans(),
    official_test=st.just(False),
)
slowly = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@slowly
@given(manifest=manifests(), params=PARAMS, seed=st.integers(0, 9))
def test_no_rule_is_ever_broken(manifest, params, seed):
    try:
        split = split_manifest(manifest, params, seed)
    except BakeoffError as refusal:
        assert "class" in str(refusal)
        return
    pictures = split.pictures
    sides = pictures.set_index("path")["side"]
    assert sorted([*pictures["path"], *split.left_out["path"]]) == sorted(manifest["path"])
    # Patients, pixels and joined groups, straight from the manifest.
    kept = manifest[manifest["path"].isin(sides.index)].assign(side=lambda m: m["path"].map(sides))
    assert kept.groupby("image_id")["side"].nunique().max() == 1
    named = kept[kept["group"] != ""]
    assert named.empty or named.groupby("group")["side"].nunique().max() == 1
    assert pictures.groupby("group")["side"].nunique().max() == 1
    if params.near_duplicates is not None:
        for i, one in enumerate(kept.itertuples()):
            for other in list(kept.itertuples())[:i]:
                apart = (int(one.phash, 16) ^ int(other.phash, 16)).bit_count()
                assert apart > 8 or one.side == other.side
    # Stratified: every class stands on every side.
    for label in manifest["label"].unique():
        assert set(pictures.loc[pictures["label"] == label, "side"]) == set(SIDES)
    assert params.stable or split.left_out.empty
    audit = audit_split(manifest, pictures, params.near_duplicates, official_test=False)
    refuse_leaks(audit)
    assert audit.as_json()["groups"] == audit.as_json()["exact_duplicates"] == 0


@slowly
@given(manifest=manifests(), params=PARAMS, shuffle=st.integers(0, 99))
def test_the_order_of_rows_never_matters(manifest, params, shuffle):
    shuffled = manifest.sample(frac=1, random_state=shuffle)
    try:
        expected = split_manifest(manifest, params, 1)
    except BakeoffError as refusal:
        with pytest.raises(BakeoffError) as again:
            split_manifest(shuffled, params, 1)
        assert str(again.value) == str(refusal)
        return
    pd.testing.assert_frame_equal(split_manifest(shuffled, params, 1).pictures, expected.pictures)


@slowly
@given(data=st.data(), seed=st.integers(0, 5))
def test_a_stable_split_moves_no_picture_when_others_come(data, seed):
    old = data.draw(manifests())
    new = data.draw(manifests(first=500))
    # Some newcomers duplicate old pictures, exactly or nearly.
    twins = data.draw(st.lists(st.integers(0, len(old) - 1), max_size=5))
    extra = [
        row(900 + i, "a", pixels=int(old["image_id"][t][:8]), near=i % 2)
        for i, t in enumerate(twins)
    ]
    grown = pd.concat([old, new, table(extra)], ignore_index=True)
    params = SplitParams(stable=True)
    try:
        before = split_manifest(old, params, seed).pictures.set_index("path")["side"]
        after = split_manifest(grown, params, seed)
    except BakeoffError:
        return
    sides = after.pictures.set_index("path")["side"]
    both = before.index.intersection(sides.index)
    assert sides[both].equals(before[both])
    gone = before.index.difference(sides.index)
    assert set(gone) <= set(after.left_out["path"])
    assert "test" not in set(before[gone])


@slowly
@given(manifest=manifests(official=True), stable=st.booleans())
def test_the_official_test_side_is_kept_whole_and_its_leaks_are_counted(manifest, stable):
    params = SplitParams(near_duplicates=8, official_test=True, stable=stable)
    try:
        split = split_manifest(manifest, params, 3)
    except BakeoffError:
        return
    sides = split.pictures.set_index("path")["side"]
    official = manifest.set_index("path")["official"]
    assert set(sides.index[sides == "test"]) == set(official.index[official == "test"])
    audit = audit_split(manifest, split.pictures, 8, official_test=True)
    refuse_leaks(audit)
    assert not audit.crossings["val_train"].leaks
    test = manifest[manifest["official"] == "test"]
    rest = manifest[(manifest["official"] != "test") & manifest["path"].isin(sides.index)]
    shared = [
        one.path
        for one in test.itertuples()
        for other in rest.itertuples()
        if (one.group and one.group == other.group)
        or (int(one.phash, 16) ^ int(other.phash, 16)).bit_count() <= 8
    ]
    groups = split.pictures.set_index("path").loc[list(test["path"]), "group"]
    leaking = groups.isin(groups[sorted(set(shared))])
    assert audit.test_pictures_in_training == leaking.sum()
    assert audit.test_groups_in_training == groups[leaking].nunique()


def many(label: str, groups: int, start: int = 0, official: str = ""):
    return [row(start + i, label, f"{label}{i}", official=official) for i in range(groups)]


def test_a_class_of_two_groups_is_refused_by_name_with_the_remedy():
    rows = many("cat", 10) + [row(100 + i, "dog", f"d{i % 2}") for i in range(8)]
    with pytest.raises(BakeoffError, match=r"'dog' has 2 \(8 pictures\); add pictures"):
        split_manifest(table(rows), SplitParams(), 0)


def test_an_official_test_side_needs_pictures_of_every_class():
    rows = many("cat", 10) + many("dog", 10, 100)
    with pytest.raises(BakeoffError, match="no picture is in the archive's own test folder"):
        split_manifest(table(rows), SplitParams(official_test=True), 0)
    rows += many("cow", 10, 200, "test") + many("cow", 3, 300) + [row(400, "cat", official="test")]
    with pytest.raises(BakeoffError, match="class 'dog'"):
        split_manifest(table(rows), SplitParams(official_test=True), 0)


def test_a_stable_split_that_misses_a_side_says_so():
    with pytest.raises(BakeoffError, match="split.stable"):
        split_manifest(table(many("cat", 40) + many("dog", 3, 100)), SplitParams(stable=True), 4)


def test_another_seed_gives_another_split_in_the_same_proportions():
    manifest = table(many("cat", 100) + many("dog", 40, 200))
    first, second = (split_manifest(manifest, SplitParams(), seed).pictures for seed in (0, 1))
    assert not first.equals(second)
    for split in (first, second):
        counts = pd.crosstab(split["label"], split["side"])
        assert counts.loc["cat", list(SIDES)].tolist() == [70, 15, 15]
        assert counts.loc["dog", list(SIDES)].tolist() == [28, 6, 6]


def test_stable_sides_hold_about_the_asked_fractions():
    rows = many("cat", 1500) + many("dog", 1500, 2000)
    counts = split_manifest(table(rows), SplitParams(stable=True), 0).pictures["side"]
    shares = counts.value_counts(normalize=True)
    # Four standard deviations of a binomial share of 3000.
    assert abs(shares["train"] - 0.7) < 0.034
    assert abs(shares["test"] - 0.15) < 0.026


def test_every_way_out_of_too_small_classes_ends_the_error():
    rows = many("cat", 9) + many("dog", 6)
    rows += [row(200 + i, f"rare{i % 7}", f"r{i}") for i in range(12)]
    manifest = table(rows)
    with pytest.raises(BakeoffError) as caught:
        split_manifest(manifest, SplitParams(), 1)
    told = str(caught.value)
    assert "7 of 9 classes have fewer: 'rare0' has 2 (2 pictures)" in told
    assert "and 2 more" in told
    counts = manifest["label"].value_counts()
    least = int(re.search(r"'sort.min_pictures: (\d+)'", told).group(1))
    largest = int(re.search(r"'sort.limit_classes: (\d+)'", told).group(1))
    for kept in (counts.index[counts >= least], counts.index[:largest]):
        left = manifest[manifest["label"].isin(kept)].reset_index(drop=True)
        assert set(split_manifest(left, SplitParams(), 1).pictures["label"]) == {"cat", "dog"}


def test_few_small_classes_are_named_in_the_key_that_leaves_them_out():
    rows = many("cat", 9) + many("dog", 6) + [row(200, "rare", "r")]
    with pytest.raises(BakeoffError, match=r"leave_out_labels: \['rare'\]"):
        split_manifest(table(rows), SplitParams(), 1)


def test_the_missing_test_folder_names_the_key_of_the_data_sets_file():
    manifest = table(many("cat", 9) + many("dog", 9)).assign(official="")
    with pytest.raises(BakeoffError, match=r"name it with \"official: \{test: '\*/test/\*'\}\""):
        split_manifest(manifest, SplitParams(official_test=True), 1)
