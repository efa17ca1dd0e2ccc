"""Logins in the addresses of data and weights: used for the download, and seen nowhere else."""

import base64
import dataclasses
import hashlib
import json
import logging
import re
import subprocess
import sys
import threading
import zipfile
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path

import pytest
import yaml

from bakeoff.doctor.examination import examine
from bakeoff.features.weights import resolve_weights
from bakeoff.ingest.sources import bring
from bakeoff.params import applications
from bakeoff.params.block import read_yaml
from bakeoff.params.check import check_all
from bakeoff.params.dataset_files import read_chosen_dataset, read_dataset
from bakeoff.params.evidence import TrackingParams
from bakeoff.params.resolved import ChosenDataset, write_resolved
from bakeoff.runtime.errors import BakeoffError
from bakeoff.runtime.layout import PARAMETERS
from bakeoff.tracking import log_comparison
from tests.tiny_repository import ROOT, repository, write_forest, write_reports

__all__ = ["repository"]

NAME, PASSWORD, TOKEN = "anna", "s3cret/päss", "t0ken+5678"
LOGIN = "anna:s3cret%2Fp%C3%A4ss"
SIGNATURE = "X-Amz-Signature=t0ken%2B5678"
# The halves, too: no part of a secret may be left over where an address is taken apart.
TRACES = re.compile(b"s3cret|p%C3%A4ss|p\xc3\xa4ss|p\xe4ss|t0ken|5678|YW5uYTpz")
WEIGHTS = b"\x89HDF\r\n\x1a\n weights of a very small network" * 100


def packed() -> bytes:
    """An archive of two classes, one file each."""
    stream = BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("cat/1.png", b"not looked at yet")
        archive.writestr("dog/1.png", b"nor this")
    return stream.getvalue()


class Doorkeeper(BaseHTTPRequestHandler):
    """Serves who has the password, and no false token; gossips in the headers of its answer."""

    files: dict[str, bytes] = {}
    gone = False

    def do_GET(self) -> None:  # noqa: N802
        path, _, query = self.path.partition("?")
        pair = base64.b64encode(f"{NAME}:{PASSWORD}".encode("latin-1")).decode()
        content = self.files.get(path)
        if self.headers.get("Authorization") != f"Basic {pair}" or query not in ("", SIGNATURE):
            self.send_error(401)
        elif content is None or self.gone:
            self.send_error(404, f"no {self.path}")
        else:
            head = f"HTTP/1.0 200 OK\r\nContent-Length: {len(content)}\r\na header that is none\r\n"
            self.wfile.write(head.encode() + b"\r\n" + content)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def host() -> Iterator[str]:
    Doorkeeper.files, Doorkeeper.gone = {}, False
    server = ThreadingHTTPServer(("127.0.0.1", 0), Doorkeeper)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def traces(folder: Path) -> list[str]:
    """Files that hold a part of a secret, in their name or content, beside the two that may."""
    given = [folder / "params.yaml", *(folder / "datasets").glob("*.yaml")]
    paths = [p for p in sorted(folder.rglob("*")) if p not in given]
    named = [p for p in paths if TRACES.search(p.name.encode())]
    return [str(p) for p in paths if p.is_file() and TRACES.search(p.read_bytes())] + [
        *map(str, named)
    ]


@pytest.fixture
def heard(caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]) -> Callable[[], str]:
    """All that was printed and that our own modules logged."""
    caplog.set_level(logging.DEBUG, "bakeoff")

    def text() -> str:
        own = [r.getMessage() for r in caplog.records if r.name.startswith("bakeoff")]
        return "\n".join([*capfd.readouterr(), *own])

    return text


def describe_cats(url: str, sha256: str) -> None:
    text = {"kind": "folders", "url": url, "sha256": sha256}
    Path("datasets/cats.yaml").write_text(yaml.safe_dump(text))
    params = yaml.safe_load((ROOT / "params.yaml").read_text())
    Path("params.yaml").write_text(yaml.safe_dump(params | {"dataset": "cats"}))


def ingest() -> subprocess.CompletedProcess[bytes]:
    name, described = read_chosen_dataset()
    chosen = ChosenDataset(name=name, described=described.model_dump(mode="json"))
    write_resolved(PARAMETERS, "dataset", chosen)
    command = [sys.executable, str(ROOT / "stages/ingest.py")]
    return subprocess.run(command, capture_output=True, check=False)


@pytest.mark.parametrize("secret", [f"{LOGIN}@", ""])
def test_a_data_set_behind_a_login_is_refused_with_the_way_to_it(
    repository: Path, host: str, secret: str
) -> None:
    signed = "" if secret else f"?{SIGNATURE}"
    describe_cats(f"http://{secret}{host}/d/cats.zip{signed}", "0" * 64)
    with pytest.raises(BakeoffError, match="put the login into ~/.netrc") as caught:
        check_all()
    assert not TRACES.search(str(caught.value).encode())
    assert traces(repository) == []


def test_a_mirror_with_a_login_is_refused(repository: Path) -> None:
    params = yaml.safe_load(Path("params.yaml").read_text())
    params["defaults"]["weights_mirror"] = f"https://{LOGIN}@example.org/weights?{SIGNATURE}"
    Path("params.yaml").write_text(yaml.safe_dump(params))
    with pytest.raises(BakeoffError, match=r"'defaults.weights_mirror': an address must hold no"):
        check_all()


