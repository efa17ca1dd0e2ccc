"""The damaged and stray files of real archives, drawn from a generator."""

import io
import re
from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image

README = b"""Chest X-ray phantoms, generated; no patient was imaged.
Layout and names follow Kermany et al., Cell 172 (2018) 1122.
"""
NOT_FOUND = b"<html><head><title>404 Not Found</title></head><body>nginx</body></html>\n"
DS_STORE = b"\x00\x00\x00\x01Bud1\x00\x00\x10\x00" + bytes(6132)
# RFC 1740: AppleDouble magic number and version, then the home file system.
RESOURCE_FORK = b"\x00\x05\x16\x07\x00\x02\x00\x00Mac OS X        " + bytes(96)
COMMENT = b"exported twice"
FORKS = 3

Named: TypeAlias = tuple[str, str, NDArray[np.uint8]]  # noqa: UP040


def _encode(film: NDArray[np.uint8], mode: str) -> tuple[bytes, str]:
    """Encodes the film without loss of grey levels (CMYK: as JPEG) and gives the suffix."""
    buffer = io.BytesIO()
    grey = Image.fromarray(film)
    if mode == "CMYK":
        grey.convert("RGB").convert("CMYK").save(buffer, "JPEG", quality=90)
        return buffer.getvalue(), "jpeg"
    if mode == "I;16":
        Image.fromarray(film.astype(np.uint16) * 257).save(buffer, "PNG")
    else:
        grey.convert("RGB" if mode == "RGBA" else "L").convert(mode).save(buffer, "PNG")
    return buffer.getvalue(), "png"


def _with_comment(jpeg: bytes) -> bytes:
    """The same pixels in other bytes: a COM segment after the start of the image."""
    segment = b"\xff\xfe" + (len(COMMENT) + 2).to_bytes(2, "big") + COMMENT
    return jpeg[:2] + segment + jpeg[2:]


def _same_patient(name: str) -> str:
    """Another file name of the same patient, which no generated picture has."""
    if "IM-" in name:
        return re.sub(r"(IM-\d+-0001).*", r"\1-0009.jpeg", name)
    return re.sub(r"_\d+\.jpeg$", lambda m: f"_9{m.group()[1:]}", name)


def _other_patient(name: str) -> str:
    """A name of a patient who has no other picture, same class."""
    return re.sub(r"(IM-|person)(\d+)", lambda m: f"{m.group(1)}{int(m.group(2)) + 7000}", name)


def add_flaws(
    members: dict[str, bytes], pictures: Sequence[Named], rng: np.random.Generator
) -> None:
    """Adds stray and damaged files and duplicates, and re-encodes four pictures in odd formats.

    `members` are changed in place; `pictures` are at least 12.
    """
    order = [int(i) for i in rng.permutation(len(pictures))]
    for mode in ("RGBA", "CMYK", "P", "I;16"):
        name, _, film = pictures[order.pop()]
        del members[f"{name}.jpeg"]
        data, suffix = _encode(film, mode)
        members[f"{name}.{suffix}"] = data
    for rename, alter in (
        (_same_patient, bytes),
        (_same_patient, bytes),
        (_other_patient, bytes),
        (_other_patient, _with_comment),
    ):
        name = f"{pictures[order.pop()][0]}.jpeg"
        members[rename(name)] = alter(members[name])
    # A copy that crosses the archive's own split, the leak that an audit must find.
    name = next(n for n in sorted(members) if "/train/PNEUMONIA/" in n and n.endswith("jpeg"))
    members[_other_patient(name).replace("/train/", "/test/")] = members[name]
    _add_broken(members, f"{pictures[order.pop()][0]}.jpeg")
    _add_litter(members)


def _add_broken(members: dict[str, bytes], whole: str) -> None:
    folder = "chest_xray/train/PNEUMONIA"
    members[f"{folder}/person9001_bacteria_9001.jpeg"] = members[whole][: len(members[whole]) // 2]
    members[f"{folder}/person9002_virus_9002.jpeg"] = NOT_FOUND
    members["chest_xray/train/NORMAL/IM-9003-0001.jpeg"] = b""


def _add_litter(members: dict[str, bytes]) -> None:
    for name in [n for n in sorted(members) if "/train/NORMAL/" in n][:FORKS]:
        folder, _, base = name.rpartition("/")
        members[f"__MACOSX/{folder}/._{base}"] = RESOURCE_FORK
    for folder in ("chest_xray", "chest_xray/train", "chest_xray/train/NORMAL"):
        members[f"{folder}/.DS_Store"] = DS_STORE
    members["chest_xray/README.txt"] = README
