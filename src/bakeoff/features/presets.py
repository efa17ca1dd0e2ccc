"""Find the files of a KerasHub preset; settle what a model's entry leaves to its preset."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bakeoff.features.preset_format import CONFIGURATION, Preset, read_preset
from bakeoff.features.preset_hosts import Get, cached_getter, host_getter
from bakeoff.params.hub import NATURAL, NATURAL_SIDE, preset_reference
from bakeoff.params.models import FeatureParams
from bakeoff.params.resolved import FeatureRequest
from bakeoff.runtime.downloads import NotFetchedError
from bakeoff.runtime.errors import BakeoffError
from bakeoff.runtime.files import read_json, sha256_of_file
from bakeoff.runtime.layout import PRESETS

_WEIGHTS = ("model.weights.h5", "model.safetensors")
_INDICES = ("model.weights.json", "model.safetensors.index.json")  # of weights in several files


def settle_presets(
    requests: Mapping[str, FeatureRequest], features: Path
) -> dict[str, FeatureRequest]:
    """Requests whose presets are found, with natural side, pooling and hash filled in.

    A preset that is not on this machine is fetched, unless the present features are made of it.

    Raises:
        BakeoffError: a preset is out of reach, is no network for pictures, or takes other pictures.
    """
    settled, wrong = dict(requests), []
    for name, request in requests.items():
        if preset_reference(request.model.backbone) is None:
            continue
        try:
            settled[name] = _settled(request, features / name)
        except BakeoffError as mistake:
            wrong += [f"params.yaml: 'models.{name}': {s}" for s in mistake.sentences]
    if wrong:
        raise BakeoffError(*wrong)
    return settled


def _settled(request: FeatureRequest, features: Path) -> FeatureRequest:
    params = request.model
    folder = find_preset(params.backbone)
    if folder is None:
        if used := _used(params, features):
            model, sha256 = used
            return request.model_copy(update={"model": model, "preset": sha256})
        folder = _fetch(params.backbone)
    preset = read_preset(folder)
    update: dict[str, Any] = {}
    if params.image_side == NATURAL_SIDE:
        update["image_side"] = preset.side
    if params.pooling == NATURAL:
        update["pooling"] = preset.kind.poolings[0]
    model = params.model_copy(update=update)
    _check_fit(model, preset)
    return request.model_copy(update={"model": model, "preset": sha256_of_preset(folder)})


def find_preset(backbone: str) -> Path | None:
    """The folder of the preset on this machine; None where it is not, or not whole."""
    reference = str(preset_reference(backbone))
    return _collected(cached_getter(reference))


def present_preset(backbone: str) -> Path:
    """The folder of a preset that the first stage found; BakeoffError if it is gone."""
    folder = find_preset(backbone)
    if folder is None:
        raise BakeoffError(
            f"the preset {backbone} is no longer on this machine; run "
            "`dvc repro --force --single-item fingerprint`"
        )
    return folder


def _fetch(backbone: str) -> Path:
    reference = str(preset_reference(backbone))
    try:
        folder = _collected(host_getter(reference))
        reason = "no config.json with weights beside it"
    except NotFetchedError as error:
        folder, reason = None, str(error)
    if folder is None:
        where = Path(reference).name.partition("@")[0]
        raise BakeoffError(
            f"the preset {backbone} is neither on this machine nor can it be fetched ({reason}); "
            f"run once where its host answers, or put its files into {PRESETS}/{where} and write "
            f"hub:{PRESETS}/{where}"
        )
    return folder


def _collected(get: Get) -> Path | None:
    """The folder of a preset's files, each asked of `get`; None where some are missing."""
    paths = [get(name) for name in CONFIGURATION]
    config = paths[0]
    if config is None:
        return None
    if any(get(name) for name in _WEIGHTS):
        return config.parent
    for index in map(get, _INDICES):
        if index is not None:
            whole = all(get(name) for name in _shards(read_json(index)))
            return config.parent if whole else None
    return None


def _shards(index: Mapping[str, Any]) -> list[str]:
    values = index["weight_map"].values()
    return sorted({n for value in values for n in ([value] if isinstance(value, str) else value)})


def sha256_of_preset(folder: Path) -> str:
    """SHA-256 over the files that decide features; a README or a tokenizer is none of them."""
    names = {*CONFIGURATION, *_INDICES}
    names |= {
        p.name for glob in ("model*.weights.h5", "model*.safetensors") for p in folder.glob(glob)
    }
    lines = [f"{n} {sha256_of_file(folder / n)}\n" for n in sorted(names) if (folder / n).is_file()]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _used(params: FeatureParams, folder: Path) -> tuple[FeatureParams, str] | None:
    """The request and the hash that present features were made by; None if they are of others."""
    try:
        facts = read_json(folder / "features.json")
        model = params.model_copy(
            update={
                "image_side": params.image_side or facts["image_side"],
                "pooling": facts["pooling"] if params.pooling == NATURAL else params.pooling,
            }
        )
        same = all(facts[k] == getattr(model, k) for k in ("backbone", "image_side", "pooling"))
        return (model, facts["preset"]["sha256"]) if same else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _check_fit(params: FeatureParams, preset: Preset) -> None:
    kind, backbone, side = preset.kind, params.backbone, params.image_side
    if params.pooling not in kind.poolings:
        raise BakeoffError(
            f"{backbone} has no pooling {params.pooling}; use {' or '.join(kind.poolings)}"
        )
    if not kind.any_side and side != preset.trained_side:
        raise BakeoffError(
            f"{backbone} takes pictures of {preset.trained_side} pixels, not {side}; set "
            f"'image_side' to {preset.trained_side}"
        )
    if side % preset.patch or side < 8:
        raise BakeoffError(
            f"image_side {side} does not fit {backbone}; use a multiple of {preset.patch} pixels, "
            "8 or more"
        )
    if kind.two_towers and params.precision != "float32":
        raise BakeoffError(f"{backbone} computes in float32 alone; remove precision")
