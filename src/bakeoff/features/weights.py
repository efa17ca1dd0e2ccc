"""Find a backbone's weights: named file, mirror, Keras's cache, installed package, Keras's host.

The result is a path and a hash; TensorFlow is not imported. ImageNet weights are used only if they
have the hash in the catalogue, which for Keras's files is the one that Keras publishes.
"""

import hashlib
import importlib.util
import logging
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

from filelock import FileLock, Timeout

from bakeoff.features.presets import present_preset, sha256_of_preset
from bakeoff.params.applications import SCRATCH, Application, find_application
from bakeoff.params.hub import preset_reference
from bakeoff.runtime.addresses import below, shown
from bakeoff.runtime.downloads import NotFetchedError, fetch_quickly
from bakeoff.runtime.errors import BakeoffError
from bakeoff.runtime.files import sha256_of_file, writing_file

logger = logging.getLogger(__name__)

_LOCK_SECONDS = 600
_HDF5_MAGIC = b"\x89HDF\r\n\x1a\n"


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
    reasons: list[str] = []
    for place, find in weight_places(application, mirror, hosts=True).items():
        try:
            path = find()
        except NotFetchedError as reason:
            reasons.append(f"{place}: {reason}")
            continue
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
    return _out_of_reach(application, reasons, "error" if decided else unreachable)


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


def _out_of_reach(application: Application, reasons: list[str], unreachable: str) -> Weights:
    tried = "; ".join(reasons)
    remedy = (
        f"run `uv sync`, which installs {application.package}"
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


def weight_places(
    application: Application, mirror: str | None, *, hosts: bool
) -> dict[str, Callable[[], Path]]:
    """Places to search, in this order; without `hosts` only those on this machine."""
    cached = keras_cache() / application.cached_file
    places: dict[str, Callable[[], Path]] = {}
    remote = mirror is not None and mirror.startswith(("http://", "https://"))
    if mirror and remote and hosts:
        address = below(mirror, application.weights_file)
        places["mirror"] = lambda: _fetched(address, cached, application)
    elif mirror and not remote:
        places["mirror"] = lambda: _in_mirror(Path(mirror).expanduser(), application)
    places["keras cache"] = lambda: _checked(cached, application)
    if application.package:
        places["installed package"] = lambda: _in_package(application)
    if application.weights_url and hosts:
        places["keras host"] = lambda: _fetched(application.weights_url, cached, application)
    return places


def packaged_file(application: Application) -> Path | None:
    """The weights file in the backbone's installed package; None without package or file.

    The package is looked up and not imported: none of its code runs.
    """
    if not application.package:
        return None
    spec = importlib.util.find_spec(application.package.replace("-", "_"))
    folders = spec.submodule_search_locations if spec else None
    paths = [Path(folder) / "models" / application.weights_file for folder in folders or ()]
    return next((path for path in paths if path.is_file()), None)


def keras_cache() -> Path:
    """Where Keras keeps weights: `models` in `KERAS_HOME`, or in `~/.keras`."""
    return Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras") / "models"


def _in_package(application: Application) -> Path:
    path = packaged_file(application)
    if path is None:
        raise NotFetchedError(f"{application.package} is not installed")
    return _checked(path, application)


def _in_mirror(folder: Path, application: Application) -> Path:
    names = (application.weights_file, application.cached_file)
    found = next((folder / name for name in names if (folder / name).is_file()), None)
    return _checked(found or folder / application.weights_file, application)


def _checked(path: Path, application: Application) -> Path:
    """`path`, if it has the catalogue's hash."""
    if not path.is_file():
        raise NotFetchedError("not there")
    reason = _doubt(path, application)
    if reason:
        logger.warning("%s: not used, %s", path, reason)
        raise NotFetchedError(reason)
    return path


def _doubt(path: Path, application: Application) -> str:
    """Why `path` is not accepted as the application's weights; empty if it is accepted."""
    expected = application.weights_hash
    if expected is None:
        # Keras states no hash for the first two MobileNets; a login page is caught nevertheless.
        with path.open("rb") as stream:
            return "" if stream.read(8) == _HDF5_MAGIC else "not an HDF5 file"
    algorithm = "sha256" if len(expected) == 64 else "md5"
    with path.open("rb") as stream:
        found = hashlib.file_digest(stream, algorithm).hexdigest()
    return "" if found == expected else f"its {algorithm} is {found}, not {expected}"


def _fetched(url: str, cached: Path, application: Application) -> Path:
    """Download into Keras's cache, one process at a time; the others then find the file there."""
    try:
        cached.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(cached.with_name(f"{cached.name}.lock"), timeout=_LOCK_SECONDS):
            if cached.is_file() and not _doubt(cached, application):
                return cached
            with writing_file(cached) as partial:
                fetch_quickly(url, partial)
                reason = _doubt(partial, application)
                if reason:
                    logger.warning("%s: not used, %s", shown(url), reason)
                    raise NotFetchedError(reason)
    except (OSError, Timeout) as error:
        raise NotFetchedError(f"{cached.parent} cannot be written ({error})") from None
    logger.info("fetched %s", shown(url))
    return cached
