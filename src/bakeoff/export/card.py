"""The card of an exported file: what it takes and gives, and what was measured."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bakeoff.evaluate.table import weights_in_words
from bakeoff.export.formats import Format, Precision
from bakeoff.export.proof import Proof
from bakeoff.params.dataset_files import read_chosen_dataset
from bakeoff.runtime.errors import BakeoffError
from bakeoff.runtime.files import read_json
from bakeoff.runtime.layout import MODELS, REPORTS
from bakeoff.runtime.tables import read_csv
from bakeoff.serve.best_model import about

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
    warning = about(folder).get("warning")
    metadata = read_json(folder / "metadata.json")
    lines = [
        f"# {folder.resolve().name} as {chosen.file}",
        "",
        *([f"> **Warning:** {warning}.", ""] if warning else []),
        _origin(metadata),
        *_score(folder),
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


def _origin(metadata: Mapping[str, Any]) -> str:
    backbone, weights = metadata.get("backbone"), weights_in_words(metadata)
    kind = str(metadata["kind"]).replace("_", " ")
    network = f"{backbone} at {metadata.get('image_side')} pixels, {weights} weights"
    return f"Kind: {kind}." + (f" Backbone: {network}." if backbone else "")


def _score(folder: Path) -> list[str]:
    """The data set and the accuracy on its test side; nothing for a folder outside `models/`."""
    table = REPORTS / "comparison.csv"
    if folder.resolve().parent != MODELS.resolve():
        return []
    try:
        lines = [f"Data set: {read_chosen_dataset()[0]}."]
    except (BakeoffError, OSError):
        lines = []
    rows = read_csv(table) if table.is_file() else None
    row = None if rows is None else rows[rows["model"] == folder.name]
    if row is None or row.empty or not {"test_accuracy", "test_pictures"} <= set(row):
        return [*lines, "It has not been evaluated yet."]
    found = row.iloc[0]
    return [
        *lines,
        f"Accuracy on {found['test_pictures']} test pictures: {found['test_accuracy']:.3f} "
        f"(95 % interval {found['test_accuracy_low']:.3f} to {found['test_accuracy_high']:.3f}).",
    ]


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
