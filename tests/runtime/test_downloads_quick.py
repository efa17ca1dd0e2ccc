import http.server
import threading
import time

import pytest

from bakeoff.runtime.downloads import NotFetchedError, fetch_quickly

CONTENT = b"\x89HDF\r\n\x1a\n" + bytes(range(256)) * 800


class Host(http.server.BaseHTTPRequestHandler):
    """Good, missing, truncating, stalling and trickling, by path."""

    def do_GET(self):
        if self.path == "/missing":
            self.send_error(404)
            return
        if self.path == "/silent":
            time.sleep(8)
        self.send_response(200)
        self.send_header("Content-Length", str(len(CONTENT)))
        self.end_headers()
        try:
            if self.path == "/truncating":
                self.wfile.write(CONTENT[:1000])
            elif self.path == "/stalling":
                self.wfile.write(CONTENT[:1000])
                time.sleep(8)
            elif self.path == "/trickling":
                for start in range(0, len(CONTENT), 2000):
                    self.wfile.write(CONTENT[start : start + 2000])
                    time.sleep(0.1)
            else:
                self.wfile.write(CONTENT)
        except OSError:
            pass

    def log_message(self, *args):
        pass


@pytest.fixture(scope="module")
def host():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Host)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_a_good_host_gives_the_whole_file(host, tmp_path):
    fetch_quickly(f"{host}/good", tmp_path / "file.h5")
    assert (tmp_path / "file.h5").read_bytes() == CONTENT


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
