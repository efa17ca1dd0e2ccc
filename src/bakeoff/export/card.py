"""The card of an exported file: what it takes and gives, and what was measured."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bakeoff.evaluate.table import weights_in_words
from bakeoff.export.formats import Format, Precision
from bakeoff.export.proof import Proof
from bakeoff.runtime.files import read_json
from bakeoff.serve.model_facts import model_facts

_FITS = {
    "stretch": "stretched",
    "crop": "cropped to the largest centred square",
    "pad_black": "centred on black",
    "pad_white": "centred on white",
}


def card_text(
    folder: Path,
    chosen: Format,
    precision: Precision,
    *,
    proof: Proof,
    facts: Mapping[str, Any],
    size: int,
) -> str:
    """The card as Markdown.

    Args:
        folder: The model's.
        chosen: The format.
        precision: Of the weights.
        proof: What was compared.
        facts: The content of `labels.json`.
        size: Bytes of the file.
    """
    model = model_facts(folder)
    weights = weights_in_words(read_json(folder / "metadata.json"))
    lines = [
        f"# {folder.resolve().name} as {chosen.file}",
        "",
        *(line for warning in model["warnings"] for line in (f"> **Warning:** {warning}", "")),
        f"Model: {model['what']}{f', {weights} weights' if weights else ''}.",
        f"Trained on {model['n_train']} examples of {model['dataset'] or 'an unknown data set'}.",
        model["score"],
        "",
        "## Use",
        "",
        f"- Input `picture`: float32 `(n, {_shape(facts)}, {facts['channels']})`, pixels 0 to 255, "
        f"{'grey' if facts['channels'] == 1 else 'RGB'}. {_square(facts)}",
        f"- Output `probabilities`: float32 `(n, {len(facts['classes'])})`, calibrated, in this "
        "order:",
        *(f"  {number}. {name}" for number, name in enumerate(facts["classes"])),
        "",
        "Resizing to the network's side, preprocessing, head and temperature are inside. Decode "
        "the picture outside, turned as its EXIF data says.",
        "",
        "## Measured",
        "",
        "| what | value |",
        "|---|---|",
        f"| largest difference of a probability, {proof.pictures} pictures | "
        f"{proof.difference:.1e} (bound {proof.bound:g}) |",
        *_whole(proof),
        f"| one picture, {chosen.version()} | {proof.milliseconds:.1f} ms |",
        f"| one picture, the model itself in the same process | {proof.own_milliseconds:.1f} ms |",
        f"| size | {size / 1e6:.1f} MB, weights in {precision} |",
        "",
        "The pictures were brought to squares as `bakeoff predict` does, and the model's own "
        "probabilities are those of that command. Milliseconds are medians of 15 calls of each, "
        "in turns, on the machine that wrote this file.",
    ]
    return "\n".join(lines) + "\n"


def _shape(facts: Mapping[str, Any]) -> str:
    return "height, width" if facts["any_size"] else f"{facts['side']}, {facts['side']}"


def _square(facts: Mapping[str, Any]) -> str:
    side = f"{facts['side']} x {facts['side']} pixels"
    how = f"{_FITS[facts['fit']]}, with Pillow's Lanczos filter"
    if facts["any_size"]:
        return (
            f"A picture of {side} is used as it is; one of any other size is brought to that "
            f"square inside ({_FITS[facts['fit']]}, antialiased Lanczos). All pictures of a batch "
            "have one size."
        )
    more = "" if facts["mode"] == "RGB" or facts["channels"] == 1 else ", made grey first"
    if facts["equalize"] != "none":
        more += f", then equalised ({facts['equalize']})"
    if facts["encoding"] == "jpeg":
        more += f", then as JPEG of quality {facts['jpeg_quality']}"
    return f"Bring each picture to {side} first: {how}{more}."


def _whole(proof: Proof) -> list[str]:
    if proof.whole is None:
        return []
    return [
        f"| the same where the file makes the square of whole pictures | {proof.whole:.1e} |",
    ]
