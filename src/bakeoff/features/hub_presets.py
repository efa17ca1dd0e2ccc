"""Build a backbone from a KerasHub preset, its scaling of pixels included.

Pictures are float pixels 0..255, already at the backbone's side. KerasHub is imported when a
backbone is built, because it is in an optional extra and takes seconds.
"""

import shutil
from pathlib import Path
from typing import Any

import numpy as np

from bakeoff.features.preset_format import CONFIGURATION, Preset, read_preset
from bakeoff.params.hub import require_keras_hub
from bakeoff.runtime.errors import BakeoffError
from bakeoff.runtime.tf import keras


def import_keras_hub() -> Any:
    """KerasHub, whose classes Keras then finds when it loads a model.

    Raises:
        BakeoffError: the extra is not installed.
    """
    require_keras_hub()
    import keras_hub

    return keras_hub


def build_preset(
    folder: Path, side: int, pooling: str, *, weights: bool, precision: str = "float32"
) -> keras.Model:
    """Build the network of the preset in `folder`.

    Args:
        folder: The preset's files.
        side: Picture side in pixels.
        pooling: `cls` or `patch_mean` for tokens; otherwise what follows is a map of features.
        weights: Whether to load the preset's weights; random ones follow
            `keras.utils.set_random_seed`.
        precision: The Keras dtype policy of its layers.

    Returns:
        A model named `backbone`: pixels `(n, side, side, 3)` to a vector `(n, d)` for `cls`, to
        tokens `(n, t, d)` for `patch_mean`, otherwise to a map `(n, h, w, d)`.

    Raises:
        BakeoffError: KerasHub cannot read the preset.
    """
    keras_hub, preset = import_keras_hub(), read_preset(folder)
    keras.backend.clear_session(free_memory=False)  # layer names must not depend on earlier models
    shape = {"image_shape": (side, side, 3)} if preset.kind.any_side else {}
    try:
        network = keras_hub.models.Backbone.from_preset(
            str(folder), load_weights=weights, dtype=precision, **shape
        )
    except Exception as error:  # whatever a damaged file makes a library throw
        reason = " ".join(str(error).split())[:160]
        raise BakeoffError(
            f"{folder.name}: KerasHub cannot read this preset ({type(error).__name__}: {reason})"
        ) from None
    network = _summarizing(network, preset, side, pooling)
    pictures = keras.Input((side, side, 3), name="picture", dtype="float32")
    x = network(_like_input(network, _scaled(pictures, preset)))
    if pooling == "patch_mean":
        x = keras.layers.Cropping1D((_other_tokens(network, preset, side), 0), name="patches")(x)
    elif pooling == "cls" and len(x.shape) == 3:
        x = keras.layers.Cropping1D((0, int(x.shape[1]) - 1), name="class_token")(x)
        x = keras.layers.Flatten(name="flat")(x)
    return keras.Model(pictures, x, name="backbone")


def copy_configuration(preset: Path, folder: Path) -> None:
    """Copy what `build_preset` needs for a network without weights."""
    folder.mkdir()
    for name in CONFIGURATION:
        if (preset / name).is_file():
            shutil.copyfile(preset / name, folder / name)


def resizing_of(preset: Preset) -> dict[str, Any]:
    """How its pictures are brought to its side: arguments of `features.backbones.resized`."""
    return {"interpolation": preset.interpolation, "antialias": preset.antialias}


def _scaled(pictures: keras.KerasTensor, preset: Preset) -> keras.KerasTensor:
    scale = 1.0 if preset.scale is None else preset.scale
    offset = 0.0 if preset.offset is None else preset.offset
    return keras.layers.Rescaling(scale, offset, name="preprocessing", dtype="float32")(pictures)


def _summarizing(network: keras.Model, preset: Preset, side: int, pooling: str) -> keras.Model:
    """The part of a preset that turns pictures into tokens, or into a vector of its own."""
    if preset.kind.two_towers:
        network = network.vision_encoder
    head = getattr(network, "head", None)  # SigLIP's attention pooling: it has no class token
    if head is not None and pooling == "patch_mean":
        return keras.Model(network.input, head.input, name="tokens")
    return network


def _like_input(network: keras.Model, pictures: Any) -> Any:
    """`pictures` in the form that the network takes them: some take a dict of one."""
    given = network.input
    return {name: pictures for name in given} if isinstance(given, dict) else pictures


def _other_tokens(network: keras.Model, preset: Preset, side: int) -> int:
    """How many tokens stand before the patches; SigLIP's symbolic shape counts one too many."""
    blank = np.zeros((1, side, side, 3), np.float32)
    tokens = network(_like_input(network, blank), training=False).shape[1]
    return int(tokens) - (side // preset.patch) ** 2
