"""Where presets are found, what their configuration says, and what the first stage settles."""

import http.server
import json
import threading
import time
from functools import partial

import pytest

from bakeoff.features import preset_hosts
from bakeoff.features.preset_format import read_preset
from bakeoff.features.presets import find_preset, settle_presets, sha256_of_preset
from bakeoff.params.hub import NATURAL, NATURAL_SIDE, kaggle_handle
from bakeoff.params.models import FeatureParams
from bakeoff.params.resolved import FeatureRequest
from bakeoff.runtime.errors import BakeoffError
from tests.tiny_presets import needs_hub

pytestmark = needs_hub

SHAPE = [56, 56, 3]


@pytest.fixture
def root(tmp_path, monkeypatch):
    """A repository with nothing in the caches of Kaggle and Hugging Face."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DVC_ROOT", raising=False)
    monkeypatch.setenv("KAGGLEHUB_CACHE", str(tmp_path / "kaggle"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hf"))
    return tmp_path


def write(folder, *, name="DINOV2Backbone", converter=True, **config):
    """A preset whose weights nobody loads."""
    folder.mkdir(parents=True)
    inner = {"patch_size": 14, "image_shape": SHAPE} | config
    told = {"class_name": name, "registered_name": f"keras_hub>{name}", "config": inner}
    (folder / "config.json").write_text(json.dumps(told))
    if converter:
        pixels = {"image_size": [28, 28], "scale": 0.1, "offset": -1.0, "interpolation": "bicubic"}
        (folder / "image_converter.json").write_text(json.dumps({"config": pixels}))
    (folder / "model.weights.h5").write_bytes(b"weights")
    return folder


def request_of(backbone="hub:presets/x", **changes):
    given = {"backbone": backbone, "image_side": NATURAL_SIDE, "pooling": NATURAL}
    return FeatureRequest(
        model=FeatureParams(**given | {"weights": "preset"} | changes),
        weights_mirror=None,
        weights_unreachable="random",
    )


def settled(root, **changes):
    return settle_presets({"m": request_of(**changes)}, root / "features")["m"]


def test_side_and_pooling_are_the_presets_own(root):
    write(root / "presets/x")
    found = settled(root)
    assert (found.model.image_side, found.model.pooling) == (28, "cls")
    asked = settled(root, image_side=70, pooling="patch_mean")
    assert (asked.model.image_side, asked.model.pooling) == (70, "patch_mean")


def test_a_fixed_network_takes_the_side_of_its_positions(root):
    write(root / "presets/x", name="ViTBackbone", patch_size=[14, 14])
    assert settled(root).model.image_side == 56
    with pytest.raises(BakeoffError, match=r"'models\.m': .* takes pictures of 56 pixels, not 70"):
        settled(root, image_side=70)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"pooling": "avg"}, "has no pooling avg; use cls or patch_mean"),
        ({"image_side": 30}, "use a multiple of 14 pixels"),
    ],
)
def test_what_does_not_fit_is_refused(root, changes, message):
    write(root / "presets/x")
    with pytest.raises(BakeoffError, match=message):
        settled(root, **changes)


def test_two_towers_compute_in_float32(root):
    tower = {"config": {"patch_size": 14, "image_shape": SHAPE}}
    write(root / "presets/x", name="SigLIPBackbone", vision_encoder=tower)
    assert settled(root).model.image_side == 56
    with pytest.raises(BakeoffError, match="computes in float32 alone"):
        settled(root, precision="mixed_bfloat16")


def test_other_networks_and_bare_backbones_are_refused(root):
    with pytest.raises(BakeoffError, match="a BertBackbone; there are CLIPBackbone"):
        read_preset(write(root / "presets/a", name="BertBackbone"))
    with pytest.raises(BakeoffError, match=r"no image_converter\.json, which says how"):
        read_preset(write(root / "presets/b", converter=False))
    folder = write(root / "presets/c")
    (folder / "config.json").write_text('{"model_type": "siglip"}')
    with pytest.raises(BakeoffError, match="cannot read a 'siglip' in Hugging Face's format"):
        read_preset(folder)
    for damage in ("[1]", "{", '{"registered_name": 1, "class_name": "ViTBackbone"}'):
        (folder / "config.json").write_text(damage)
        with pytest.raises(BakeoffError, match="no readable preset"):
            read_preset(folder)


def test_only_what_decides_features_is_in_the_hash(root):
    folder = write(root / "presets/x")
    before = settled(root)
    (folder / "README.md").write_text("said")
    (folder / "metadata.json").write_text('{"date_saved": "now"}')
    assert settled(root) == before
    (folder / "model.weights.h5").write_bytes(b"others")
    assert settled(root).preset != before.preset
    assert settled(root).model == before.model


def test_features_stay_when_their_preset_is_gone(root):
    folder = write(root / "presets/x")
    before = settled(root)
    (root / "features/m").mkdir(parents=True)
    facts = {"backbone": "hub:presets/x", "image_side": 28, "pooling": "cls"}
    facts["preset"] = {"sha256": before.preset}
    (root / "features/m/features.json").write_text(json.dumps(facts))
    folder.rename(root / "elsewhere")
    assert settled(root) == before
    with pytest.raises(BakeoffError, match="neither on this machine nor can it be fetched"):
        settled(root, image_side=42)  # other features than those


def test_weights_in_several_files_count_when_all_are_there(root):
    folder = write(root / "presets/x")
    (folder / "model.weights.h5").unlink()
    shards = {"a": "model_00000.weights.h5", "b": ["model_00001.weights.h5"]}
    (folder / "model.weights.json").write_text(json.dumps({"weight_map": shards}))
    (folder / "model_00000.weights.h5").write_bytes(b"a")
    assert find_preset("hub:presets/x") is None
    (folder / "model_00001.weights.h5").write_bytes(b"b")
    assert find_preset("hub:presets/x") == folder
    before = sha256_of_preset(folder)
    (folder / "model_00001.weights.h5").write_bytes(b"c")
    assert sha256_of_preset(folder) != before


def test_a_name_is_found_in_the_cache_of_kaggle(root):
    from kagglehub.cache import Cache
    from kagglehub.handle import parse_model_handle

    handle = kaggle_handle("dinov2_small")
    folder = write(root / "kaggle/models" / handle)
    assert find_preset("hub:dinov2_small") is None  # downloads that were not finished
    for name in ("config.json", "image_converter.json", "model.weights.h5"):
        Cache().mark_as_complete(parse_model_handle(handle), name)
    assert find_preset("hub:dinov2_small") == folder
    assert settled(root, backbone="hub:dinov2_small").model.image_side == 28


class Hub(http.server.SimpleHTTPRequestHandler):
    """Hugging Face's addresses, over a folder of files."""

    def log_message(self, *args):
        pass

    def send_head(self):
        self.path = self.path.partition("?")[0].replace("/owner/name/resolve/main", "")
        return super().send_head()

    def end_headers(self):
        self.send_header("ETag", f'"{abs(hash(self.path)):x}"')
        self.send_header("X-Repo-Commit", "0" * 40)
        if not self.path.startswith("/model"):
            self.send_header("X-Error-Code", "EntryNotFound")
        super().end_headers()


