"""Match the rows of a table to files, by the longest common end of their paths.

Rows are matched in rounds, each more tolerant than the one before; a file that an earlier round
assigned is not assigned again.
"""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from urllib.parse import parse_qs, unquote, urlsplit

from bakeoff.pictures.decoding import SUFFIXES

_UPLOAD = re.compile(r"^[0-9a-f-]{6,36}[-_](?=.)", re.IGNORECASE)  # Label Studio's, before names
_DECIMALS = re.compile(r"(?<=\d)\.0+(?=$|\.\D)")  # of a column that pandas took for numbers
_ZEROS = re.compile(r"(?<!\d)0+(?=\d)")


@dataclass(frozen=True)
class Match:
    """The files that match a row, ideally one; `despite` names the difference that was ignored."""

    files: tuple[str, ...] = ()
    despite: str = ""


def clean_name(value: str) -> str:
    r"""A cell as a relative POSIX path: `\` separates folders, an address loses its host.

    Examples:
        >>> clean_name(r"images\1.png"), clean_name("https://host/d/caf%C3%A9.png?x=1")
        ('images/1.png', 'd/café.png')
    """
    name = unicodedata.normalize("NFC", value.strip())
    if "://" in name or name.startswith("/data/local-files/"):
        address = urlsplit(name)
        name = unquote(parse_qs(address.query).get("d", [address.path])[0])
    return "/".join(p for p in name.replace("\\", "/").split("/") if p not in ("", "."))


def _case(name: str) -> str:
    return name.casefold()


def _stem(name: str) -> str:
    path = PurePosixPath(name.casefold())
    return path.stem if path.suffix in SUFFIXES else path.name


def _unpadded(name: str) -> str:
    return _ZEROS.sub("", _stem(name))


def _whole(name: str) -> str:
    return _ZEROS.sub("", _stem(_DECIMALS.sub("", name)))


def _without_upload(name: str) -> str:
    return _stem(_UPLOAD.sub("", name))


# Normalisations of both file names before they are compared.
_ROUNDS: tuple[tuple[str, Callable[[str], str], Callable[[str], str]], ...] = (
    ("", str, str),
    ("another folder", str, str),
    ("another case", _case, _case),
    ("another ending", _stem, _stem),
    ("leading zeros", _unpadded, _unpadded),
    ("decimals", _whole, _unpadded),
    ("a prefix before the name", _without_upload, _stem),
)


def match_rows(
    names: Sequence[str], homes: Sequence[str], paths: Sequence[str]
) -> tuple[Match, ...]:
    """Find the file of each row.

    `names` are from `clean_name`, "" names nothing; a row's home folder is searched first.

    Examples:
        >>> match_rows(["kaggle/input/train/1.jpg"], [""], ["train/1.jpg", "test/1.jpg"])
        (Match(files=('train/1.jpg',), despite=''),)
    """
    found = [Match()] * len(names)
    taken: set[str] = set()
    for number, (despite, of_row, of_file) in enumerate(_ROUNDS):
        open_rows = [row for row, match in enumerate(found) if names[row] and not match.files]
        if not open_rows:
            break
        known: dict[str, list[str]] = defaultdict(list)
        for path in paths:
            if path not in taken:
                known[of_file(path.rsplit("/", 1)[-1])].append(path)
        for row in open_rows:
            candidates = known.get(of_row(names[row].rsplit("/", 1)[-1]), [])
            files = _longest_end(names[row], homes[row], candidates, strict=number == 0)
            found[row] = Match(tuple(files), despite if files else "")
        taken |= {file for row in open_rows for file in found[row].files}
    return tuple(found)


def _longest_end(name: str, home: str, candidates: Sequence[str], *, strict: bool) -> list[str]:
    """The candidates with the most folders in common with the row."""
    exact = [path for path in (f"{home}/{name}".lstrip("/"), name) if path in candidates]
    if exact:
        return exact[:1]
    common = {path: _common_folders(name, path) for path in candidates}
    if strict:  # one path must be the end of the other
        shorter = name.count("/")
        common = {p: n for p, n in common.items() if n == min(shorter, p.count("/"))}
    most = max(common.values(), default=0)
    return [path for path, count in common.items() if count == most]


def _common_folders(one: str, other: str) -> int:
    count = 0
    ours, theirs = (path.casefold().split("/")[-2::-1] for path in (one, other))
    for mine, yours in zip(ours, theirs, strict=False):
        if mine != yours:
            break
        count += 1
    return count
