"""Find the file of a backbone's ImageNet weights: mirror, Keras's cache, package, Keras's host.

A file is used only if it has the hash in the catalogue, which for Keras's files is the one that
Keras publishes.
"""

import hashlib
import importlib.util
import logging
import os
from collections.abc import Callable
from pathlib import Path

from filelock import FileLock, Timeout

from bakeoff.params.applications import Application
from bakeoff.runtime.addresses import below, shown
from bakeoff.runtime.downloads import NotFetchedError, fetch_quickly
from bakeoff.runtime.files import writing_file

logger = logging.getLogger(__name__)

_LOCK_SECONDS = 600
_HDF5_MAGIC = b"\x89HDF\r\n\x1a\n"


def find_imagenet(application: Application, mirror: str | None, *, hosts: bool) -> tuple[str, Path]:
    """The first place that has the ImageNet weights, and their path.

    `hosts` allows downloads from the mirror's or Keras's host into Keras's cache.

    Raises:
        NotFetchedError: no place has them; the message gives each place with its reason.
    """
    reasons = []
    for place, find in _places(application, mirror, hosts=hosts).items():
        try:
            return place, find()
        except NotFetchedError as reason:
            reasons.append(f"{place}: {reason}")
    raise NotFetchedError("; ".join(reasons))


def _places(
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
