"""Download an optional file quickly, or give up within seconds."""

import threading
import time
from pathlib import Path

import requests
from tqdm import tqdm

from bakeoff.runtime.files import writing_file

_CONNECT_SECONDS = 3.0
_SILENCE_SECONDS = 3.0  # between two packets
_ANSWER_SECONDS = 5.0  # until the first byte, name resolution included
_GRACE_SECONDS = 3.0  # before the speed is checked
_SLOWEST = 100_000  # bytes a second, on average
_CHUNK = 1 << 16


class NotFetchedError(Exception):
    """A short reason why a file was not fetched."""


def fetch_quickly(url: str, target: Path) -> None:
    """Download `url` to `target` atomically, and give up on a slow host.

    Raises:
        NotFetchedError: no response within 5 seconds, a pause of 3 seconds, less than 0.1 MB per
            second after the first 3, an HTTP error, or fewer bytes than announced.
    """
    answer = _first_answer(url)
    try:
        with answer, writing_file(target) as partial:
            _receive(answer, partial)
    except (requests.RequestException, ValueError) as error:
        raise NotFetchedError(_short(error)) from None


def check_answers(url: str) -> None:
    """Ask a host for any answer, an error included, before a library with long retries asks it.

    Raises:
        NotFetchedError: no response within 5 seconds.
    """
    _asked(url).close()


def _first_answer(url: str) -> requests.Response:
    """The opened response, which has no HTTP error."""
    answer = _asked(url)
    if not answer.ok:
        answer.close()
        raise NotFetchedError(f"HTTP {answer.status_code}")
    return answer


def _asked(url: str) -> requests.Response:
    """The opened response, requested in a thread, because name resolution has no time limit."""
    outcome: list[requests.Response | Exception] = []

    def ask() -> None:
        try:
            outcome.append(
                requests.get(
                    url,
                    stream=True,
                    timeout=(_CONNECT_SECONDS, _SILENCE_SECONDS),
                    headers={"Accept-Encoding": "identity"},
                )
            )
        except (requests.RequestException, ValueError) as error:
            outcome.append(error)

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(_ANSWER_SECONDS)
    if not outcome:
        raise NotFetchedError("no answer in time")
    answer = outcome[0]
    if isinstance(answer, Exception):
        raise NotFetchedError(_short(answer))
    return answer


def _receive(answer: requests.Response, partial: Path) -> None:
    announced = int(answer.headers.get("Content-Length", -1))
    total = announced if announced >= 0 else None
    started, got = time.monotonic(), 0
    bar = tqdm(desc=partial.name, total=total, unit="B", unit_scale=True, disable=None, delay=2)
    with bar, partial.open("wb") as stream:
        for chunk in answer.iter_content(_CHUNK):
            stream.write(chunk)
            bar.update(len(chunk))
            got += len(chunk)
            seconds = time.monotonic() - started
            if seconds > _GRACE_SECONDS and got < _SLOWEST * seconds:
                raise NotFetchedError(f"too slow, {got / seconds / 1000:.0f} kB a second")
    if total is not None and got != total:
        raise NotFetchedError(f"broke off after {got} of {total} bytes")


def _short(error: Exception) -> str:
    """A short reason without the library's message, which may contain the full address."""
    text = str(error)
    if "broken" in text or "IncompleteRead" in text:
        return "the connection broke off"
    if isinstance(error, requests.Timeout) or "timed out" in text:
        return "no answer in time"
    if isinstance(error, requests.TooManyRedirects):
        return "redirected without end"
    known = isinstance(error, requests.ConnectionError)
    return "no connection" if known else "the address or the answer is malformed"
