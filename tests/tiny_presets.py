"""Random presets of a few kilobytes, in the formats of KerasHub and of Hugging Face."""

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest

needs_hub = pytest.mark.skipif(
    importlib.util.find_spec("keras_hub") is None, reason="needs the extra: uv sync --extra hub"
)

CONVERTER = {
    "scale": [1 / 58.4, 1 / 57.1, 1 / 57.4],
    "offset": [-2.1, -2.0, -1.8],
    "interpolation": "bicubic",
    "antialias": True,
}
_SIZES = {"num_layers": 1, "hidden_dim": 16, "num_heads": 2, "intermediate_dim": 32}
_TEXT = {"vocabulary_size": 16, "embedding_dim": 16, "max_sequence_length": 8}
_SHAPE = (32, 32, 3)
CLASSES = {
    "clip": "CLIP",
    "deit": "DeiT",
    "dinov2": "DINOV2",
    "dinov3": "DINOV3",
    "resnet": "ResNet",
    "siglip": "SigLIP",
    "vit": "ViT",
}


def write_preset(folder: Path, kind: str, *, seed: int = 1, side: int = 32) -> Path:
    """A preset in KerasHub's format; `kind` is one of `CLASSES`."""
    import keras
    import keras_hub

    keras.utils.set_random_seed(seed)
    converter = getattr(keras_hub.layers, f"{CLASSES[kind]}ImageConverter")
    _backbone(keras_hub.models, kind).save_to_preset(str(folder))
    converter(image_size=(side, side), **CONVERTER).save_to_preset(str(folder))
    return folder


def _backbone(models, kind):
    name = CLASSES[kind]
    if kind in ("clip", "siglip"):
        seen = getattr(models, f"{name}VisionEncoder")(patch_size=8, image_shape=_SHAPE, **_SIZES)
        read = getattr(models, f"{name}TextEncoder")(**_TEXT, **_SIZES)
        both = (seen, read, 16) if kind == "clip" else (seen, read)
        return getattr(models, f"{name}Backbone")(*both)
    build = getattr(models, f"{name}Backbone")
    if kind == "resnet":
        stack = {"filters": [64], "blocks": [1], "strides": [1]}
        return build(
            input_conv_filters=[64],
            input_conv_kernel_sizes=[3],
            block_type="basic_block",
            **{f"stackwise_num_{key}": value for key, value in stack.items()},
        )
    sizes = dict(_SIZES)
    if kind == "vit":
        sizes["mlp_dim"] = sizes.pop("intermediate_dim")
    more = {"num_register_tokens": 2} if kind in ("dinov2", "dinov3") else {}
    if kind == "dinov2":
        more |= {"position_embedding_shape": _SHAPE}
    return build(patch_size=8, image_shape=_SHAPE, **sizes, **more)


def write_hugging_face(folder: Path) -> Path:
    """A DINOv2 of one layer in Hugging Face's format: `config.json`, safetensors."""
    from safetensors.numpy import save_file

    d, patch, hidden = 16, 8, 32
    shapes = {
        "embeddings.cls_token": (1, 1, d),
        "embeddings.mask_token": (1, d),
        "embeddings.position_embeddings": (1, 17, d),
        "embeddings.patch_embeddings.projection": (d, 3, patch, patch),
        "layernorm": (d,),
    }
    inside = {f"attention.attention.{part}": (d, d) for part in ("query", "key", "value")} | {
        "attention.output.dense": (d, d),
        "layer_scale1.lambda1": (d,),
        "layer_scale2.lambda1": (d,),
        "mlp.fc1": (hidden, d),
        "mlp.fc2": (d, hidden),
        "norm1": (d,),
        "norm2": (d,),
    }
    shapes |= {f"encoder.layer.0.{name}": shape for name, shape in inside.items()}
    draw = np.random.default_rng(3).standard_normal
    tensors = {}
    for name, shape in shapes.items():
        whole = name.endswith(("token", "embeddings", "lambda1"))
        tensors[name if whole else f"{name}.weight"] = draw(shape).astype(np.float32)
        if not whole:
            tensors[f"{name}.bias"] = draw(shape[:1]).astype(np.float32)
    config = {
        "model_type": "dinov2",
        "image_size": 32,
        "patch_size": patch,
        "num_hidden_layers": 1,
        "hidden_size": d,
        "num_attention_heads": 2,
        "mlp_ratio": 2,
        "layerscale_value": 1.0,
        "use_swiglu_ffn": False,
        "hidden_dropout_prob": 0.0,
        "drop_path_rate": 0.0,
    }
    pixels = {
        "image_mean": [0.485, 0.456, 0.406],
        "image_std": [0.229, 0.224, 0.225],
        "rescale_factor": 1 / 255,
        "resample": 3,
        "crop_size": {"height": 32, "width": 32},
    }
    folder.mkdir(parents=True)
    save_file(tensors, folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "preprocessor_config.json").write_text(json.dumps(pixels))
    return folder
