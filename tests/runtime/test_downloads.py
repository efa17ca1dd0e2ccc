import hashlib
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from bakeoff.runtime.downloads import NotFetchedError, download, fetch_quickly, verify
from bakeoff.runtime.errors import BakeoffError

CONTENT = bytes(range(256)) * 4000
SHA256 = hashlib.sha256(CONTENT).hexdigest()
SENT = 300_000  # bytes before a connection breaks off
KEPT = SENT // 65536 * 65536  # whole blocks of them
WHERE = Path("datasets/mine.yaml")
HDF5 = b"\x89HDF\r\n\x1a\n" + bytes(range(256)) * 800


class Host(BaseHTTPRequestHandler):
    """Serves CONTENT; breaks off as often as `breaks` says, and keeps the ranges asked for."""

    breaks = 0
    ranges_known = True
    asked: list[str | None] = []

    def do_GET(self) -> None:  # noqa: N802
        if self.path != "/set.zip":
            self.send_error(404)
            return
        asked = self.headers.get("Range")
        type(self).asked.append(asked)
        start = int(asked.removeprefix("bytes=").rstrip("-")) if asked and self.ranges_known else 0
        if start >= len(CONTENT):
            self.send_error(416)
            return
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(CONTENT) - start))
        self.end_headers()
        end = len(CONTENT)
        if type(self).breaks:
            type(self).breaks -= 1
            end = start + SENT
        self.wfile.write(CONTENT[start:end])

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def url() -> Iterator[str]:
    Host.breaks, Host.ranges_known, Host.asked = 0, True, []
    server = ThreadingHTTPServer(("127.0.0.1", 0), Host)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/set.zip"
    server.shutdown()
    server.server_close()


def fetch(url: str, target: Path, sha256: str = SHA256, max_gigabytes: float = 1) -> None:
    download(url, target, sha256=sha256, max_gigabytes=max_gigabytes, where=WHERE)


def test_a_whole_file_arrives(url: str, tmp_path: Path) -> None:
    fetch(url, tmp_path / "new/set.zip")
    assert (tmp_path / "new/set.zip").read_bytes() == CONTENT
    assert [p.name for p in (tmp_path / "new").iterdir()] == ["set.zip"]


@pytest.mark.parametrize("ranges_known", [True, False])
def test_a_broken_connection_is_taken_up_again(
    url: str, tmp_path: Path, ranges_known: bool
) -> None:
    Host.breaks, Host.ranges_known = 2, ranges_known
    fetch(url, tmp_path / "set.zip")
    assert (tmp_path / "set.zip").read_bytes() == CONTENT
    starts = [int(asked[6:-1]) if asked else 0 for asked in Host.asked]
    assert starts == [0, KEPT, 2 * KEPT if ranges_known else KEPT]


def test_a_later_run_goes_on_from_an_earlier_one(url: str, tmp_path: Path) -> None:
    Host.breaks = 3
    with pytest.raises(BakeoffError, match=f"broke off.*{3 * KEPT} bytes are kept"):
        fetch(url, tmp_path / "set.zip")
    assert [p.name for p in tmp_path.iterdir()] == ["set.zip.partial"]
    fetch(url, tmp_path / "set.zip")
    assert (tmp_path / "set.zip").read_bytes() == CONTENT
    assert Host.asked[-1] == f"bytes={3 * KEPT}-"


def test_a_stale_partial_file_is_replaced(url: str, tmp_path: Path) -> None:
    (tmp_path / "set.zip.partial").write_bytes(b"of another file")
    fetch(url, tmp_path / "set.zip")
    assert (tmp_path / "set.zip").read_bytes() == CONTENT


def test_a_partial_file_longer_than_the_whole_is_replaced(url: str, tmp_path: Path) -> None:
    (tmp_path / "set.zip.partial").write_bytes(CONTENT + b"more")
    fetch(url, tmp_path / "set.zip")
    assert (tmp_path / "set.zip").read_bytes() == CONTENT