def test_a_login_in_netrc_stands_in_no_file_here(
    repository: Path, host: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = packed()
    Doorkeeper.files = {"/d/cats.zip": content}
    netrc = tmp_path / "netrc"
    netrc.write_text(f"machine 127.0.0.1 login {NAME} password {PASSWORD}\n", encoding="utf-8")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    sha256 = hashlib.sha256(content).hexdigest()
    describe_cats(f"http://{host}/d/cats.zip", sha256)
    (repository / "raw").mkdir()
    bring(read_chosen_dataset()[1], Path("datasets/cats.yaml"), repository / "raw")
    assert Path("data/external/cats.zip").read_bytes() == content


@pytest.mark.parametrize(
    "url",
    [
        "http://{LOGIN}@{host}?{SIGNATURE}",
        "http://anna:s3cret/p@{host}/x.zip",
        "http://anna:s3cret€@{host}/x.zip",
        "http://{LOGIN}@" + "a" * 70 + ".invalid/x.zip?{SIGNATURE}",
        "http://{LOGIN}@[::1/x.zip",
        "http://{LOGIN}@127.0.0.1:99999/x.zip?{SIGNATURE}",
        "htps://{LOGIN}@{host}/x.zip",
        "https:/{LOGIN}@{host}/x.zip",
        "http://anna:s3cret p@{host}/x.zip",
        "[http://{LOGIN}@{host}/x.zip]",
    ],
)
def test_a_mistaken_address_is_one_sentence_without_it(
    repository: Path, host: str, heard: Callable[[], str], url: str
) -> None:
    describe_cats(url.format(LOGIN=LOGIN, SIGNATURE=SIGNATURE, host=host), "0" * 64)
    (repository / "raw").mkdir()
    with pytest.raises(BakeoffError) as caught:
        bring(read_chosen_dataset()[1], Path("datasets/cats.yaml"), repository / "raw")
    assert not TRACES.search(f"{caught.value} {heard()}".encode())
    assert traces(repository) == []


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> applications.Application:
    """VGG16 with a stated hash that a test can meet, no host, and a cache of its own."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "home"))
    found = applications.find_application("VGG16")
    found = dataclasses.replace(found, weights_hash=hashlib.md5(WEIGHTS).hexdigest())
    monkeypatch.setitem(applications.APPLICATIONS, "VGG16", found)
    family = dataclasses.replace(applications.FAMILIES[found.family], folder="http://127.0.0.1:9")
    monkeypatch.setitem(applications.FAMILIES, found.family, family)
    return found


@pytest.mark.parametrize("fault", ["", "hash", "gone", "host"])
def test_weights_behind_a_login(
    small: applications.Application,
    host: str,
    fault: str,
    tmp_path: Path,
    heard: Callable[[], str],
) -> None:
    content = b"another file" if fault == "hash" else WEIGHTS
    Doorkeeper.files, Doorkeeper.gone = {f"/w/{small.weights_file}": content}, fault == "gone"
    mirror = f"http://{LOGIN}@{'a' * 70 if fault == 'host' else host}/w/?{SIGNATURE}"
    found = resolve_weights("imagenet", "VGG16", mirror=mirror)
    assert (found.place, found.fallback) == (("seed", True) if fault else ("mirror", False))
    with pytest.raises(BakeoffError, match="is no file; give"):
        resolve_weights(mirror, "VGG16")
    said = heard()
    assert ("NO PRETRAINED WEIGHTS" if fault else "fetched http://127.0.0.1") in said
    assert not TRACES.search((said + json.dumps(found.record())).encode())
    assert traces(tmp_path) == []


def test_a_comparison_and_its_report_name_no_login(
    repository: Path, heard: Callable[[], str]
) -> None:
    mirror = f"https://{LOGIN}@example.org/weights?{SIGNATURE}"
    params = yaml.safe_load(Path("params.yaml").read_text())
    params["defaults"]["weights_mirror"] = mirror
    Path("params.yaml").write_text(yaml.safe_dump(params))
    write_forest(repository)
    write_reports(repository, {"random_forest": 20})
    log_comparison(Path("reports"), Path("models"), TrackingParams())
    (kept,) = (repository / "mlruns").rglob("params.yaml")
    params["defaults"]["weights_mirror"] = "https://example.org/weights"
    assert read_yaml(kept) == params
    assert traces(repository) == []
    assert not TRACES.search(heard().encode())


@pytest.mark.parametrize(
    "line",
    [
        "url: http://anna:s3cret@h: x",
        'url: "http://anna:s3cret\\q@h"',
        "url: [http://anna:s3cret@h",
        "urll: http://anna:s3cret@h",
        "http://anna:s3cret@h: url",
        "archive: [http://anna:" + "s3cret" * 20 + "@h/x]",
        "archive: http://anna:s3cret@h/x?t0ken",
        "url: {anna: s3cret}",
        "kind: http://anna:s3cret@h/x?t0ken",
    ],
)
def test_a_refused_file_is_not_quoted_with_its_login(tmp_path: Path, line: str) -> None:
    path = tmp_path / "cats.yaml"
    path.write_text(line if line.startswith("kind") else f"kind: folders\n{line}\n")
    with pytest.raises(BakeoffError) as caught:
        bring(read_dataset(path), path, tmp_path)
    assert not TRACES.search(str(caught.value).encode())
    assert "cats.yaml: " in str(caught.value)


def test_weights_that_are_an_address_are_reported_without_login(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    params = yaml.safe_load(Path("params.yaml").read_text())
    params["models"]["vgg16"]["weights"] = f"https://{LOGIN}@example.org/x.h5?{SIGNATURE}"
    Path("params.yaml").write_text(yaml.safe_dump(params))
    monkeypatch.setattr("bakeoff.doctor.dvc_files.stages", lambda: iter(()))
    said = "\n".join(f"{f.what} {f.remedy}" for f in examine())
    assert "https://example.org/x.h5" in said
    assert not TRACES.search(said.encode())