@pytest.fixture
def hub(root, monkeypatch):
    """A server in the place of Hugging Face; it has one preset, owner/name."""
    folder = write(root / "served")
    handler = partial(Hub, directory=str(folder))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}"
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", address)
    monkeypatch.setattr(
        "huggingface_hub.constants.HUGGINGFACE_CO_URL_TEMPLATE",
        address + "/{repo_id}/resolve/{revision}/{filename}",
    )
    yield folder
    server.shutdown()
    server.server_close()


def test_a_repository_is_fetched_once(hub, root):
    name = "hub:hf://owner/name"
    assert find_preset(name) is None
    first = settled(root, backbone=name)
    assert first.model.image_side == 28
    assert first.preset == sha256_of_preset(hub)
    for path in hub.iterdir():
        path.unlink()
    assert settled(root, backbone=name) == first


@pytest.mark.parametrize("backbone", ["hub:dinov2_small", "hub:hf://owner/name", "hub:presets/x"])
def test_out_of_reach_is_one_sentence_in_seconds(root, monkeypatch, backbone):
    nowhere = "http://127.0.0.1:9"
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", nowhere)
    monkeypatch.setattr(preset_hosts, "_KAGGLE", nowhere)
    began = time.monotonic()
    with pytest.raises(BakeoffError, match="nor can it be fetched") as caught:
        settled(root, backbone=backbone)
    assert time.monotonic() - began < 60  # a busy machine included
    (sentence,) = caught.value.sentences
    assert "'models.m'" in sentence and "presets/" in sentence
