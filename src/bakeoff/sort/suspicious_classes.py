"""Warnings about classes that are probably sides, masks, combined labels or patients."""

import logging
import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import PurePosixPath

from bakeoff.params.datasets import Dataset, Folders
from bakeoff.runtime.errors import quoted, yaml_list
from bakeoff.sort.label_tables import SIDE_NAMES
from bakeoff.sort.labelled_file import LabelledFile

log = logging.getLogger(__name__)

MASK = re.compile(r"(?i)[-_. ](mask|masks|seg|segmentation|gt|label|overlay)([-_]?\d+)?$")
PATIENT = re.compile(r"(?i)^(patient|person|subject|subj|case|session|pat)[-_ ]?\d+$")
_SEPARATORS = re.compile(r"\s*[|;,+&]\s*")
_MOST = 0.8
_SHOWN = 6  # classes that a warning names
_LENGTH = 500  # characters of a list that can be copied


def warn_of_classes(found: Sequence[LabelledFile], dataset: Dataset) -> None:
    """Warn of classes, and of pictures in them, that are probably something else."""
    usable = [item for item in found if item.reason is None]
    labels = Counter(item.label for item in usable)
    _warn(
        [label for label in labels if label.lower() in SIDE_NAMES],
        "named like sides of a split: name the level of the classes with 'level', or",
    )
    patients = [label for label in labels if PATIENT.match(label)]
    if len(patients) > _MOST * len(labels):
        _warn(patients, "named like patients: if the folder above is the class, set 'level: 2', or")
    known = {label.casefold() for label in labels}
    combined = [
        label
        for label in labels
        if len(parts := _SEPARATORS.split(label.casefold())) > 1 and known & set(parts)
    ]
    _warn(combined, "made of the names of other classes: unless that is wanted,")
    if isinstance(dataset, Folders):
        _warn(_at_another_depth(usable), "at another depth than the rest, perhaps unlabelled:")
    _warn_of_masks(usable)


def _warn(labels: Sequence[str], what: str) -> None:
    if not labels:
        return
    labels = sorted(labels)
    shown = ", ".join(f"'{quoted(label, 40)}'" for label in labels[:_SHOWN])
    more = f" and {len(labels) - _SHOWN} more" if len(labels) > _SHOWN else ""
    remedy, rest = yaml_list(labels), ""
    if len(remedy) > _LENGTH:
        remedy, rest = yaml_list(labels[:_SHOWN]), more
    log.warning(
        '%s %s%s %s %s leave %s out with "leave_out_labels: %s"%s',
        *(("class", shown, more, "is") if len(labels) == 1 else ("classes", shown, more, "are")),
        *(what, "it" if len(labels) == 1 else "them", remedy, rest),
    )


def _at_another_depth(usable: Sequence[LabelledFile]) -> list[str]:
    """Labels whose pictures are all at an unusual folder depth."""
    depths: dict[str, Counter[int]] = defaultdict(Counter)
    for item in usable:
        depths[item.label][item.path.count("/")] += 1
    main = Counter(counter.most_common(1)[0][0] for counter in depths.values()).most_common(1)
    return [label for label, counter in depths.items() if main and main[0][0] not in counter]


def _warn_of_masks(usable: Sequence[LabelledFile]) -> None:
    stems = {str(PurePosixPath(item.path).with_suffix("")) for item in usable}
    masks = []
    for item in usable:
        stem = str(PurePosixPath(item.path).with_suffix(""))
        if (bare := MASK.sub("", stem)) != stem and bare in stems:
            masks.append(item.path)
    if masks:
        name = PurePosixPath(masks[0])
        ending = MASK.search(name.stem)
        glob = f"*{ending.group() if ending else ''}{name.suffix}"
        log.warning(
            "%d of %d pictures seem to be masks of others (%s): \"leave_out: ['%s']\" leaves them "
            "out",
            *(len(masks), len(usable), quoted(masks[0]), re.sub(r"\d+(?=\.\w+$)", "*", glob)),
        )
