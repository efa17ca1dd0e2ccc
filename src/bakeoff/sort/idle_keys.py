"""Refuse keys of a data set's file that match nothing; log how much the others match."""

import logging
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from bakeoff.ingest.member_names import matches
from bakeoff.params.datasets import Dataset, Table
from bakeoff.runtime.errors import BakeoffError, quoted
from bakeoff.runtime.tables import SIDES
from bakeoff.sort.labelled_file import LabelledFile

log = logging.getLogger(__name__)

# File names that show several pictures of one patient, session or object.
PATIENTS = (
    r"(?i)(patient|person|subject|subj|case|session|pat)[-_ ]?\d+",
    r"[^/]*\d{3,}(?=[-_ ]\d{1,4}\.\w+$)",  # NORMAL-1003352-0001.jpeg
)
_HALF = 0.5


def refuse_idle_labels(found: Sequence[LabelledFile], dataset: Dataset, where: Path) -> None:
    """Refuse a label of `rename` or `leave_out_labels` that was not found.

    Raises:
        BakeoffError: with the existing labels.
    """
    labels = {item.label for item in found if item.reason is None}
    for key, named in (
        ("rename", [*dataset.rename]),
        ("leave_out_labels", dataset.leave_out_labels),
    ):
        idle = [label for label in named if label not in labels]
        if idle and labels:
            raise BakeoffError(
                f"{where}: '{key}' has '{quoted(idle[0])}', which is no label found; there are "
                f"{quoted(', '.join(sorted(labels)), 200)}; correct or remove it"
            )


def refuse_idle_keys(found: Sequence[LabelledFile], dataset: Dataset, where: Path) -> None:
    """Log how many labelled names `group` and `official` match; refuse a key that matches none.

    Raises:
        BakeoffError: with an example of a name.
    """
    usable = [item for item in found if item.reason is None]
    if not usable:
        return
    first = quoted(f"/{usable[0].path}")
    grouped = [item.group for item in usable if item.group]
    by_column = isinstance(dataset, Table) and dataset.group_column
    if (dataset.group or by_column) and not grouped:
        key = f"'group' is '{dataset.group}'" if dataset.group else "'group_column' is empty"
        raise BakeoffError(
            f"{where}: {key}, which fits none of {len(usable)} names (the first is {first}); "
            "correct it, or remove it if every picture stands for itself"
        )
    if dataset.group or by_column:
        alone = len(usable) - len(grouped)
        groups = len(set(grouped)) + alone
        log.info("group: %d of %d names matched, %d groups", len(grouped), len(usable), groups)
    else:
        log.info("group: no pattern, so each of %d pictures is a group of its own", len(usable))
        _hint_at_patients(usable)
    _tell_sides(usable, dataset, where, first)


def _tell_sides(usable: Sequence[LabelledFile], dataset: Dataset, where: Path, first: str) -> None:
    sides = Counter(item.official for item in usable if item.official)
    idle = [(side, glob) for side, glob in dataset.official.items() if not sides[side]]
    if idle and not sides:
        raise BakeoffError(
            f"{where}: 'official.{idle[0][0]}' is '{idle[0][1]}', which fits none of {len(usable)} "
            f"names (the first is {first}); correct or remove it"
        )
    for side, glob in idle:  # many an archive lacks one of its sides
        taken = sum(matches(item.path, [glob]) for item in usable)
        if taken and getattr(dataset, "split_column", None) is None:
            log.warning(
                "'official.%s' is '%s', and an earlier glob of 'official' takes the %d names that "
                "it fits: write it before that one, or make that one narrower",
                *(side, glob, taken),
            )
            continue
        log.warning("'official.%s' is '%s', which fits none of %d names", side, glob, len(usable))
    if sides:
        by_side = ", ".join(f"{sides[side]} {side}" for side in SIDES)
        log.info("official: %d of %d names matched, %s", sides.total(), len(usable), by_side)


def _hint_at_patients(usable: Sequence[LabelledFile]) -> None:
    labels = {item.label for item in usable}
    for pattern in PATIENTS:
        matches = [match.group() for i in usable if (match := re.search(pattern, f"/{i.path}"))]
        groups = len(set(matches))
        if len(matches) >= _HALF * len(usable) and 2 * len(labels) <= groups < 0.9 * len(matches):
            log.warning(
                "%d of %d names look like %d patients, sessions or objects with several pictures "
                "each (%s): \"group: '%s'\" in the data set's file keeps each on one side",
                *(len(matches), len(usable), groups, quoted(matches[0]), pattern),
            )
            return
