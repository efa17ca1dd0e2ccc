"""Export a model: write the file, run it, compare it, and leave it with a card beside it."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bakeoff.export.card import card_text
from bakeoff.export.formats import Format, Name, Precision, format_of
from bakeoff.export.portable import FEATURES, PIXELS, Portable, portable
from bakeoff.export.proof import FLOAT16, FLOAT32, MIXED, Proof, prove, sample_pictures
from bakeoff.runtime.errors import BakeoffError
from bakeoff.runtime.files import read_json, write_json, write_text, writing_folder
from bakeoff.serve.best_model import chosen_model
from bakeoff.serve.metadata import ModelMetadata
from bakeoff.serve.predictor import can_predict, load_predictor

LABELS, CARD = "labels.json", "README.md"

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Exported:
    """A folder with an exported file, its card and its labels."""

    folder: Path
    file: Path
    proof: Proof
    runtime: str


def model_folder(name: str | None) -> Path:
    """A model of `models/`, or any model folder; None means the best of the comparison."""
    if name is not None and (Path(name) / "metadata.json").is_file():
        return Path(name)
    return chosen_model(name)


def export_model(
    folder: Path,
    name: Name,
    *,
    precision: Precision = "float32",
    target: Path | None = None,
    pictures: Path | None = None,
) -> Exported:
    """Export the model of `folder`.

    Args:
        folder: A model folder.
        name: The format.
        precision: Of the weights in the file; it computes in float32.
        target: The folder to write; None: `exports/<model>_<format>`.
        pictures: A folder or file of pictures to compare on; None: the test side.

    Raises:
        BakeoffError: the format cannot hold the model or is not installed, or the file answers
            otherwise than the model. No file is left then.
    """
    chosen = format_of(name)
    _refuse_early(folder, name, precision)
    suffix = "_float16" if precision == "float16" else ""
    target = target or Path("exports") / f"{folder.resolve().name}_{name}{suffix}"
    _refuse_foreign(target)
    paths = sample_pictures(pictures)
    predictor = load_predictor(folder)
    with _no_empty_folders(target), writing_folder(target) as partial:
        _log.info("%s: writing %s", folder.name, chosen.file)
        model = portable(folder, predictor.metadata)
        _write(chosen, model, partial / chosen.file, name, precision)
        _log.info("%s: comparing on %d pictures", folder.name, len(paths))
        bound = MIXED if _in_16_bits(folder) else FLOAT16 if precision == "float16" else FLOAT32
        run = chosen.open(partial / chosen.file)
        proof = prove(run, predictor, paths, bound=bound, any_size=model.any_size)
        facts = labels(predictor.metadata, model)
        write_json(partial / LABELS, facts)
        bytes_written = sum(p.stat().st_size for p in partial.rglob("*") if p.is_file())
        card = card_text(folder, chosen, precision, proof=proof, facts=facts, size=bytes_written)
        write_text(partial / CARD, card)
    return Exported(target, target / chosen.file, proof, chosen.version())


def labels(metadata: ModelMetadata, model: Portable) -> dict[str, Any]:
    """What a program beside the file needs: classes in order, and how to make the square."""
    keys = ("channels", "mode", "fit", "equalize", "encoding", "jpeg_quality", "white")
    return {
        "classes": metadata.classes,
        "side": metadata.record_side,
        "any_size": model.any_size,
        **{key: getattr(metadata, key) for key in keys},
    }


def _write(chosen: Format, model: Portable, path: Path, name: Name, precision: Precision) -> None:
    try:
        chosen.write(model, path, precision == "float16")
    except Exception as error:  # whatever a converter meets in a graph
        reason = " ".join(str(error).split())[:160]
        raise BakeoffError(
            f"{name} cannot hold this network ({type(error).__name__}: {reason}); choose "
            "--format savedmodel"
        ) from None


def _refuse_early(folder: Path, name: Name, precision: Precision) -> None:
    """Refuse what is known not to work, before anything slow."""
    metadata = read_json(folder / "metadata.json")
    if name == "savedmodel" and precision == "float16":
        raise BakeoffError("--format savedmodel keeps float32; leave --dtype float16 out")
    backbone = str(metadata.get("backbone"))
    if name == "onnx" and backbone.startswith("ConvNeXt"):
        raise BakeoffError(
            f"{folder}: {backbone} has grouped convolutions that tf2onnx makes no valid graph of; "
            "choose --format openvino or savedmodel"
        )
    if metadata.get("kind") != "forest":
        return
    own = [d for d in metadata["params"]["descriptors"] if not d.startswith(FEATURES)]
    outside = [d for d in own if d != PIXELS]
    if outside:
        raise BakeoffError(
            f"{folder}: its descriptor {outside[0]} is computed by scikit-image, which no format "
            f"holds; {_others(folder, name)}, or use `bakeoff predict`"
        )
    if name != "onnx":
        raise BakeoffError(f"{folder}: {name} holds no forest; choose --format onnx")


def _others(folder: Path, name: Name) -> str:
    """The models beside `folder` that the format holds, as a remedy."""
    found = []
    for path in sorted(folder.parent.glob("*/metadata.json")):
        with suppress(BakeoffError):
            if path.parent != folder and can_predict(path.parent):
                _refuse_early(path.parent, name, "float32")
                found.append(path.parent.name)
    return f"export one of {', '.join(found)}" if found else "export another model"


def _in_16_bits(folder: Path) -> bool:
    return str(read_json(folder / "metadata.json").get("precision", "")).startswith("mixed")


@contextmanager
def _no_empty_folders(target: Path) -> Iterator[None]:
    """After a failure, remove the folders above `target` that were made for it."""
    new = [folder for folder in target.parents if not folder.exists()]
    try:
        yield
    except BaseException:
        with suppress(OSError):  # another export is in one
            for folder in new:
                folder.rmdir()
        raise


def _refuse_foreign(target: Path) -> None:
    """Refuse to replace what is no earlier export."""
    if target.exists() and not (target.is_dir() and (target / LABELS).is_file()):
        if target.is_dir() and not any(target.iterdir()):
            return
        raise BakeoffError(f"{target} exists and is no earlier export; name a new folder with -o")
