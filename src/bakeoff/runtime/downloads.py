"""Downloads: large files resumed and checked by hash, optional ones quickly or not at all."""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import requests
from tqdm import tqdm

from bakeoff.runtime.addresses import shown
from bakeoff.runtime.errors import BakeoffError
from bakeoff.runtime.files import sha256_of_file, writing_file
from bakeoff.runtime.object_stores import StoreError, is_object, reading_object

log = logging.getLogger(__name__)

_CHUNK = 1 << 16  # bytes; the most that a broken connection loses
_BLOCK = 1 << 20  # bytes read at once from an object store
_TIMEOUT = (10, 30)  # seconds to connect, and between two packets
_ATTEMPTS = 3
_PARTIAL_CONTENT = 206
_RANGE_NOT_SATISFIABLE = 416
_AS_IT_IS = {"Accept-Encoding": "identity"}

# Of an optional file:
_QUICK_TIMEOUT = (3.0, 3.0)  # seconds to connect, and between two packets
_ANSWER_SECONDS = 5.0  # until the first byte, name resolution included
_GRACE_SECONDS = 3.0  # before the speed is checked
_SLOWEST = 100_000  # bytes a second, on average

_REASONS: dict[type[Exception], str] = {
    requests.Timeout: "no answer in time",
    requests.exceptions.ChunkedEncodingError: "the connection broke off",
    requests.TooManyRedirects: "redirected without end",
    requests.ConnectionError: "no connection",
}

Check = Callable[[int, float], None]
"""Sees the bytes and seconds so far, and may raise."""


class NotFetchedError(Exception):
    """A short reason why an optional file was not fetched."""


def download(
    url: str,
    target: Path,
    *,
    sha256: str | None,
    max_gigabytes: float,
    where: Path,
    etag: str | None = None,
) -> None:
    """Download `url` to `target`, which is created only if its SHA-256 is the expected one.

    Partial data are kept as `<name>.partial` beside the target, from which later attempts and later
    runs resume. A file with the wrong hash is deleted. `url` is http, https or that of an object
    store, and shown without its query; `max_gigabytes` are 1e9 bytes each. Without a hash nothing
    is resumed or compared; `etag` is compared with the object's before a byte is read.

    Raises:
        BakeoffError: the host does not respond, sends too much, or sends another file.
        OSError: the file cannot be written, for instance because the disk is full.
    """
    partial = target.with_name(f"{target.name}.partial")
    target.parent.mkdir(parents=True, exist_ok=True)
    if sha256 is None:
        partial.unlink(missing_ok=True)
    resumed = partial.exists()
    _fetch_all(url, partial, max_gigabytes, where, etag)
    if sha256 is None:
        partial.replace(target)
        return
    if resumed and sha256_of_file(partial) != sha256:
        log.warning(
            "%s: the partial download of an earlier run does not fit; fetching it again", shown(url)
        )
        partial.unlink()
        _fetch_all(url, partial, max_gigabytes, where, etag)
    found = sha256_of_file(partial)
    if found != sha256:
        partial.unlink()
        raise BakeoffError(
            f"{shown(url)}: the file there has SHA-256 {found}, not the 'sha256' in {where}; "
            "the file was deleted; check the address, and the hash at its publisher"
        )
    partial.replace(target)


def _fetch_all(
    url: str, partial: Path, max_gigabytes: float, where: Path, etag: str | None
) -> None:
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            return _fetch(url, partial, max_gigabytes, where, etag)
        except (requests.RequestException, StoreError, ValueError) as error:
            reason = _short(error)
            log.info("%s: attempt %d of %d: %s", shown(url), attempt, _ATTEMPTS, reason)
    kept = partial.stat().st_size if partial.exists() else 0
    raise BakeoffError(
        f"{shown(url)}: not fetched ({reason}); {kept} bytes are kept for the next run to go on "
        f"from, or fetch it by hand and set 'archive' in {where} to its path"
    )


