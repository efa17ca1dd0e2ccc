"""The embedded data set: patients by class, pictures by patient, all in one zip."""

import dataclasses
import io
import pathlib
import zipfile

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from bakeoff.ingest.phantom.film import render
from bakeoff.ingest.phantom.flaws import add_flaws
from bakeoff.ingest.phantom.patient import Patient, View, draw_patient, draw_view
from bakeoff.runtime.files import writing_file
from bakeoff.runtime.parallel import map_shards

# Kermany et al., Cell 172 (2018) 1122, as distributed: 1575, 2772 and 1493 of 5840 pictures.
CLASS_COUNTS = {"normal": 1575, "bacteria": 2772, "virus": 1493}
PICTURES_PER_PATIENT = (0.42, 0.30, 0.18, 0.10)
TEST_EVERY = 8
FEWEST_PICTURES = 12
FEWEST_PIXELS = 64
JPEG_QUALITY = 90
EPOCH = (1980, 1, 1, 0, 0, 0)


@dataclasses.dataclass(frozen=True)
class PhantomSpec:
    """What to generate."""

    seed: int  # decides every byte
    pictures: int = 300  # readable pictures, not counting the duplicates that `flaws` adds
    min_side: int = 300  # least width and height in pixels
    max_side: int = 420  # greatest width and height in pixels
    # Whether to add what real archives hold: odd formats, duplicates, broken files and system
    # litter
    flaws: bool = True

    def __post_init__(self) -> None:
        """Refuses what cannot be drawn.

        Raises:
            ValueError: For a negative seed, too few pictures or impossible sides.
        """
        if self.seed < 0:
            raise ValueError(f"seed is {self.seed}; it must not be negative")
        if self.pictures < FEWEST_PICTURES:
            raise ValueError(f"pictures is {self.pictures}; at least {FEWEST_PICTURES} are needed")
        if not FEWEST_PIXELS <= self.min_side <= self.max_side:
            raise ValueError(
                f"min_side is {self.min_side} and max_side {self.max_side}; "
                f"they must satisfy {FEWEST_PIXELS} <= min_side <= max_side"
            )


@dataclasses.dataclass(frozen=True)
class Picture:
    """One picture before it is encoded."""

    name: str  # member name in the archive, without suffix
    label: str  # "normal", "bacteria" or "virus"
    patient: int  # number of the patient, unique over all classes
    film: NDArray[np.uint8]  # grey levels, uint8 of shape (height, width)


@dataclasses.dataclass(frozen=True)
class Exposure:
    """What one picture is rendered from."""

    name: str  # member name in the archive, without suffix
    label: str  # "normal", "bacteria" or "virus"
    number: int  # number of the patient, unique over all classes
    patient: Patient  # the anatomy
    view: View  # pose and exposure


def class_counts(pictures: int) -> dict[str, int]:
    """Splits a total in the proportions of `CLASS_COUNTS`, by largest remainder."""
    total = sum(CLASS_COUNTS.values())
    counts = {label: pictures * n // total for label, n in CLASS_COUNTS.items()}
    by_remainder = sorted(
        CLASS_COUNTS, key=lambda label: pictures * CLASS_COUNTS[label] % total, reverse=True
    )
    for label in by_remainder[: pictures - sum(counts.values())]:
        counts[label] += 1
    return counts


def _stem(label: str, patient: int, picture: int, view: int, second_series: bool) -> str:
    if label == "normal":
        series = "NORMAL2-IM" if second_series else "IM"
        return f"{series}-{patient:04d}-0001" + (f"-{view + 1:04d}" if view else "")
    return f"person{patient}_{label}_{picture}"


def draw_exposures(spec: PhantomSpec) -> list[Exposure]:
    """Draws every patient of `spec` and how each was exposed, class by class."""
    root = np.random.SeedSequence(spec.seed)
    exposures: list[Exposure] = []
    number = 0
    for label, count in class_counts(spec.pictures).items():
        left, nth = count, 0
        while left:
            rng = np.random.default_rng(root.spawn(1)[0])
            patient = draw_patient(rng)
            number += int(rng.integers(1, 9))
            views = min(left, 1 + int(rng.choice(4, p=PICTURES_PER_PATIENT)))
            folder = "test" if nth % TEST_EVERY == TEST_EVERY // 2 else "train"
            folder += "/NORMAL" if label == "normal" else "/PNEUMONIA"
            second_series = bool(rng.random() < 0.5)
            for nth_view in range(views):
                stem = _stem(label, number, len(exposures) + 1, nth_view, second_series)
                view = draw_view(rng, spec.min_side, spec.max_side)
                name = f"chest_xray/{folder}/{stem}"
                exposures.append(Exposure(name, label, number, patient, view))
            left, nth = left - views, nth + 1
    return exposures


def develop(exposure: Exposure) -> Picture:
    """Renders one exposure."""
    film, _ = render(exposure.label, exposure.patient, exposure.view)
    return Picture(exposure.name, exposure.label, exposure.number, film)


def draw_pictures(spec: PhantomSpec) -> list[Picture]:
    """Renders all patients of `spec`, class by class."""
    return map_shards(develop, draw_exposures(spec), describe="phantoms")


def encode_jpeg(film: NDArray[np.uint8]) -> bytes:
    """Encodes a greyscale JPEG, the same bytes for the same film."""
    buffer = io.BytesIO()
    Image.fromarray(film).save(buffer, "JPEG", quality=JPEG_QUALITY)
    return buffer.getvalue()


def write_archive(path: pathlib.Path, spec: PhantomSpec) -> None:
    """Writes the data set into one zip, laid out and named like the Kermany set.

    The same `spec` gives the same bytes. A failure leaves no partial file.
    """
    pictures = draw_pictures(spec)
    members = {f"{picture.name}.jpeg": encode_jpeg(picture.film) for picture in pictures}
    if spec.flaws:
        rng = np.random.default_rng([spec.seed, 1])
        add_flaws(members, [(p.name, p.label, p.film) for p in pictures], rng)
    with writing_file(path) as part, zipfile.ZipFile(part, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(members):
            entry = zipfile.ZipInfo(name, EPOCH)
            entry.create_system, entry.external_attr = 3, 0o644 << 16
            archive.writestr(entry, members[name])
