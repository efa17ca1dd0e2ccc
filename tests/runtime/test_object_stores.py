"""Objects of a real S3 server, and of a server with the interface of Hugging Face."""

import hashlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from bakeoff.runtime import object_stores
from bakeoff.runtime.addresses import shown
from bakeoff.runtime.downloads import download
from bakeoff.runtime.errors import BakeoffError

CONTENT = bytes(range(256)) * 12_000
SHA256 = hashlib.sha256(CONTENT).hexdigest()
WHERE = Path("datasets/mine.yaml")
COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    pytest.importorskip("s3fs")
    moto = pytest.importorskip("moto.server")
    started = moto.ThreadedMotoServer(port=0)
    started.start()
    host, port = started.get_host_and_port()
    yield f"http://{host}:{port}"
    started.stop()


@pytest.fixture
def s3(server: str, monkeypatch: pytest.MonkeyPatch) -> Iterator:
    import boto3
    import s3fs

    environment = {
        "AWS_ACCESS_KEY_ID": "a",
        "AWS_SECRET_ACCESS_KEY": "b",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": server,
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    client = boto3.client("s3")
    client.create_bucket(Bucket="pictures")
    client.put_bucket_versioning(Bucket="pictures", VersioningConfiguration={"Status": "Enabled"})
    yield client
    s3fs.S3FileSystem.clear_instance_cache()


def fetched(url: str, folder: Path, sha256: str | None = SHA256, etag: str | None = None) -> bytes:
    target = folder / "set.zip"
    download(url, target, sha256=sha256, max_gigabytes=1, where=WHERE, etag=etag)
    return target.read_bytes()


def test_an_object_is_fetched_and_a_broken_download_goes_on(s3, tmp_path: Path) -> None:
    s3.put_object(Bucket="pictures", Key="my/set.zip", Body=CONTENT)
    assert fetched("s3://pictures/my/set.zip", tmp_path) == CONTENT
    (tmp_path / "set.zip").unlink()
    (tmp_path / "set.zip.partial").write_bytes(CONTENT[:1_000_000])
    assert fetched("s3://pictures/my/set.zip", tmp_path) == CONTENT


def test_an_older_version_and_an_etag(s3, tmp_path: Path) -> None:
    old = s3.put_object(Bucket="pictures", Key="set.zip", Body=CONTENT)
    new = s3.put_object(Bucket="pictures", Key="set.zip", Body=b"other")
    versioned = f"s3://pictures/set.zip?versionId={old['VersionId']}"
    assert fetched(versioned, tmp_path, sha256=None) == CONTENT
    etag = new["ETag"].strip('"')
    assert fetched("s3://pictures/set.zip", tmp_path, None, etag) == b"other"
    with pytest.raises(BakeoffError, match=f"has ETag {etag}, not the 'etag' in datasets"):
        fetched("s3://pictures/set.zip", tmp_path, None, old["ETag"].strip('"'))
    with pytest.raises(BakeoffError, match="not the 'sha256' in datasets"):
        fetched("s3://pictures/set.zip", tmp_path)


def test_what_cannot_be_read_is_one_sentence(s3, tmp_path: Path, monkeypatch) -> None:
    from s3fs import S3FileSystem

    with pytest.raises(BakeoffError, match="there is no such bucket; correct the address"):
        fetched("s3://nobodys/set.zip", tmp_path)
    with pytest.raises(BakeoffError, match="there is no such object; correct the address"):
        fetched("s3://pictures/none.zip", tmp_path)
    s3.put_object(Bucket="pictures", Key="set.zip", Body=CONTENT)
    S3FileSystem.clear_instance_cache()
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    with pytest.raises(BakeoffError, match="no credentials; set AWS_ACCESS_KEY_ID"):
        fetched("s3://pictures/set.zip", tmp_path)


def test_an_error_of_the_reader_of_an_object_is_not_one_of_the_store(s3, tmp_path: Path) -> None:
    s3.put_object(Bucket="pictures", Key="set.zip", Body=CONTENT)
    (tmp_path / "set.zip.partial").mkdir()
    with pytest.raises(OSError, match=r"set\.zip\.partial"):
        fetched("s3://pictures/set.zip", tmp_path)


class Forbidding(BaseHTTPRequestHandler):
    def do_GET(self) -> None:  # noqa: N802
        body = b"<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"
        self.send_response(403)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    do_HEAD = do_GET  # noqa: N815

    def log_message(self, *_: object) -> None:
        pass


class Hub(Forbidding):
    """The three requests by which a file of a data set is found and read."""

    def answer(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def do_GET(self) -> None:  # noqa: N802
        if self.path.startswith(f"/api/datasets/me/mine/tree/{COMMIT}"):
            found = [{"type": "file", "path": "set.zip", "size": len(CONTENT), "oid": "e"}]
            self.answer(200, json.dumps(found).encode(), Content_Type="application/json")
        elif self.path.startswith("/api/datasets/me/mine"):
            self.answer(200, json.dumps({"id": "me/mine", "sha": COMMIT, "siblings": []}).encode())
        elif self.path == f"/datasets/me/mine/resolve/{COMMIT}/set.zip":
            asked = self.headers.get("Range", "bytes=0-").removeprefix("bytes=")
            first, _, last = asked.partition("-")
            part = CONTENT[int(first) : int(last) + 1 if last else None]
            whole = f"bytes {first}-{int(first) + len(part) - 1}/{len(CONTENT)}"
            self.answer(206, part, Content_Range=whole, X_Repo_Commit=COMMIT, ETag='"e"')
        else:
            self.answer(404, b"{}", X_Error_Code="EntryNotFound")

    do_HEAD = do_GET  # noqa: N815


@pytest.fixture
def serving() -> Iterator:
    servers = []

    def start(handler: type[BaseHTTPRequestHandler]) -> str:
        server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        servers.append(server)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{server.server_port}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def test_a_missing_right_is_one_sentence(s3, serving, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", serving(Forbidding))
    with pytest.raises(BakeoffError, match="these credentials may not read it"):
        fetched("s3://pictures/secret.zip", tmp_path)


def test_a_file_of_a_data_set_of_hugging_face(serving, tmp_path: Path) -> None:
    pytest.importorskip("huggingface_hub")
    code = (
        "import sys; from pathlib import Path; from bakeoff.runtime.downloads import download\n"
        "where = Path('datasets/mine.yaml')\n"
        "download(sys.argv[1], Path(sys.argv[2]), sha256=None, max_gigabytes=1, where=where)"
    )
    url, target = f"hf://datasets/me/mine@{COMMIT}/set.zip", tmp_path / "set.zip"
    assert shown(url) == url
    # The package reads its host's address when it is imported.
    environment = {**os.environ, "HF_ENDPOINT": serving(Hub)}
    command = [sys.executable, "-c", code, url, str(target)]
    subprocess.run(command, env=environment, check=True)
    assert target.read_bytes() == CONTENT


@pytest.mark.parametrize(("scheme", "store"), object_stores.STORES.items())
def test_without_the_package_its_extra_is_named(scheme, store, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(object_stores.importlib.util, "find_spec", lambda name: None)
    sentence = f"run `uv sync --inexact --extra {store.extra}`"
    with pytest.raises(BakeoffError, match=sentence):
        fetched(f"{scheme}://somewhere/set.zip", tmp_path)
