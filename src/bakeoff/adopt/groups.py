"""Likely groups: patients, sessions, or copies of one picture, by the names of files."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from bakeoff.adopt.folder_readings import individuals
from bakeoff.sort.idle_keys import PATIENTS
from bakeoff.sort.labelled_file import LabelledFile

_COPIES = r"[^/]+(?=\.rf\.\w+\.\w+$)"  # Roboflow's copies of one picture
_EYES = r"(?i)[^/]+(?=[-_ ](left|right|l|r|od|os)\.\w+$)"  # both eyes or hands of one person
_LEVELS = 4


@dataclass(frozen=True)
class Groups:
    """A pattern for `group`, and what it fits."""

    pattern: str
    what: str
    matched: int
    groups: int
    total: int

    def described(self) -> str:
        """How much it fits, in one line."""
        groups = self.groups + self.total - self.matched
        return f"{self.matched} of {self.total} names matched, {groups} groups"


def likely_groups(usable: Sequence[LabelledFile]) -> Groups | None:
    """The likeliest pattern, or None.

    A pattern counts if it fits half of the names, groups several pictures, and leaves each class
    at least three groups, one for each side.
    """
    candidates = [(_COPIES, "copies of one picture")]
    candidates += [(_EYES, "left and right of one person")]
    candidates += [(p, "folders of patients, sessions or objects") for p in _folders(usable)]
    both = "|".join(PATIENTS)
    candidates += [(p, "patients, sessions or objects, by their names") for p in (both, *PATIENTS)]
    fitting = [g for pattern, what in candidates if (g := _fit(pattern, what, usable))]
    return max(fitting, key=lambda g: (g.matched, -len(g.pattern)), default=None)


def _folders(usable: Sequence[LabelledFile]) -> list[str]:
    """Patterns of whole folders whose names differ in their numbers, and are no class."""
    parts = [(item.label, PurePosixPath(item.path).parts[:-1]) for item in usable]
    found = []
    for level in range(1, _LEVELS + 1):
        names = {folders[-level] for _, folders in parts if len(folders) >= level}
        is_label = all(
            label in folders[-level] for label, folders in parts if len(folders) >= level
        )
        if names and not is_label and individuals(names):
            found.append("[^/]+(?=" + "/[^/]+" * level + "$)")
    return found


def _fit(pattern: str, what: str, usable: Sequence[LabelledFile]) -> Groups | None:
    by_label: dict[str, set[str]] = {item.label: set() for item in usable}
    matched: list[str] = []
    for item in usable:
        match = re.search(pattern, f"/{item.path}")
        by_label[item.label].add(match.group() if match else item.path)
        if match:
            matched.append(match.group())
    groups = len(set(matched))
    if 2 * len(matched) < len(usable) or not 2 * len(by_label) <= groups < 0.95 * len(matched):
        return None
    if min(len(names) for names in by_label.values()) < 3:
        return None
    return Groups(pattern, what, len(matched), groups, len(usable))
