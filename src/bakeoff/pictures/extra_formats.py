"""Formats whose readers are in the optional extra `readers`: HEIC and DICOM.

A grey DICOM picture gets its modality transform, then its first window (DICOM PS3.3, C.11.2.1.2),
or its full stored range where it has none; `MONOCHROME1` is inverted. It has 8 bits afterwards.
"""

import importlib.util
import io
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from bakeoff.pictures.picture_error import PictureError

if TYPE_CHECKING:
    from pydicom import Dataset

PACKAGES = {"HEIF": "pillow_heif", "DICOM": "pydicom"}
"""The package that reads each format, by Pillow's name of it."""

REMEDY = "run `uv sync --inexact --extra readers` to read it"

_HEIC = frozenset((b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"))
_GREY = ("MONOCHROME1", "MONOCHROME2")
_COLOUR = ("RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT", "PALETTE COLOR")


def is_installed(kind: str) -> bool:
    """Whether the reader of a format of `PACKAGES` is here."""
    return importlib.util.find_spec(PACKAGES[kind]) is not None


def extra_format(content: bytes) -> str | None:
    """Which format of `PACKAGES` a file has, by its first bytes."""
    if content[4:8] == b"ftyp" and content[8:12] in _HEIC:
        return "HEIF"
    return "DICOM" if content[128:132] == b"DICM" else None


def open_extra(content: bytes, kind: str) -> Image.Image:
    """A picture of one of `PACKAGES`, whose pixels are not decoded yet.

    Raises:
        PictureError: the reader is not installed, or cannot read this file.
    """
    if not is_installed(kind):
        raise PictureError("unsupported", f"{kind}; {REMEDY}")
    if kind == "HEIF":
        from pillow_heif import register_heif_opener

        register_heif_opener(thumbnails=False)
        return Image.open(io.BytesIO(content), formats=("HEIF",))
    from pydicom import dcmread

    return _DicomPicture(dcmread(io.BytesIO(content)))


class _DicomPicture(Image.Image):
    """Pillow's picture of a DICOM file; decoded when it is loaded."""

    format = "DICOM"
    format_description = "DICOM"

    def __init__(self, dataset: "Dataset") -> None:
        super().__init__()
        _check_dicom(dataset)
        self._size = (int(dataset.Columns), int(dataset.Rows))
        self._mode = "L" if dataset.PhotometricInterpretation in _GREY else "RGB"
        self.n_frames = int(dataset.get("NumberOfFrames") or 1)
        self._waiting: Dataset | None = dataset

    def load(self) -> Any:
        dataset, self._waiting = self._waiting, None
        if dataset is not None:
            self.im = Image.fromarray(_pixels(dataset), self.mode).im
        return super().load()


def _check_dicom(dataset: "Dataset") -> None:
    from pydicom.pixels import get_decoder

    if "PixelData" not in dataset or not dataset.get("Rows"):
        raise PictureError("unsupported", "DICOM without a picture")
    photometric = dataset.get("PhotometricInterpretation", "")
    if photometric not in (*_GREY, *_COLOUR):
        raise PictureError("unsupported", f"DICOM of kind '{photometric}'; save it as PNG")
    syntax = dataset.file_meta.TransferSyntaxUID
    if syntax.is_compressed and not get_decoder(syntax).is_available:
        raise PictureError("unsupported", f"DICOM in {syntax.name}; save it uncompressed")
    if photometric in _GREY:
        try:
            _shares(np.zeros(1), dataset)
        except ValueError as error:
            raise PictureError("unsupported", f"DICOM whose window fails: {error}") from None


def _pixels(dataset: "Dataset") -> NDArray[np.uint8]:
    from pydicom.pixels import apply_color_lut, apply_modality_lut, pixel_array

    values = pixel_array(dataset)
    if dataset.PhotometricInterpretation == "PALETTE COLOR":
        values = apply_color_lut(values, dataset)
    if dataset.PhotometricInterpretation in _GREY:
        shares = _shares(np.asarray(apply_modality_lut(values, dataset), np.float64), dataset)
        if dataset.PhotometricInterpretation == "MONOCHROME1":
            shares = 1 - shares
        return np.rint(np.clip(shares, 0, 1) * 255).astype(np.uint8)
    if values.dtype == np.uint8:
        return values
    return np.rint(values / np.iinfo(values.dtype).max * 255).astype(np.uint8)


def _shares(values: NDArray[np.float64], dataset: "Dataset") -> NDArray[np.float64]:
    """Grey values as shares of white, 0 to 1 inside the window or the stored range."""
    from pydicom.pixels import apply_windowing

    if not all(key in dataset and dataset[key].VM for key in ("WindowCenter", "WindowWidth")):
        low, high = _stored_range(dataset)
        return (values - low) / (high - low)
    if not dataset.get("VOILUTFunction"):
        dataset.VOILUTFunction = "LINEAR"
    with np.errstate(over="ignore"):  # far outside a sigmoid
        low, high = apply_windowing(np.array([-np.inf, np.inf]), dataset)
        return np.asarray((apply_windowing(values, dataset) - low) / (high - low))


def _stored_range(dataset: "Dataset") -> tuple[float, float]:
    """The values of the least and the greatest number that can be stored."""
    from pydicom.pixels import apply_modality_lut

    bits, signed = int(dataset.BitsStored), bool(dataset.PixelRepresentation)
    ends = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)
    low, high = np.sort(apply_modality_lut(np.array(ends), dataset).astype(np.float64))
    return float(low), float(high)
