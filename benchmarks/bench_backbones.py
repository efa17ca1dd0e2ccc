"""Measure the frozen features of one picture, backbone by backbone, at its natural side.

    python benchmarks/bench_backbones.py
    python benchmarks/bench_backbones.py --backbones VGG16 dinov2_small --pictures 64

Weights are random, because the time does not depend on them, and so no network is needed. The
names of presets are those of KerasHub (`uv sync --extra hub`); without it they are left out.

CPU milliseconds are those of all threads together; other load hardly changes them.
"""

import argparse
import importlib.util
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import numpy as np

from bakeoff.features.backbones import build_backbone, build_encoder
from bakeoff.features.batches import BATCH
from bakeoff.features.hub_presets import build_preset
from bakeoff.params.applications import find_application
from bakeoff.runtime.tf import keras, tf
from figures import record

APPLICATIONS = (
    "EfficientNetLite0",
    "EfficientNetLite1",
    "EfficientNetLite2",
    "MobileNetV2",
    "MobileNetV3Large",
    "EfficientNetV2B0",
    "EfficientNetV2B1",
    "EfficientNetV2B2",
    "EfficientNetV2S",
    "InceptionV3",
    "ResNet50",
    "ConvNeXtTiny",
    "VGG16",
)
_SMALL = {"num_layers": 12, "hidden_dim": 384, "num_heads": 6, "intermediate_dim": 1536}
_BASE = {"num_layers": 12, "hidden_dim": 768, "num_heads": 12, "intermediate_dim": 3072}
_SQUARE = (224, 224, 3)
_DINO = {"patch_size": 14, "image_shape": _SQUARE, "position_embedding_shape": (518, 518, 3)}
# KerasHub's class and the dimensions of the preset of that name
PRESETS: dict[str, tuple[str, dict[str, Any]]] = {
    "dinov2_small": ("DINOV2", _DINO | _SMALL),
    "dinov2_base": ("DINOV2", _DINO | _BASE),
    "dinov3_vit_small_lvd1689m": (
        "DINOV3",
        {"patch_size": 16, "image_shape": _SQUARE, "num_register_tokens": 4} | _SMALL,
    ),
    "siglip_base_patch16_224": ("SigLIP", {"patch_size": 16, "image_shape": _SQUARE} | _BASE),
    "vit_base_patch16_224_imagenet": (
        "ViT",
        {"patch_size": 16, "image_shape": _SQUARE, "num_layers": 12, "hidden_dim": 768}
        | {"num_heads": 12, "mlp_dim": 3072},
    ),
}


def main() -> None:
    parser = argparse.ArgumentParser(description="Milliseconds of a picture's frozen features.")
    parser.add_argument("--backbones", nargs="*", default=[*APPLICATIONS, *PRESETS])
    parser.add_argument("--pictures", type=int, default=32)
    arguments = parser.parse_args()
    measured = {}
    for name in arguments.backbones:
        if name in PRESETS and importlib.util.find_spec("keras_hub") is None:
            continue
        measured[name] = row = measure(*encoder_of(name), arguments.pictures)
        print(name, *(f"{key} {value}" for key, value in row.items()), sep="  ", flush=True)
    first = measured.get("EfficientNetLite0")
    ratios = {n: r["cpu_ms"] / first["cpu_ms"] for n, r in measured.items()} if first else {}
    record("backbones", ratios, measured)


def encoder_of(name: str) -> tuple[keras.Model, int]:
    """Pictures to features, and the natural side."""
    if name in PRESETS:
        return _preset(name), _SQUARE[0]
    side = find_application(name).natural_side
    backbone = build_backbone(name, side)
    return build_encoder(name, backbone, side=side, channels=3, pooling="avg"), side


def _preset(name: str) -> keras.Model:
    import keras_hub

    kind, config = PRESETS[name]
    with tempfile.TemporaryDirectory() as folder:
        models, layers = keras_hub.models, keras_hub.layers
        if kind == "SigLIP":
            text = {"vocabulary_size": 8, "embedding_dim": 8, "hidden_dim": 8, "num_layers": 1}
            text |= {"num_heads": 1, "intermediate_dim": 8}
            network = models.SigLIPBackbone(
                models.SigLIPVisionEncoder(**config), models.SigLIPTextEncoder(**text)
            )
        else:
            network = getattr(models, f"{kind}Backbone")(**config)
        network.save_to_preset(folder)
        converter = getattr(layers, f"{kind}ImageConverter")
        converter(image_size=_SQUARE[:2], scale=1 / 127.5, offset=-1.0).save_to_preset(folder)
        backbone = build_preset(Path(folder), _SQUARE[0], "cls", weights=True)
    return build_encoder(f"hub:{name}", backbone, side=_SQUARE[0], channels=3, pooling="cls")


def measure(encoder: keras.Model, side: int, pictures: int) -> dict[str, float]:
    """Parameters in millions, features, and milliseconds of a picture; the fastest batch counts."""
    batch = np.random.default_rng(20).integers(0, 256, (BATCH, side, side, 3)).astype(np.float32)
    forward = tf.function(lambda x: encoder(x, training=False))
    forward(batch)
    spent = [_clock(lambda: forward(batch).numpy()) for _ in range(max(1, pictures // BATCH))]
    wall, cpu = (min(times) * 1000 / BATCH for times in zip(*spent, strict=True))
    return {
        "side": side,
        "parameters_million": round(encoder.count_params() / 1e6, 1),
        "features": int(encoder.output_shape[-1]),
        "ms": round(wall, 1),
        "cpu_ms": round(cpu, 1),
    }


def _clock(action: Callable[[], object]) -> tuple[float, float]:
    wall, cpu = perf_counter(), process_time()
    action()
    return perf_counter() - wall, process_time() - cpu


if __name__ == "__main__":
    main()
