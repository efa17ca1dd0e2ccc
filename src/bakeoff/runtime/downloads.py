"""Download one file: resumed after an interruption, accepted only with the expected hash."""

import logging
from pathlib import Path

import requests
from tqdm import tqdm

from bakeoff.runtime.addresses import shown
from bakeoff.runtime.errors import BakeoffError
from bakeoff.runtime.files import sha256_of_file

log = logging.getLogger(__name__)

_CHUNK = 1 << 16  # bytes; the most that a broken connection loses
_TIMEOUT = (10, 30)  # seconds to connect, and between two packets
_ATTEMPTS = 3
_PARTIAL_CONTENT = 206
_RANGE_NOT_SATISFIABLE = 416


def download(url: str, target: Path, *, sha256: str, max_gigabytes: float, where: Path) -> None:
    """Download `url` to `target`, which is created only if its SHA-256 is the expected one.

    Partial data are kept as `<name>.partial` beside the target, from which later attempts and later
    runs resume. A file with the wrong hash is deleted. `url` is http or https and shown without its
    query; `max_gigabytes` are 1e9 bytes each.

    Raises:
        BakeoffError: the host does not respond, sends too much, or sends another file.
    """
    partial = target.with_name(f"{target.name}.partial")
    target.parent.mkdir(parents=True, exist_ok=True)
    resumed = partial.exists()
    _fetch_all(url, partial, max_gigabytes, where)
    if resumed and sha256_of_file(partial) != sha256:
        log.warning(
            "%s: the partial download of an earlier run does not fit; fetching it again", shown(url)
        )
        partial.unlink()
        _fetch_all(url, partial, max_gigabytes, where)
    found = sha256_of_file(partial)
    if found != sha256:
        partial.unlink()
        raise BakeoffError(
            f"{shown(url)}: the file there has SHA-256 {found}, not the 'sha256' in {where}; "
            "the file was deleted; check the address, and the hash at its publisher"
        )
    partial.replace(target)


def _fetch_all(url: str, partial: Path, max_gigabytes: float, where: Path) -> None:
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            return _fetch(url, partial, max_gigabytes, where)
        except (requests.RequestException, ValueError) as error:
            reason = _short(error)
            log.info("%s: attempt %d of %d: %s", shown(url), attempt, _ATTEMPTS, reason)
    kept = partial.stat().st_size if partial.exists() else 0
    raise BakeoffError(
        f"{shown(url)}: not fetched ({reason}); {kept} bytes are kept for the next run to go on "
        f"from, or fetch it by hand and set 'archive' in {where} to its path"
    )


def _fetch(url: str, partial: Path, max_gigabytes: float, where: Path) -> None:
    """One attempt: append the missing part, or start over if the host cannot resume."""
    start = partial.stat().st_size if partial.exists() else 0
    headers = {"Accept-Encoding": "identity"}
    if start:
        headers["Range"] = f"bytes={start}-"
    with requests.get(url, stream=True, timeout=_TIMEOUT, headers=headers) as answer:
        if start and answer.status_code == _RANGE_NOT_SATISFIABLE:
            return  # nothing is missing; the hash decides
        answer.raise_for_status()
        if answer.status_code != _PARTIAL_CONTENT:
            start = 0
        left = int(answer.headers["Content-Length"]) if "Content-Length" in answer.headers else None
        _append(answer, partial, start=start, left=left, url=url, limit=(max_gigabytes, where))


def _append(
    answer: requests.Response,
    partial: Path,
    *,
    start: int,
    left: int | None,
    url: str,
    limit: tuple[float, Path],
) -> None:
    bar = tqdm(
        desc=partial.stem,
        total=None if left is None else start + left,
        initial=start,
        unit="B",
        unit_scale=True,
        disable=None,
    )
    got = start
    with bar, partial.open("ab" if start else "wb") as stream:
        for chunk in answer.iter_content(_CHUNK):
            got += len(chunk)
            if got > limit[0] * 1e9:
                raise BakeoffError(
                    f"{shown(url)}: sends more than {limit[0]:g} GB; "
                    f"if it should, raise 'max_gigabytes' in {limit[1]}"
                )
            stream.write(chunk)
            bar.update(len(chunk))
    if left is not None and got < start + left:
        raise requests.exceptions.ChunkedEncodingError("the connection broke off")


def _short(error: Exception) -> str:
    """A short reason without the library's message, which may contain the full address."""
    answer = getattr(error, "response", None)
    if answer is not None:
        return f"HTTP {answer.status_code}"
    if isinstance(error, requests.Timeout):
        return "no answer in time"
    if isinstance(error, requests.exceptions.ChunkedEncodingError):
        return "the connection broke off"
    known = isinstance(error, requests.ConnectionError)
    return "no connection" if known else "the address or the answer is malformed"


def verify(path: Path, sha256: str, where: Path) -> None:
    """Check an existing file against the hash in the data set's file.

    Raises:
        BakeoffError: its SHA-256 differs.
    """
    found = sha256_of_file(path)
    if found != sha256:
        raise BakeoffError(
            f"{path}: has SHA-256 {found}, not the 'sha256' in {where}; delete the file to fetch "
            "it again, or, if it is the right one, correct 'sha256'"
        )
