"""Read how a KerasHub preset takes pictures from the configuration in its folder.

The folder is in KerasHub's format (`save_to_preset`) or in Hugging Face's (`config.json` and
safetensors). KerasHub and TensorFlow are not imported here.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bakeoff.params.hub import KINDS, PresetKind
from bakeoff.runtime.errors import BakeoffError
from bakeoff.runtime.files import read_json

CONFIGURATION = ("config.json", "image_converter.json", "preprocessor_config.json")
"""Files that describe a preset's network and its pictures; what KerasHub loads it from."""

_USUAL_SIDE = 224  # pixels, of a convolutional network that states none
_PILLOW = {0: "nearest", 1: "lanczos3", 2: "bilinear", 3: "bicubic"}  # its filters by number


@dataclass(frozen=True)
class Preset:
    """What a preset's configuration says."""

    kind: PresetKind
    side: int  # pixels; its natural side
    trained_side: int | None  # of its position embeddings; None: it has none
    patch: int  # pixels; 1 for a network without patches
    scale: Any  # number or three, multiplied with pixels 0..255; None: 1
    offset: Any  # number or three, added after; None: 0
    interpolation: str
    antialias: bool


def read_preset(folder: Path) -> Preset:
    """What the configuration in a preset's folder says.

    Raises:
        BakeoffError: it is damaged, is no network of `KINDS`, or says nothing of pixels.
    """
    try:
        config = read_json(folder / "config.json")
        read = _keras if "registered_name" in config else _hugging_face
        return read(folder, config)
    except FileNotFoundError as error:
        missing = Path(error.filename).name
        raise BakeoffError(
            f"{folder.name}: no {missing}, which says how the preset takes pixels; save it with "
            "the preset's image converter"
        ) from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise BakeoffError(
            f"{folder.name}: no readable preset ({type(error).__name__}: {error})"
        ) from None


def _keras(folder: Path, config: dict[str, Any]) -> Preset:
    name = config["class_name"]
    if name not in KINDS:
        raise BakeoffError(f"{folder.name}: a {name}; there are {', '.join(KINDS)}")
    inner = config["config"]
    vision = inner["vision_encoder"]["config"] if KINDS[name].two_towers else inner
    converter = read_json(folder / "image_converter.json")["config"]
    size = converter.get("image_size") or vision["image_shape"]
    return _preset(
        KINDS[name],
        size[0] or _USUAL_SIDE,
        vision["image_shape"][0],
        vision.get("patch_size", 1),
        scale=converter.get("scale"),
        offset=converter.get("offset"),
        interpolation=converter.get("interpolation", "bilinear"),
        antialias=converter.get("antialias", False),
    )


def _hugging_face(folder: Path, config: dict[str, Any]) -> Preset:
    found = [kind for kind in KINDS.values() if config.get("model_type") in kind.model_types]
    if not found:
        known = ", ".join(m for kind in KINDS.values() for m in kind.model_types)
        raise BakeoffError(
            f"{folder.name}: KerasHub cannot read a '{config.get('model_type')}' in Hugging Face's "
            f"format, only {known}; convert it to KerasHub's format with save_to_preset"
        )
    pixels = read_json(folder / "preprocessor_config.json")
    size = pixels.get("crop_size") or pixels["size"]
    side = size if isinstance(size, int) else size.get("height") or size["shortest_edge"]
    factor = pixels.get("rescale_factor", 1 / 255) if pixels.get("do_rescale", True) else 1.0
    normal = pixels.get("do_normalize", True)
    mean = pixels["image_mean"] if normal else [0.0] * 3
    deviation = pixels["image_std"] if normal else [1.0] * 3
    return _preset(
        found[0],
        side,
        config["image_size"],
        config["patch_size"],
        scale=[factor / d for d in deviation],
        offset=[-m / d for m, d in zip(mean, deviation, strict=True)],
        interpolation=_PILLOW[pixels.get("resample", 2)],
        antialias=True,  # Pillow always does
    )


def _preset(
    kind: PresetKind,
    side: int,
    trained_side: int | None,
    patch: int | list[int],
    *,
    scale: Any,
    offset: Any,
    interpolation: str,
    antialias: bool,
) -> Preset:
    patch = patch if isinstance(patch, int) else int(patch[0])
    if not kind.any_side or side % patch:
        side = trained_side or side
    return Preset(kind, int(side), trained_side, patch, scale, offset, interpolation, antialias)
