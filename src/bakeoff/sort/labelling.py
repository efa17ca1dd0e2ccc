"""Find the class, group and official side of each raw file, by its path or a table."""

import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

from bakeoff.ingest.member_names import class_folder, label_of, matches
from bakeoff.params.datasets import Arrays, Dataset, Digits, Filenames, Folders, Phantom, Table
from bakeoff.params.datasets import Pixels as PixelTable
from bakeoff.pictures.decoding import SUFFIXES
from bakeoff.runtime.errors import BakeoffError, quoted
from bakeoff.sort.idle_keys import refuse_idle_keys, refuse_idle_labels
from bakeoff.sort.label_tables import find_by_table
from bakeoff.sort.labelled_file import LabelledFile
from bakeoff.sort.quarantine import what_else

MAX_LABEL_BYTES = 100  # UTF-8; a label names a folder
_TAKEN = ("manifest.csv", "quarantine.csv", "classes.json")  # files beside the class folders
_FORMULA = re.compile(r"[=@]|[+-].*[(!|]")  # what a spreadsheet would run in a cell


def find_labels(
    paths: Sequence[str], dataset: Dataset, read: Callable[[str], bytes], where: Path
) -> list[LabelledFile]:
    """One for each path, in order, then one for each row of a table without a picture.

    Raises:
        BakeoffError: a key of the data set's file matches nothing, the table cannot be read, or two
            labels would share a folder.
    """
    if isinstance(dataset, Table):
        found = find_by_table(paths, dataset, read, where)
    else:
        rule = _rule(paths, dataset, where)
        found = [rule(path) for path in paths]
    found = [_named(item) for item in found]
    found = _renamed(found, dataset, where)
    _refuse_clashing_folders(found, where)
    found = [_finish(item, dataset) for item in found]
    refuse_idle_keys(found, dataset, where)
    return found


def _rule(paths: Sequence[str], dataset: Dataset, where: Path) -> Callable[[str], LabelledFile]:
    if isinstance(dataset, Arrays | Digits | PixelTable):
        return lambda path: LabelledFile(path, label_of(PurePosixPath(path).parent.name))
    if isinstance(dataset, Folders):
        return _folder_rule(paths, dataset, where)
    if isinstance(dataset, Filenames) and dataset.label:
        return _one_pattern_rule(paths, dataset.label, where)
    if not isinstance(dataset, Filenames | Phantom):
        raise TypeError(f"no rule for {type(dataset).__name__}")
    classes = dataset.classes or {}
    _refuse_idle_patterns(paths, classes, where)
    return lambda path: _by_name(path, classes)


def _by_name(path: str, classes: dict[str, str]) -> LabelledFile:
    fitting = [label for label, pattern in classes.items() if re.search(pattern, f"/{path}")]
    if len(fitting) == 1:
        return LabelledFile(path, fitting[0])
    if fitting:
        return LabelledFile(path, reason="ambiguous class", detail=" or ".join(fitting))
    return LabelledFile(path, reason="unknown class", detail="fits no pattern in 'classes'")


def _refuse_idle_patterns(paths: Sequence[str], classes: dict[str, str], where: Path) -> None:
    for label, pattern in classes.items():
        if not any(re.search(pattern, f"/{path}") for path in paths):
            shown = quoted(paths[0]) if paths else "none"
            raise BakeoffError(
                f"{where}: 'classes.{label}' is '{pattern}', which is in the path of no file "
                f"(the first is {shown}); correct the pattern or remove the class{what_else(paths)}"
            )


def _label_in(match: "re.Match[str]") -> str:
    """The first matching group, or the whole match."""
    return next((text for text in match.groups() if text), match.group())


def _one_pattern_rule(
    paths: Sequence[str], pattern: str, where: Path
) -> Callable[[str], LabelledFile]:
    def by_pattern(path: str) -> LabelledFile:
        match = re.search(pattern, f"/{path}")
        if match is None:
            return LabelledFile(path, reason="unknown class", detail="does not fit 'label'")
        return LabelledFile(path, _label_in(match).rsplit("/", 1)[-1])

    if not any(re.search(pattern, f"/{path}") for path in paths):
        raise BakeoffError(
            f"{where}: 'label' is '{pattern}', which is in the path of no file (the first is "
            f"{quoted(paths[0]) if paths else 'none'}); correct the pattern{what_else(paths)}"
        )
    return by_pattern


