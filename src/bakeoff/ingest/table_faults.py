"""Why a table cannot be read as it is described, and the key or the line to correct."""

import re
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from bakeoff.params.datasets import Tabular
from bakeoff.pictures.decoding import SUFFIXES
from bakeoff.runtime.errors import BakeoffError, quoted

_DELIMITERS = {";": ";", "\t": "\\t", ",": ",", "|": "|", " ": " "}
_OPEN_QUOTE = re.compile(r"EOF inside string starting at row (\d+)")
_CELLS = re.compile(r"Expected (\d+) fields in line (\d+), saw (\d+)")


class UnreadableTableError(BakeoffError):
    """A table that cannot be read as it is described, and why (`reason`)."""

    def __init__(self, name: str, reason: str, remedy: str) -> None:
        """Take the table's name, and the ends of the sentence."""
        super().__init__(f"{name}: cannot be read as a table ({reason}); {remedy}")
        self.reason = reason


def unreadable(
    name: str, content: bytes, dataset: Tabular, error: Exception, where: Path
) -> UnreadableTableError:
    """The refusal of a table whose reader raised `error`.

    Args:
        name: The table's file, for the message.
        content: Its bytes, as they lie in the archive.
        dataset: Its description.
        error: From decoding, unpacking or parsing it.
        where: The data set's file.
    """
    reason = quoted(" ".join(str(error).split()), 200)
    encoding = _utf16(content)
    if encoding and not dataset.encoding.lower().startswith("utf-16"):
        reason, remedy = "it is in UTF-16", f"set 'encoding: {encoding}' in {where}"
    elif found := _OPEN_QUOTE.search(reason):
        line = int(found.group(1)) + 1
        reason = f"a quotation mark in line {line} opens and is never closed"
        remedy = f"close it, or check 'delimiter' in {where}"
    elif found := _CELLS.search(reason):
        expected, line, cells = map(int, found.groups())
        reason = f"line {line} has {cells} cells, the lines above {expected}"
        remedy = f"correct that line, or check 'delimiter' in {where}"
    elif isinstance(error, LookupError):
        remedy = f"set 'encoding' in {where} to one such as utf-8, cp1252 or utf-16"
    elif isinstance(error, UnicodeError):
        remedy = f"set 'encoding' in {where}, perhaps to cp1252 or utf-16"
    else:
        remedy = f"check 'delimiter' and 'encoding' in {where}"
    return UnreadableTableError(name, reason, remedy)


def _utf16(content: bytes) -> str:
    """The encoding, if the bytes are UTF-16; else ""."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    start = content[:400]
    zeros = {"utf-16-le": start[1::2].count(0), "utf-16-be": start[0::2].count(0)}
    encoding = max(zeros, key=lambda name: zeros[name])
    return encoding if zeros[encoding] > len(start) // 4 else ""


def hint_at_header(columns: Sequence[str], content: bytes, dataset: Tabular) -> str:
    """What may be wrong where a column is missing, as the end of a message; "" if unknown."""
    if encoding := _utf16(content):
        return f"; if it is in UTF-16, set 'encoding: {encoding}'"
    if any(PurePosixPath(column).suffix.lower() in SUFFIXES for column in columns):
        return "; if it has no header, its columns are 0, 1 and so on"
    for other, written in _DELIMITERS.items():
        if other != dataset.delimiter and len(columns) == 1 and other in columns[0]:
            return f"; if '{other}' divides its cells, set 'delimiter: \"{written}\"'"
    return ""
