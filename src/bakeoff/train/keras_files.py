"""Keras files whose bytes depend only on the model.

A `.keras` file is a zip archive that contains its date three times, and memory addresses as object
numbers. Both are replaced, so that equal models give equal files.
"""

import json
import re
import zipfile
from pathlib import Path

from bakeoff.features.hub_presets import import_keras_hub
from bakeoff.runtime.errors import BakeoffError
from bakeoff.runtime.files import writing_file
from bakeoff.runtime.tf import keras

_ZIP_EPOCH = (1980, 1, 1, 0, 0, 0)
_SHARED_ID = re.compile(rb'("shared_object_id": )(\d+)')


def save_keras(model: keras.Model, path: Path) -> None:
    """Save `model` to `path`, which ends in `.keras`; equal models give equal bytes."""
    with writing_file(path) as partial:
        raw = partial.with_name(f"{partial.name}.raw.keras")
        try:
            model.save(raw)
            _normalise(raw, partial)
        finally:
            raw.unlink(missing_ok=True)


def load_keras(path: Path) -> keras.Model:
    """Load a model; refuse models that contain code.

    Raises:
        BakeoffError: the file is missing or is not a Keras model.
    """
    try:
        if _holds_preset(path):
            import_keras_hub()
        return keras.saving.load_model(path, compile=False, safe_mode=True)
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        reason = " ".join(str(error).split())[:160]
        raise BakeoffError(
            f"{path}: not a readable Keras model ({reason}); make it again with `dvc repro`"
        ) from None


def _holds_preset(path: Path) -> bool:
    """Whether a model has layers of KerasHub, which Keras does not find on its own."""
    with zipfile.ZipFile(path) as archive:
        return b'"keras_hub' in archive.read("config.json")


def _normalise(source: Path, target: Path) -> None:
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for name in sorted(old.namelist()):
            entry = zipfile.ZipInfo(name, _ZIP_EPOCH)
            # The zip header records the operating system.
            entry.create_system = 3
            with old.open(name) as stream:
                if name.endswith(".json"):
                    new.writestr(entry, _without_chance(name, stream.read()))
                    continue
                with new.open(entry, "w", force_zip64=True) as out:
                    while block := stream.read(1 << 20):
                        out.write(block)


def _without_chance(name: str, text: bytes) -> bytes:
    if name == "metadata.json":
        metadata = json.loads(text)
        metadata.pop("date_saved", None)
        return json.dumps(metadata, sort_keys=True).encode()
    seen: dict[bytes, int] = {}

    def numbered(match: re.Match[bytes]) -> bytes:
        return match[1] + str(seen.setdefault(match[2], len(seen))).encode()

    return _SHARED_ID.sub(numbered, text)
