"""Why a place cannot be adopted, in one sentence."""

from collections import Counter
from pathlib import PurePosixPath

from bakeoff.adopt.listing import Listing
from bakeoff.adopt.table_readings import damaged_table
from bakeoff.ingest.containers import kind_of_file
from bakeoff.pictures.decoding import FORMATS
from bakeoff.pictures.extra_formats import REMEDY, is_installed
from bakeoff.runtime.errors import BakeoffError, quoted

_EXTRA = {".heic": "HEIF", ".heif": "HEIF", ".dcm": "DICOM"}
_UNREAD = {
    **dict.fromkeys((".cr2", ".dng", ".nef", ".raw"), "raw camera files"),
    **dict.fromkeys((".eps", ".ico", ".jxl", ".pcx", ".psd", ".svg", ".tga"), "of another format"),
}


def refuse_unread(listing: Listing) -> None:
    """Refuse a place whose pictures are mostly of a format that is not read.

    Raises:
        BakeoffError: with the format.
    """
    missing = {suffix: kind for suffix, kind in _EXTRA.items() if not is_installed(kind)}
    kinds = _UNREAD | missing
    unread = [p for p in listing.pictures if PurePosixPath(p).suffix.lower() in kinds]
    if len(unread) * 2 <= len(listing.pictures) or not unread:
        return
    found = Counter(PurePosixPath(path).suffix.lower() for path in unread).most_common(1)[0][0]
    remedy = f"{REMEDY}, or " if found in missing else ""
    raise BakeoffError(
        f"{listing.archive}: {len(unread)} of {len(listing.pictures)} pictures are "
        f"{kinds[found]}, such as '{quoted(unread[0])}', which is not read here; "
        f"{remedy}convert them to PNG or JPEG and adopt the result"
    )


def nothing_recognised(listing: Listing) -> BakeoffError:
    """Say what is missing for a layout."""
    place = listing.archive
    if not listing.pictures:
        return _no_pictures(listing)
    first = quoted(listing.pictures[0])
    count = f"{len(listing.pictures)} pictures, such as '{first}', but no classes"
    stems = {PurePosixPath(path).stem for path in listing.pictures}
    texts = [path for path in listing.tables if path.endswith(".txt")]
    boxes = [path for path in listing.others if path.lower().endswith(".xml")]
    boxes = boxes or [path for path in texts if PurePosixPath(path).stem in stems]
    if len(boxes) * 2 > len(listing.pictures):
        return BakeoffError(
            f"{place}: {count}; '{quoted(boxes[0])}' and the like describe objects in pictures, "
            "and only one label for a whole picture is learned here; give each class a folder"
        )
    spreadsheet = next((p for p in listing.others if "spreadsheet" in (kind_of_file(p) or "")), "")
    if spreadsheet:
        return BakeoffError(f"{place}: {count}; '{spreadsheet}' is {kind_of_file(spreadsheet)}")
    if damaged := damaged_table(listing):
        return BakeoffError(f"{place}: {count}; {damaged}; correct it, or give each class a folder")
    if nested := next((path for path in listing.tables if path.endswith(".json")), ""):
        return BakeoffError(
            f"{place}: {count}; '{quoted(nested)}' is no list of rows with a file's name and a "
            "label; export it as CSV or JSON Lines"
        )
    tables = f"; {len(listing.tables)} text files name no pictures with labels"
    return BakeoffError(
        f"{place}: {count}: folders and names tell none{tables * bool(listing.tables)}; give each "
        "class a folder of its own, or put a CSV with a column of file names and one of labels "
        "beside the pictures"
    )


def _no_pictures(listing: Listing) -> BakeoffError:
    others = [*listing.arrays, *listing.others, *listing.tables]
    if not others:
        return BakeoffError(f"{listing.archive}: no file in it; put pictures there")
    kinds: dict[str, list[str]] = {}
    for path in others:
        if kind := kind_of_file(path):
            kinds.setdefault(kind, []).append(path)
    known = max(kinds.items(), key=lambda item: len(item[1]), default=None)
    if known and not (known[0].startswith("arrays") and not listing.arrays):
        what = "holds no images with as many labels" if listing.arrays else f"is {known[0]}"
        return BakeoffError(f"{listing.archive}: no pictures; '{quoted(known[1][0])}' {what}")
    return BakeoffError(
        f"{listing.archive}: no pictures among {len(others)} files, such as '{quoted(others[0])}'; "
        f"convert them to one of {', '.join(FORMATS)}"
    )
