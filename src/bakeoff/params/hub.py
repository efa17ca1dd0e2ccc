"""Backbones that are presets of KerasHub, and how `backbone: hub:…` names them.

KerasHub itself is in the optional extra `hub`; it is not imported here.
"""

import ast
import difflib
import importlib.util
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path, PurePosixPath

from bakeoff.runtime.errors import BakeoffError
from bakeoff.runtime.layout import PRESETS

_PREFIX = "hub:"
HUGGING_FACE = "hf://"
NATURAL_SIDE = 0
"""`image_side` until the first stage puts the preset's own in its place."""

NATURAL = "natural"
"""The `pooling` that the first stage replaces by the first one of the preset's kind."""

_REPOSITORY = re.compile(r"[\w.-]+/[\w.-]+(@[\w.-]+)?", re.ASCII)
_TOKENS = ("cls", "patch_mean")
_MAP = ("avg", "max", "flatten")


@dataclass(frozen=True)
class PresetKind:
    """Properties shared by the presets of one KerasHub class."""

    module: str  # of keras_hub.src.models
    poolings: tuple[str, ...]  # the first is the default
    any_side: bool = False  # otherwise only the side that its positions were trained on
    model_types: tuple[str, ...] = ()  # in Hugging Face's config.json, where KerasHub reads those
    two_towers: bool = False  # pictures and texts; only the tower of pictures is used


KINDS = {
    "CLIPBackbone": PresetKind("clip", _TOKENS, two_towers=True),
    "DeiTBackbone": PresetKind("deit", _TOKENS, model_types=("deit",)),
    "DINOV2Backbone": PresetKind(
        "dinov2", _TOKENS, any_side=True, model_types=("dinov2", "dinov2_with_registers")
    ),
    "DINOV3Backbone": PresetKind("dinov3", _TOKENS, any_side=True, model_types=("dinov3_vit",)),
    "ResNetBackbone": PresetKind("resnet", _MAP, any_side=True),
    "SigLIPBackbone": PresetKind("siglip", _TOKENS, two_towers=True),
    "ViTBackbone": PresetKind("vit", _TOKENS, model_types=("vit",)),
}


def preset_reference(backbone: object) -> str | None:
    """What follows `hub:`; None for other backbones."""
    is_preset = isinstance(backbone, str) and backbone.startswith(_PREFIX)
    return str(backbone).removeprefix(_PREFIX) if is_preset else None


def check_preset(reference: str) -> None:
    """Refuse a reference that names no preset, or one that KerasHub must be installed for.

    Raises:
        BakeoffError: it is no folder of `presets/`, no `hf://owner/name`, and no preset's name.
    """
    require_keras_hub()
    if reference.startswith(HUGGING_FACE):
        if not _REPOSITORY.fullmatch(reference.removeprefix(HUGGING_FACE)):
            raise BakeoffError(
                f"params.yaml: backbone 'hub:{reference}' must look like hub:hf://owner/name or "
                "hub:hf://owner/name@revision"
            )
    elif "/" in reference or "\\" in reference:
        path = PurePosixPath(reference)
        if path.parent != PurePosixPath(PRESETS) or path.name == "..":
            raise BakeoffError(
                f"params.yaml: backbone 'hub:{reference}' is no folder in {PRESETS}/, which DVC "
                f"watches for changes; copy the preset to {PRESETS}/ and write "
                f"hub:{PRESETS}/{Path(reference).name}"
            )
    else:
        kaggle_handle(reference)


def require_keras_hub() -> Path:
    """The folder of the installed KerasHub; BakeoffError if it is not installed."""
    spec = importlib.util.find_spec("keras_hub")
    if spec is None or not spec.submodule_search_locations:
        raise BakeoffError(
            "backbones hub:… need KerasHub, which is in an extra; "
            "run `uv sync --inexact --extra hub`"
        )
    return Path(spec.submodule_search_locations[0])


def kaggle_handle(name: str) -> str:
    """Kaggle's handle, with its version, of a preset that KerasHub lists.

    Raises:
        BakeoffError: it lists none of that name for a class of `KINDS`.
    """
    handles = _handles(require_keras_hub())
    if name not in handles:
        near = difflib.get_close_matches(name, handles, n=3, cutoff=0.5)
        remedy = (
            f"did you mean {' or '.join(near)}?"
            if near
            else "name one that docs/backbones.md lists"
        )
        raise BakeoffError(
            f"params.yaml: backbone 'hub:{name}' is no preset of KerasHub for pictures that "
            f"Bakeoff knows; {remedy}"
        )
    return handles[name]


@cache
def _handles(package: Path) -> dict[str, str]:
    """Handles by preset, from KerasHub's tables; they are read, not run, which takes no seconds."""
    found: dict[str, str] = {}
    for kind in KINDS.values():
        folder = package / "src/models" / kind.module
        for path in sorted(folder.glob("*_presets.py")):
            for node in ast.parse(path.read_text(encoding="utf-8")).body:
                if isinstance(node, ast.Assign) and isinstance(node.value, ast.Dict):
                    found |= _listed(ast.literal_eval(node.value))
    return found


def _listed(table: dict[str, dict[str, str]]) -> dict[str, str]:
    return {name: row["kaggle_handle"].partition("://")[2] for name, row in table.items()}