def test_another_file_is_deleted_and_reported(url: str, tmp_path: Path) -> None:
    with pytest.raises(BakeoffError, match=f"SHA-256 {SHA256}, not the 'sha256' in {WHERE}"):
        fetch(url, tmp_path / "set.zip", sha256="0" * 64)
    assert list(tmp_path.iterdir()) == []


def test_too_much_is_stopped(url: str, tmp_path: Path) -> None:
    with pytest.raises(BakeoffError, match="raise 'max_gigabytes'"):
        fetch(url, tmp_path / "set.zip", max_gigabytes=0.0001)
    assert not (tmp_path / "set.zip").exists()


@pytest.mark.parametrize(("path", "told"), [("/gone.zip", "HTTP 404"), ("", "no connection")])
def test_a_host_that_does_not_answer(url: str, tmp_path: Path, path: str, told: str) -> None:
    asked = url.replace("/set.zip", path) if path else "http://127.0.0.1:9/set.zip"
    with pytest.raises(BakeoffError, match=told):
        fetch(asked, tmp_path / "set.zip")
    assert list(tmp_path.iterdir()) == []


def test_a_fault_of_this_machine_is_not_taken_for_one_of_the_host(url: str, tmp_path: Path) -> None:
    (tmp_path / "set.zip.partial").mkdir()
    with pytest.raises(OSError) as found:
        fetch(url, tmp_path / "set.zip")
    assert Path(found.value.filename).name == "set.zip.partial"
    assert len(Host.asked) == 1


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device of Linux")
def test_a_full_disk_is_not_taken_for_a_fault_of_the_host(url: str, tmp_path: Path) -> None:
    (tmp_path / "set.zip.partial").symlink_to("/dev/full")
    with pytest.raises(OSError, match="No space left on device"):
        fetch(url, tmp_path / "set.zip")
    assert len(Host.asked) == 1


def test_a_file_that_is_there_is_verified(tmp_path: Path) -> None:
    path = tmp_path / "set.zip"
    path.write_bytes(CONTENT)
    verify(path, SHA256, WHERE)
    with pytest.raises(BakeoffError, match="correct 'sha256'"):
        verify(path, "0" * 64, WHERE)


class PoorHost(BaseHTTPRequestHandler):
    """Good, missing, truncating, stalling and trickling, by path."""

    def do_GET(self) -> None:  # noqa: N802
        if self.path == "/missing":
            self.send_error(404)
            return
        if self.path == "/silent":
            time.sleep(8)
        self.send_response(200)
        self.send_header("Content-Length", str(len(HDF5)))
        self.end_headers()
        try:
            if self.path == "/truncating":
                self.wfile.write(HDF5[:1000])
            elif self.path == "/stalling":
                self.wfile.write(HDF5[:1000])
                time.sleep(8)
            elif self.path == "/trickling":
                for start in range(0, len(HDF5), 2000):
                    self.wfile.write(HDF5[start : start + 2000])
                    time.sleep(0.1)
            else:
                self.wfile.write(HDF5)
        except OSError:
            pass

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def host():
    server = ThreadingHTTPServer(("127.0.0.1", 0), PoorHost)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_a_good_host_gives_the_whole_file(host, tmp_path):
    fetch_quickly(f"{host}/good", tmp_path / "file.h5")
    assert (tmp_path / "file.h5").read_bytes() == HDF5


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("missing", "HTTP 404"),
        ("truncating", "broke off"),
        ("stalling", "no answer in time"),
        ("trickling", "too slow"),
        ("silent", "no answer in time"),
    ],
)
def test_a_bad_host_is_given_up_within_seconds_and_leaves_nothing(host, tmp_path, path, reason):
    started = time.monotonic()
    with pytest.raises(NotFetchedError, match=reason):
        fetch_quickly(f"{host}/{path}", tmp_path / "file.h5")
    assert time.monotonic() - started < 30  # a busy machine included
    assert list(tmp_path.iterdir()) == []


def test_a_host_that_is_not_there(tmp_path):
    for url in ("http://127.0.0.1:9/x", "http://no-such-host.invalid/x"):
        with pytest.raises(NotFetchedError, match="no connection|no answer in time"):
            fetch_quickly(url, tmp_path / "file.h5")
