"""The `metadata.json` of tiny models."""

from collections.abc import Sequence
from typing import Any


def tiny_metadata(
    name: str,
    kind: str = "head",
    *,
    classes: Sequence[str] = ("dark", "light"),
    side: int = 16,
    **more: Any,
) -> dict[str, Any]:
    """What training writes of a model of `kind` on records of `side` pixels.

    A network and a regression have a VGG16 with random weights, a regression and a forest the
    temperature and the floor of their calibration; `more` adds keys or replaces them.
    """
    network: dict[str, Any] = {
        "backbone": "VGG16",
        "image_side": side,
        "precision": "float32",
        "weights": {"kind": "random", "origin": "seeded random", "fallback": True},
    }
    return {
        "model": name,
        "kind": kind,
        "classes": list(classes),
        "record_side": side,
        "channels": 3,
        "mode": "RGB",
        "fit": "stretch",
        "equalize": "none",
        "encoding": "png",
        "jpeg_quality": None,
        "n_train": 24,
        "n_val": 24,
        "params": {},
        **({"weights": {"kind": "none"}} if kind == "forest" else network),
        **({"temperature": 1.0, "floor": 1e-9} if kind in ("forest", "logistic") else {}),
        **more,
    }
