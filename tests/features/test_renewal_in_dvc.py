"""Offline, online, offline again, and a file that changes, in a real repository."""

import http.server
import threading
from functools import partial

import h5py
import keras
import pytest
import yaml
from keras.src.legacy.saving import legacy_h5_format

from bakeoff.params.applications import find_application
from bakeoff.runtime.files import read_json, sha256_of_file
from tests.faults.laboratory import Laboratory, finished, lock_of, start

BACKBONE = "MobileNetV2"  # Keras states no hash for its weights, so that a test can make some


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


def served(folder, port=0):
    server = http.server.ThreadingHTTPServer(
        ("127.0.0.1", port), partial(Quiet, directory=str(folder))
    )
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def weights_file(folder):
    """A file in the format of Keras's host."""
    network = keras.applications.MobileNetV2(
        include_top=False, weights=None, input_shape=(32, 32, 3)
    )
    path = folder / find_application(BACKBONE).weights_file
    with h5py.File(path, "w") as file:
        legacy_h5_format.save_weights_to_hdf5_group(file, network)
    return path


def own_weights(path, seed):
    """A user's own file, as docs/models.md says to write it."""
    keras.utils.set_random_seed(seed)
    network = keras.applications.MobileNetV2(
        include_top=False, weights=None, input_shape=(32, 32, 3)
    )
    network.save_weights(path)


def a_changed_file_is_noticed(root, params, run, mine):
    own_weights(mine, seed=1)
    params["models"]["tiny"]["weights"] = str(mine)
    (root / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False))
    _, weights = run("dvc", "repro", "features@tiny")
    assert weights["sha256"] == sha256_of_file(mine)
    own_weights(mine, seed=2)
    assert f"{mine} has changed since the features of tiny" in run("bakeoff", "check")[0]
    _, weights = run("bakeoff", "renew", "features@tiny")
    assert weights["sha256"] == sha256_of_file(mine)
    assert "has changed" not in run("bakeoff", "check")[0]


@pytest.mark.slow
def test_random_weights_give_way_to_real_ones_and_do_not_come_back(tmp_path):
    root = Laboratory.build(tmp_path, ()).reference
    phantom = root / "datasets/phantom.yaml"
    described = yaml.safe_load(phantom.read_text()) | {"official": {"test": "*/test/*"}}
    phantom.write_text(yaml.safe_dump(described, sort_keys=False))
    folder = tmp_path / "served"
    folder.mkdir()
    server = served(folder)
    port = server.server_port
    server.shutdown()
    server.server_close()
    params = yaml.safe_load((root / "params.yaml").read_text())
    tiny = params["models"].pop("tiny") | {"backbone": BACKBONE, "weights": "imagenet"}
    params["models"] = {"tiny": tiny}
    params["defaults"]["weights_mirror"] = f"http://127.0.0.1:{port}/"
    (root / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False))
    home = {"KERAS_HOME": str(tmp_path / "home")}

    def run(*command):
        said = finished(start(root, *command, **home))
        facts = read_json(root / "data/features/tiny/features.json")
        return said, facts["weights"]

    said, weights = run("dvc", "repro", "features@tiny")
    assert said.count("NO PRETRAINED WEIGHTS") == 1
    assert (weights["kind"], weights["fallback"]) == ("random", True)
    assert "run `bakeoff renew`" in run("bakeoff", "check")[0]
    before = lock_of(root)

    path = weights_file(folder)
    server = served(folder, port)
    said, weights = run("bakeoff", "renew", "features@tiny")
    assert weights["kind"] == "imagenet"
    assert weights["sha256"] == sha256_of_file(path)
    after = lock_of(root)
    changed = {name for name in after if after[name] != before.get(name)}
    assert changed == {"fingerprint", "features@tiny"}
    assert "renew" not in run("bakeoff", "check")[0]

    server.shutdown()
    server.server_close()
    for command in (("bakeoff", "renew", "features@tiny"), ("dvc", "repro", "features@tiny")):
        said, weights = run(*command)
        assert weights["kind"] == "imagenet"
    forced = ("dvc", "repro", "--force", "--single-item", "fingerprint")
    run(*forced)
    path.unlink()
    cached = tmp_path / "home/models" / find_application(BACKBONE).cached_file
    cached.unlink()
    run(*forced)
    said, weights = run("dvc", "repro", "features@tiny")
    assert weights["kind"] == "imagenet"
    assert lock_of(root) == after

    a_changed_file_is_noticed(root, params, run, tmp_path / "mine.weights.h5")
