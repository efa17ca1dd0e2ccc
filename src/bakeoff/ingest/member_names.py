"""Names of archive members: refused names, system files, and safe spelling."""

import re
import unicodedata
from collections.abc import Iterable
from fnmatch import fnmatchcase
from urllib.parse import unquote

MAX_DEPTH = 64  # folders
MAX_PATH_BYTES = 1024  # UTF-8, of the whole path

IN_LEAVE_OUT = "in 'leave_out'"
"""The reason of a member that this key leaves out."""

REPLACED = "replaced by a later member of the same name"
"""The reason of a member whose name, with composed letters, a later one has, too."""

_JUNK_NAMES = {"__macosx", "thumbs.db", "desktop.ini"}
_ESCAPED = re.compile(r'[\x00-\x1f\x7f/\\:*?"<>|%]|^[. ]|[. ]$')
_DRIVE = re.compile(r"^[A-Za-z]:")
_WINDOWS = re.compile(r"(?i)(con|prn|aux|nul|com\d|lpt\d)(\..*)?$")
_UNSAFE = re.compile(r'[\x00-\x1f\x7f-\x9f/\\:*?"<>|]')


class UnsafeNameError(ValueError):
    """A member's name that leads out of the folder, or that a file system cannot store."""


def safe_path(name: str) -> str:
    r"""The relative POSIX path under which a member is written.

    Backslashes separate folders, as in archives made on Windows. Letters are composed (Unicode
    NFC), so that a name packed on macOS equals the same name in a table. Control characters and
    bytes that are not UTF-8 become `%XX`. The root itself is "".

    Raises:
        UnsafeNameError: the name is absolute, begins with a drive, climbs with `..`, is too deep
            or too long.
    """
    slashed = name.replace("\\", "/")
    if slashed.startswith("/"):
        raise UnsafeNameError("an absolute path")
    if _DRIVE.match(slashed):
        raise UnsafeNameError(f"a path that begins with a drive, '{slashed[:2]}'")
    parts = [part for part in slashed.split("/") if part not in ("", ".")]
    if ".." in parts:
        raise UnsafeNameError("a path that climbs out of its folder")
    if len(parts) > MAX_DEPTH:
        raise UnsafeNameError(f"a path over {MAX_DEPTH} folders deep")
    path = "/".join(_component(part) for part in parts)
    if len(path.encode()) > MAX_PATH_BYTES:
        raise UnsafeNameError(f"a path over {MAX_PATH_BYTES} bytes long")
    return path


def _component(part: str) -> str:
    return "".join(map(_character, unicodedata.normalize("NFC", part)))


def _character(character: str) -> str:
    if unicodedata.category(character) not in ("Cc", "Cs"):
        return character
    # Python represents a byte that is not UTF-8 as one of these lone surrogates.
    escaped = "\udc80" <= character <= "\udcff"
    content = character.encode("utf-8", "surrogateescape" if escaped else "surrogatepass")
    return "".join(f"%{byte:02X}" for byte in content)


def label_folder(label: str) -> str:
    """A label as the name of a folder; `label_of` is the inverse.

    Characters that a folder's name may not contain (controls, separators, dots and spaces at the
    ends) are written as `%XX`; labels over 100 bytes are cut, and refused later.

    Examples:
        >>> label_folder("Red/Green"), label_of("Red%2FGreen")
        ('Red%2FGreen', 'Red/Green')
    """
    escaped = _ESCAPED.sub(lambda match: f"%{ord(match.group()):02X}", label[:150])
    return escaped or "%"


def label_of(folder: str) -> str:
    """The label that `label_folder` wrote."""
    return unquote(folder) if folder != "%" else ""


def is_junk(path: str) -> bool:
    """Whether it is a file of the operating system: hidden files, `__MACOSX/`, thumbnails."""
    return any(part.startswith(".") or part.lower() in _JUNK_NAMES for part in path.split("/"))


def is_in_hidden_folder(path: str) -> bool:
    """Whether a folder above the file begins with a dot, and nothing else makes it junk."""
    *folders, name = path.split("/")
    others = [part for part in (*folders, name) if not part.startswith(".")]
    return len(others) <= len(folders) and name in others and not is_junk("/".join(others))


def matches(path: str, patterns: Iterable[str]) -> bool:
    """Whether any glob matches the path, with or without a leading slash; `*` also matches "/"."""
    return any(fnmatchcase(path, p) or fnmatchcase(f"/{path}", p) for p in patterns)


def reason_to_leave_out(path: str, keep: Iterable[str], leave_out: Iterable[str]) -> str | None:
    """Why a member is left out: a system file, or by `keep` or `leave_out`; None if it is used."""
    if is_junk(path):
        return "left by an operating system"
    if not matches(path, keep):
        return "outside 'keep'"
    return IN_LEAVE_OUT if matches(path, leave_out) else None


def class_folder(label: str) -> str:
    r"""The name of the folder that holds a class's pictures.

    Letters are composed (Unicode NFC); control characters and any of ``/ \ : * ? " < > |``
    become ``_``, as do leading dots; spaces around it and trailing dots are removed; a name that
    Windows reserves gets a trailing ``_``.

    Examples:
        >>> class_folder("Red/Green"), class_folder(".."), class_folder("CON")
        ('Red_Green', '_', 'CON_')
    """
    clean = _UNSAFE.sub("_", unicodedata.normalize("NFC", label)).strip().rstrip(". ")
    dots = len(clean) - len(clean.lstrip("."))
    clean = "_" * dots + clean[dots:]
    return f"{clean}_" if _WINDOWS.match(clean) else clean or "_"
