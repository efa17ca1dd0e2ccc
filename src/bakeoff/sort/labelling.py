"""Finding the class, the group and the official side of each raw file, by its path or a table."""

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from bakeoff.ingest.member_names import class_folder, matches
from bakeoff.params.datasets import Dataset, Filenames, Folders, Phantom, Table
from bakeoff.pictures.decoding import SUFFIXES, Reason
from bakeoff.runtime.errors import BakeoffError

MAX_LABEL_BYTES = 100  # UTF-8; a label names a folder
_TAKEN = ("manifest.csv", "quarantine.csv", "classes.json")  # stand beside the class folders


@dataclass(frozen=True, slots=True)
class Found:
    """What a raw file's name or the table says of it.

    Attributes:
        path: of the raw file, relative, POSIX.
        label: class; "" where there is a `reason`.
        group: pictures of one group stay on one side; "" where nothing says so.
        official: the archive's own side: `train`, `val`, `test` or "".
        reason: why the file cannot be used, or None.
        detail: more of that.
    """

    path: str
    label: str = ""
    group: str = ""
    official: str = ""
    reason: Reason | None = None
    detail: str = ""


def find_labels(
    paths: Sequence[str], dataset: Dataset, read: Callable[[str], bytes], where: Path
) -> list[Found]:
    """One `Found` for each path, in order, then one for each row of a table without a picture.

    Args:
        paths: of the raw files, relative, POSIX.
        dataset: how classes are found.
        read: gives the bytes of one of them, of a table.
        where: the data set's file, for the messages.

    Raises:
        BakeoffError: a pattern of `classes` fits no file, the table cannot be read, or two
            labels would share a folder.
    """
    if isinstance(dataset, Filenames | Phantom):
        _refuse_idle_patterns(paths, dataset.classes, where)
        found = [_by_name(path, dataset.classes) for path in paths]
    elif isinstance(dataset, Table):
        from bakeoff.sort.label_tables import find_by_table

        found = find_by_table(paths, dataset, read, where)
    else:
        by_folder = _folder_rule(dataset)
        found = [by_folder(path) for path in paths]
    folders = _class_folders(found, dataset, where)
    return [_finish(item, dataset, folders) for item in found]


def _by_name(path: str, classes: dict[str, str]) -> Found:
    fitting = [label for label, pattern in classes.items() if re.search(pattern, f"/{path}")]
    if len(fitting) == 1:
        return Found(path, fitting[0])
    if fitting:
        return Found(path, reason="ambiguous class", detail=" or ".join(fitting))
    return Found(path, reason="unknown class", detail="fits no pattern in 'classes'")


def _refuse_idle_patterns(paths: Sequence[str], classes: dict[str, str], where: Path) -> None:
    for label, pattern in classes.items():
        if not any(re.search(pattern, f"/{path}") for path in paths):
            shown = paths[0] if paths else "none"
            raise BakeoffError(
                f"{where}: 'classes.{label}' is '{pattern}', which is in the path of no file "
                f"(the first is {shown}); mend the pattern or remove the class"
            )


def _folder_rule(dataset: Dataset) -> Callable[[str], Found]:
    pattern = dataset.label if isinstance(dataset, Folders) else None
    level = dataset.level if isinstance(dataset, Folders) else 1

    def by_folder(path: str) -> Found:
        folders = PurePosixPath(path).parts[:-1]
        if len(folders) < level:
            return Found(path, reason="unknown class", detail="lies in no class folder")
        if pattern is None:
            return Found(path, folders[-level])
        match = re.search(pattern, folders[-level])
        if match is None:
            told = f"the folder '{folders[-level]}' does not fit 'label'"
            return Found(path, reason="unknown class", detail=told)
        return Found(path, next((text for text in match.groups() if text), match.group()))

    return by_folder


def _class_folders(found: list[Found], dataset: Dataset, where: Path) -> dict[str, str]:
    """Label found: class folder, after `rename`; two labels never share one unasked."""
    counts = Counter(item.label for item in found if item.reason is None)
    folders: dict[str, str] = {}
    owners: dict[str, str] = {}
    for label in sorted(counts):
        wanted = dataset.rename.get(label, label)
        folder = class_folder(wanted)
        if len(folder.encode()) > MAX_LABEL_BYTES:
            raise BakeoffError(
                f"{where}: the class '{folder[:40]}…' has a name over {MAX_LABEL_BYTES} bytes; "
                "give it a shorter one under 'rename', or take another column or 'depth'"
            )
        if folder.casefold() in _TAKEN:
            raise BakeoffError(
                f"{where}: a class cannot be named '{folder}', for a file of that name stands "
                "beside the classes; give it another under 'rename'"
            )
        owner = owners.setdefault(folder.casefold(), wanted)
        if owner != wanted:
            raise BakeoffError(
                f"{where}: the classes '{owner}' and '{wanted}' would share the folder "
                f"'{folder}'; give both one name, or two, under 'rename'"
            )
        folders[label] = folder
    return folders


def _finish(item: Found, dataset: Dataset, folders: dict[str, str]) -> Found:
    """Fill in the class's final name, the group and the official side."""
    if item.reason is None and not folders[item.label]:
        item = replace(item, label="", reason="unknown class", detail="the label is empty")
    if item.reason is not None:
        claims = PurePosixPath(item.path).suffix.lower() in SUFFIXES
        if item.reason == "unknown class" and not claims:
            told = "neither named as a picture nor of a known class"
            return replace(item, reason="left out", detail=told)
        return item
    match = re.search(dataset.group, f"/{item.path}") if dataset.group else None
    sides = (side for side, glob in dataset.official.items() if matches(item.path, [glob]))
    return replace(
        item,
        label=folders[item.label],
        group=item.group or (match.group() if match else ""),
        official=next(sides, ""),
    )