def _folder_rule(
    paths: Sequence[str], dataset: Folders, where: Path
) -> Callable[[str], LabelledFile]:
    pattern, level = dataset.label, dataset.level

    def by_folder(path: str) -> LabelledFile:
        folders = PurePosixPath(path).parts[:-1]
        if len(folders) < level:
            return LabelledFile(path, reason="unknown class", detail="lies in no class folder")
        if pattern is None:
            return LabelledFile(path, folders[-level])
        match = re.search(pattern, folders[-level])
        if match is None:
            detail = f"the folder '{folders[-level]}' does not fit 'label'"
            return LabelledFile(path, reason="unknown class", detail=detail)
        return LabelledFile(path, _label_in(match))

    if pattern is not None and not any(by_folder(path).label for path in paths):
        if any(re.search(pattern, f"/{path}") for path in paths):
            remedy = "it fits file names: set 'kind: filenames' to find the label in these"
        else:
            remedy = f"correct it (the first file is {quoted(paths[0]) if paths else 'none'})"
        raise BakeoffError(
            f"{where}: 'label' is '{pattern}', which fits no folder's name; {remedy}"
        )
    return by_folder


def _named(item: LabelledFile) -> LabelledFile:
    """Compose letters (NFC); a label of only spaces counts as missing."""
    if item.reason is not None:
        return item
    if not item.label.strip():
        return replace(item, label="", reason="unknown class", detail="the label is empty")
    return replace(item, label=unicodedata.normalize("NFC", item.label))


def _renamed(found: list[LabelledFile], dataset: Dataset, where: Path) -> list[LabelledFile]:
    refuse_idle_labels(found, dataset, where)

    def rename(item: LabelledFile) -> LabelledFile:
        if item.label in dataset.leave_out_labels:
            detail = f"'{item.label}' is in 'leave_out_labels'"
            return replace(item, label="", reason="left out", detail=detail)
        return replace(item, label=dataset.rename.get(item.label, item.label))

    return [item if item.reason else rename(item) for item in found]


def _refuse_clashing_folders(found: list[LabelledFile], where: Path) -> None:
    """Refuse classes that would share a folder, also if their names differ only in case."""
    owners: dict[str, str] = {}
    for label in sorted({item.label for item in found if item.reason is None}):
        folder = class_folder(label)
        if len(label.encode()) > MAX_LABEL_BYTES:
            raise BakeoffError(
                f"{where}: the class '{quoted(label, 40)}' has a name over {MAX_LABEL_BYTES} "
                "bytes; give it a shorter one under 'rename', or take another column or 'depth'"
            )
        if re.search(r"[\x00-\x1f\x7f]", label):
            raise BakeoffError(
                f"{where}: the class '{quoted(label)}' has a control character in its name; give "
                "it another under 'rename'"
            )
        if _FORMULA.match(label):
            raise BakeoffError(
                f"{where}: a spreadsheet would run the class '{quoted(label)}' as a formula; give "
                "it another name under 'rename'"
            )
        if folder.casefold() in _TAKEN:
            raise BakeoffError(
                f"{where}: a class cannot be named '{label}', because a file of that name is "
                "beside the classes; give it another under 'rename'"
            )
        owner = owners.setdefault(folder.casefold(), label)
        if owner != label:
            raise BakeoffError(
                f"{where}: the classes '{owner}' and '{label}' would share the folder "
                f"'{folder}'; give both one name, or two, under 'rename'"
            )


def _finish(item: LabelledFile, dataset: Dataset) -> LabelledFile:
    """Fill in group and official side; files not named as pictures are left out, not unknown."""
    if item.reason is not None:
        claims = PurePosixPath(item.path).suffix.lower() in SUFFIXES
        if item.reason == "unknown class" and not claims:
            detail = "neither named as a picture nor of a known class"
            return replace(item, reason="left out", detail=detail)
        return item
    match = re.search(dataset.group, f"/{item.path}") if dataset.group else None
    official = item.official
    if not getattr(dataset, "split_column", None) or not isinstance(dataset, Table):
        sides = (side for side, glob in dataset.official.items() if matches(item.path, [glob]))
        official = next(sides, item.official)  # of a table: its own side, by its path
    return replace(item, group=item.group or (match.group() if match else ""), official=official)
