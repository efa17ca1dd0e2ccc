import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bakeoff.runtime.errors import BakeoffError
from bakeoff.sort.labelled_file import LabelledFile
from bakeoff.sort.sampling import MOST_CLASSES, UNSAMPLED, group_key, limit_classes, sample_groups

FOUND = st.lists(
    st.builds(
        LabelledFile,
        path=st.integers(0, 10**6).map("{}.png".format),
        label=st.sampled_from(["a", "b", "c"]),
        group=st.sampled_from(["", "g1", "g2", "g3", "g4"]),
    ),
    max_size=40,
    unique_by=lambda item: item.path,
)


def groups_by_label(found: list[LabelledFile]) -> dict[str, set[str]]:
    groups: dict[str, set[str]] = {}
    for item in found:
        if item.reason is None:
            groups.setdefault(item.label, set()).add(group_key(item))
    return groups


@given(FOUND, st.floats(0.01, 1), st.floats(0.01, 1))
def test_a_sample_is_a_share_of_each_class_and_keeps_groups_whole(
    found: list[LabelledFile], one: float, other: float
) -> None:
    small, large = sorted((one, other))
    before = groups_by_label(found)
    taken = sample_groups(found, small)
    assert [item.path for item in taken] == [item.path for item in found]
    after = groups_by_label(taken)
    assert {k: len(v) for k, v in after.items()} == {
        label: math.ceil(small * len(groups)) for label, groups in before.items()
    }
    for item in taken:
        kept = group_key(item) in after[item.label]
        assert item.reason == (None if kept else "left out")
        assert item.detail == ("" if kept else UNSAMPLED)
    larger = groups_by_label(sample_groups(found, large))
    assert all(groups <= larger[label] for label, groups in after.items())


def test_the_largest_classes_stay() -> None:
    found = [
        LabelledFile(f"{label}{i}.png", label)
        for label, n in [("a", 1), ("b", 3), ("c", 3), ("d", 2)]
        for i in range(n)
    ]
    found.append(LabelledFile("x.png", reason="unknown class"))
    kept = limit_classes(found, 2)
    assert {item.label for item in kept if item.reason is None} == {"b", "c"}
    assert {item.reason for item in kept if item.label in "ad" and item.label} == {"left out"}
    assert kept[-1] == found[-1]
    assert limit_classes(found, None) == found
    assert limit_classes(found, 9) == found
    tied = limit_classes(found, 3)
    assert {item.label for item in tied if item.reason is None} == {"b", "c", "d"}


def test_more_classes_than_can_be_compared_are_refused_with_the_key_that_helps():
    found = [LabelledFile(f"{i}.png", label=str(i)) for i in range(MOST_CLASSES + 1)]
    with pytest.raises(BakeoffError, match=r"2001 classes.*'sort.limit_classes: 2000'"):
        limit_classes(found, None)
    kept = [item for item in limit_classes(found, MOST_CLASSES) if item.reason is None]
    assert len(kept) == MOST_CLASSES
