"""Subsampling for quick runs: the largest classes, a share of the groups.

Both use only names, before a picture is decoded, and no random numbers: a group's rank is a hash of
its key. The sample therefore does not depend on the seed, and a larger share contains a smaller
one.
"""

import hashlib
import math
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import replace

from bakeoff.runtime.errors import BakeoffError
from bakeoff.sort.labelled_file import LabelledFile

UNSAMPLED = "not in the sample"
MOST_CLASSES = 2000
"""With more, the probabilities of every picture and class would fill the memory when compared."""


def limit_classes(found: Sequence[LabelledFile], count: int | None) -> list[LabelledFile]:
    """Leave out all but the `count` classes with the most files; ties go by name.

    Raises:
        BakeoffError: more than `MOST_CLASSES` are left.
    """
    counts = Counter(item.label for item in found if item.reason is None)
    left = min(count or len(counts), len(counts))
    if left > MOST_CLASSES:
        raise BakeoffError(
            f"the pictures have {left} classes, and at most {MOST_CLASSES} can be compared; set "
            f"'sort.limit_classes: {MOST_CLASSES}' in params.yaml to keep the largest, or give a "
            "label that says less"
        )
    if count is None or count >= len(counts):
        return list(found)
    largest = set(sorted(counts, key=lambda label: (-counts[label], label))[:count])
    detail = f"not one of the {count} largest classes"
    return [
        replace(item, reason="left out", detail=detail)
        if item.reason is None and item.label not in largest
        else item
        for item in found
    ]


def sample_groups(found: Sequence[LabelledFile], share: float) -> list[LabelledFile]:
    """Leave out all but a share of each class's groups, rounded up; groups are never split."""
    if share >= 1:
        return list(found)
    groups: dict[str, set[str]] = defaultdict(set)
    for item in found:
        if item.reason is None:
            groups[item.label].add(group_key(item))
    taken = {
        label: set(sorted(keys, key=_rank)[: math.ceil(share * len(keys))])
        for label, keys in groups.items()
    }
    return [
        replace(item, reason="left out", detail=UNSAMPLED)
        if item.reason is None and group_key(item) not in taken[item.label]
        else item
        for item in found
    ]


def group_key(item: LabelledFile) -> str:
    """The group's name, or the path of a picture that is its own group."""
    return item.group or f"/{item.path}"


def _rank(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()
