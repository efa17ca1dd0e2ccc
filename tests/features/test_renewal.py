"""Random fallback weights give way to real ones, and never the other way round."""

import json
import logging
from pathlib import Path

import pytest

from bakeoff.features import renewal
from bakeoff.features.imagenet_files import keras_cache
from bakeoff.features.renewal import decide_weights, fallbacks, stale_sentences
from bakeoff.features.weights import resolve_weights
from bakeoff.params.models import FeatureParams
from bakeoff.params.resolved import FeatureRequest
from bakeoff.runtime.errors import BakeoffError
from tests.features.test_weights import CONTENT, NAME, served, small  # noqa: F401


def request_of(mirror=None, unreachable="random", **model):
    given = {"backbone": NAME, "image_side": 32} | model
    return FeatureRequest(
        model=FeatureParams(**given), weights_mirror=mirror, weights_unreachable=unreachable
    )


def features_stage(folder: Path, request: FeatureRequest) -> str:
    """What the stage records of the weights that the decision leaves it."""
    found = resolve_weights(
        request.model.weights,
        request.model.backbone,
        mirror=request.weights_mirror,
        unreachable=request.weights_unreachable,
        decided=request.decided,
    )
    folder.mkdir(parents=True, exist_ok=True)
    facts = {"backbone": request.model.backbone, "weights": found.record()}
    (folder / "features.json").write_text(json.dumps(facts))
    return found.kind


def test_offline_online_offline(small, served, tmp_path, caplog):  # noqa: F811
    server, url = served
    features, request = tmp_path / "features", request_of(mirror=url)

    def reproduce(*, look_again=False):
        decided = decide_weights({"m": request}, features, look_again=look_again)["m"]
        return decided, features_stage(features / "m", decided)

    offline, kind = reproduce()  # the server has no such file
    assert (offline.decided, kind) == ("random", "random")
    assert fallbacks(features) == ["m"]
    assert "run `bakeoff renew`" in stale_sentences({"m": request.model}, features)[0]

    (server / small.weights_file).write_bytes(CONTENT)
    unasked, _ = reproduce()
    assert unasked == offline  # hosts are not asked at every edit
    online, kind = reproduce(look_again=True)
    assert (online.decided, kind) == ("imagenet", "imagenet")
    assert online != offline  # so DVC computes the features anew
    assert stale_sentences({"m": request.model}, features) == []

    (server / small.weights_file).unlink()
    assert reproduce(look_again=True) == (online, "imagenet")  # from Keras's cache

    (keras_cache() / small.cached_file).unlink()
    again = decide_weights({"m": request}, features, look_again=True)["m"]
    assert again == online  # nothing changed: the features stand
    with pytest.raises(BakeoffError, match="out of reach"):
        features_stage(features / "m", again)  # where they must be made, never from random ones


def test_a_file_got_by_hand_is_used_without_looking_again(small, tmp_path):  # noqa: F811
    features, request = tmp_path / "features", request_of()
    first = decide_weights({"m": request}, features, look_again=False)["m"]
    features_stage(features / "m", first)
    keras_cache().mkdir(parents=True, exist_ok=True)
    (keras_cache() / small.cached_file).write_bytes(CONTENT)
    assert decide_weights({"m": request}, features, look_again=False)["m"].decided == "imagenet"


def test_the_first_run_decides_what_every_later_one_does(small, served, tmp_path):  # noqa: F811
    server, url = served
    (server / small.weights_file).write_bytes(CONTENT)
    features, request = tmp_path / "features", request_of(mirror=url)
    first = decide_weights({"m": request}, features, look_again=False)["m"]
    assert first.decided == "imagenet"
    features_stage(features / "m", first)
    assert decide_weights({"m": request}, features, look_again=False)["m"] == first


def test_what_is_out_of_reach_is_reported_once_with_each_address(small, tmp_path, caplog):  # noqa: F811
    requests = {
        "a": request_of(),
        "b": request_of(pooling="max"),
        "mine": request_of(weights="random"),
        "small": request_of(backbone="cnn"),
    }
    with caplog.at_level(logging.WARNING):
        decided = decide_weights(requests, tmp_path, look_again=False)
    assert [r.decided for r in decided.values()] == ["random", "random", None, None]
    (record,) = caplog.records
    said = record.getMessage()
    assert "NO PRETRAINED WEIGHTS for 2 models" in said
    for name in ("a", "b"):
        assert f"  {name}: {small.weights_url} (" in said
    assert "~/.keras/models" in said and renewal.COMMAND in said
    with pytest.raises(BakeoffError, match=f"weights of a: {small.weights_url} .* are out of"):
        decide_weights({"a": request_of(unreachable="error")}, tmp_path, look_again=False)


def test_another_backbone_is_looked_for_anew(small, tmp_path):  # noqa: F811
    features = tmp_path / "features"
    (features / "m").mkdir(parents=True)
    facts = {"backbone": "ResNet50", "weights": {"kind": "imagenet", "requested": "imagenet"}}
    (features / "m/features.json").write_text(json.dumps(facts))
    assert decide_weights({"m": request_of()}, features, look_again=False)["m"].decided == "random"


def test_a_changed_file_of_the_users_is_noticed(tmp_path):
    file, features = tmp_path / "mine.weights.h5", tmp_path / "features"
    file.write_bytes(b"first")
    request = request_of(weights=str(file))

    def decided():
        return decide_weights({"m": request}, features, look_again=False)["m"]

    before = decided()
    features_stage(features / "m", before)
    assert stale_sentences({"m": request.model}, features) == []
    file.write_bytes(b"second")
    assert decided() != before  # so DVC computes the features anew
    (said,) = stale_sentences({"m": request.model}, features)
    assert f"{file} has changed since the features of m were computed" in said
    assert "run `bakeoff renew`" in said
    file.unlink()
    assert decided() == before  # the features that are there stay usable
    assert stale_sentences({"m": request.model}, features) == []
