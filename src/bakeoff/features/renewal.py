"""Which weights each model's features are made of, decided once for all models and kept.

The first stage decides and writes the decision into what the stage `features` depends on, so DVC
recomputes features when real weights take the place of random ones, and only then. Random weights
are never chosen where real ones were used before.
"""

import logging
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from bakeoff.features.imagenet_files import find_imagenet
from bakeoff.params.applications import SCRATCH, find_application
from bakeoff.params.models import FeatureParams
from bakeoff.params.resolved import FeatureRequest
from bakeoff.runtime.addresses import shown
from bakeoff.runtime.downloads import NotFetchedError
from bakeoff.runtime.errors import BakeoffError
from bakeoff.runtime.files import read_json, sha256_of_file

logger = logging.getLogger(__name__)

COMMAND = "bakeoff renew"
"""Looks for weights again and reproduces what depends on them."""


def needs_imagenet(params: FeatureParams) -> bool:
    """Whether the model starts from ImageNet weights."""
    return params.weights == "imagenet" and params.backbone not in SCRATCH


def names_file(params: FeatureParams) -> bool:
    """Whether the model starts from a weights file of the user's."""
    return params.weights not in ("imagenet", "random", "preset")


def decide_weights(
    requests: Mapping[str, FeatureRequest], features: Path, *, look_again: bool
) -> dict[str, FeatureRequest]:
    """Requests whose `decided` says `imagenet` or `random` where ImageNet weights are asked for.

    Where a request names a file, `weights_file` gets its hash: the file may lie where DVC does not
    look, and under the old name after it has changed.

    Hosts are asked, all at once, for models without features, and for those with random fallback
    weights where `look_again` is set. One warning names every file that is out of reach.

    Raises:
        BakeoffError: weights are out of reach and `weights_unreachable` is `error`.
    """
    asked = {name: r for name, r in requests.items() if needs_imagenet(r.model)}
    before = {name: _used(features / name, request) for name, request in asked.items()}

    def unreachable(name: str) -> str:
        """Why no place has the weights; empty where one has."""
        if before[name] == "imagenet":
            return ""
        application = find_application(asked[name].model.backbone)
        hosts = before[name] is None or look_again
        try:
            find_imagenet(application, asked[name].weights_mirror, hosts=hosts)
        except NotFetchedError as reasons:
            return str(reasons)
        return ""

    with ThreadPoolExecutor(max(1, len(asked))) as pool:
        missing = {n: m for n, m in zip(asked, pool.map(unreachable, asked), strict=True) if m}
    _tell(missing, asked)
    decided = dict(requests)
    for name, request in requests.items():
        if name in asked:
            found = "random" if name in missing else "imagenet"
            decided[name] = request.model_copy(update={"decided": found})
        elif names_file(request.model):
            sha256 = _sha256(request.model) or _used_file(features / name, request.model)
            decided[name] = request.model_copy(update={"weights_file": sha256})
    return decided


def fallbacks(features: Path) -> list[str]:
    """The models, sorted, whose features come from random weights in the place of ImageNet's."""
    found = []
    for path in sorted(features.glob("*/features.json")):
        if (_weights(path.parent) or {}).get("fallback"):
            found.append(path.parent.name)
    return found


def changed_files(models: Mapping[str, FeatureParams], features: Path) -> list[str]:
    """The models, sorted, whose weights file differs from the one that their features are of."""
    return sorted(
        name
        for name, params in models.items()
        if names_file(params)
        and (used := _used_file(features / name, params))
        and (now := _sha256(params))
        and now != used
    )


def stale_sentences(models: Mapping[str, FeatureParams], features: Path) -> list[str]:
    """What to say of features from random fallback weights, and from files that have changed."""
    sentences = []
    if names := fallbacks(features):
        sentences.append(
            f"random weights stand in for ImageNet weights in {', '.join(names)}; run `{COMMAND}` "
            "to look for them again"
        )
    for name in changed_files(models, features):
        sentences.append(
            f"{models[name].weights} has changed since the features of {name} were "
            f"computed with it; run `{COMMAND}` to compute them again"
        )
    return sentences


def _used(folder: Path, request: FeatureRequest) -> str | None:
    """The kind of weights that the present features have; None where they are of another model."""
    weights = _weights(folder)
    if not weights or weights.get("requested") != "imagenet":
        return None
    same = read_json(folder / "features.json").get("backbone") == request.model.backbone
    return str(weights["kind"]) if same else None


def _sha256(params: FeatureParams) -> str | None:
    path = Path(params.weights).expanduser()
    return sha256_of_file(path) if path.is_file() else None


def _used_file(folder: Path, params: FeatureParams) -> str | None:
    """SHA-256 of the file that the present features are made with; None if it is another's name."""
    weights = _weights(folder) or {}
    same = weights.get("requested") == Path(params.weights).name
    return str(weights["sha256"]) if same else None


def _weights(folder: Path) -> dict[str, Any] | None:
    try:
        weights: dict[str, Any] | None = read_json(folder / "features.json").get("weights")
    except (OSError, ValueError, AttributeError):
        return None
    return weights


def _tell(missing: Mapping[str, str], requests: Mapping[str, FeatureRequest]) -> None:
    if not missing:
        return
    lines = []
    for name, reasons in missing.items():
        application = find_application(requests[name].model.backbone)
        address = (
            application.weights_url or f"{application.package}, installed by `uv sync --inexact`"
        )
        lines.append(f"{name}: {shown(address)} ({reasons})")
    where = (
        "put them into ~/.keras/models, or into a folder that 'defaults.weights_mirror' in "
        f"params.yaml names, and run `{COMMAND}`"
    )
    if any(requests[name].weights_unreachable == "error" for name in missing):
        raise BakeoffError(
            *(f"the ImageNet weights of {line} are out of reach" for line in lines),
            f"{where}, or set 'defaults.weights_unreachable' to random",
        )
    logger.warning(
        "NO PRETRAINED WEIGHTS for %s, which get seeded RANDOM weights: their scores say "
        "nothing about transfer learning. To use real ones, get these files, %s:\n%s",
        f"{len(missing)} models" if len(missing) > 1 else "one model",
        where,
        "\n".join(f"  {line}" for line in lines),
    )