def _fetch(url: str, partial: Path, max_gigabytes: float, where: Path, etag: str | None) -> None:
    """One attempt: append the missing part, or start over if the host cannot resume."""
    start = partial.stat().st_size if partial.exists() else 0
    headers = _AS_IT_IS | ({"Range": f"bytes={start}-"} if start else {})

    def check(got: int, _: float) -> None:
        if got > max_gigabytes * 1e9:
            raise BakeoffError(
                f"{shown(url)}: sends more than {max_gigabytes:g} GB; "
                f"if it should, raise 'max_gigabytes' in {where}"
            )

    if is_object(url):
        with reading_object(url, start) as (read, total, found):
            if etag is not None and found != etag:
                raise BakeoffError(
                    f"{shown(url)}: the object has ETag {found}, not the 'etag' in {where}: it has "
                    "been replaced; if the new one is meant, correct 'etag'"
                )
            _write(iter(lambda: read(_BLOCK), b""), partial, start, total, check)
        return
    with requests.get(url, stream=True, timeout=_TIMEOUT, headers=headers) as answer:
        if start and answer.status_code == _RANGE_NOT_SATISFIABLE:
            return  # nothing is missing; the hash decides
        answer.raise_for_status()
        _receive(answer, partial, start if answer.status_code == _PARTIAL_CONTENT else 0, check)


def _receive(answer: requests.Response, partial: Path, start: int, check: Check) -> None:
    """Write a response to `partial`, after the first `start` bytes that are there."""
    length = answer.headers.get("Content-Length")
    total = None if length is None else start + int(length)
    _write(answer.iter_content(_CHUNK), partial, start, total, check)


def _write(
    chunks: Iterator[bytes], partial: Path, start: int, total: int | None, check: Check
) -> None:
    """Append to the first `start` bytes of `partial`; an error if fewer than `total` come."""
    began, got = time.monotonic(), start
    bar = tqdm(
        desc=partial.stem, total=total, initial=start, unit="B", unit_scale=True, disable=None
    )
    with bar, partial.open("ab" if start else "wb") as stream:
        for chunk in chunks:
            got += len(chunk)
            check(got, time.monotonic() - began)
            stream.write(chunk)
            bar.update(len(chunk))
    if total is not None and got < total:
        raise requests.exceptions.ChunkedEncodingError("the connection broke off")


def _short(error: Exception) -> str:
    """A short reason without the library's message, which may contain the full address."""
    if isinstance(error, StoreError):
        return str(error)
    answer = getattr(error, "response", None)
    if answer is not None:
        return f"HTTP {answer.status_code}"
    if "timed out" in str(error):
        return _REASONS[requests.Timeout]
    found = (reason for kind, reason in _REASONS.items() if isinstance(error, kind))
    return next(found, "the address or the answer is malformed")


def fetch_quickly(url: str, target: Path) -> None:
    """Download an optional file to `target` atomically, and give up on a slow host.

    Raises:
        NotFetchedError: no response within 5 seconds, a pause of 3 seconds, less than 0.1 MB per
            second after the first 3, an HTTP error, or fewer bytes than announced.
    """
    try:
        with _first_answer(url) as answer, writing_file(target) as partial:
            answer.raise_for_status()
            _receive(answer, partial, 0, _give_up_if_slow)
    except (requests.RequestException, ValueError) as error:
        raise NotFetchedError(_short(error)) from None


def check_answers(url: str) -> None:
    """Ask a host for any answer, an error included, before a library with long retries asks it.

    Raises:
        NotFetchedError: no response within 5 seconds.
    """
    try:
        _first_answer(url).close()
    except (requests.RequestException, ValueError) as error:
        raise NotFetchedError(_short(error)) from None


def _give_up_if_slow(got: int, seconds: float) -> None:
    if seconds > _GRACE_SECONDS and got < _SLOWEST * seconds:
        raise NotFetchedError(f"too slow, {got / seconds / 1000:.0f} kB a second")


def _first_answer(url: str) -> requests.Response:
    """The opened response, requested in a thread, because name resolution has no time limit."""
    outcome: list[requests.Response | Exception] = []

    def ask() -> None:
        try:
            outcome.append(
                requests.get(url, stream=True, timeout=_QUICK_TIMEOUT, headers=_AS_IT_IS)
            )
        except (requests.RequestException, ValueError) as error:
            outcome.append(error)

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(_ANSWER_SECONDS)
    answer = outcome[0] if outcome else requests.Timeout()
    if isinstance(answer, Exception):
        raise answer
    return answer


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
