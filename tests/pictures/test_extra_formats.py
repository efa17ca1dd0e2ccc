"""HEIC and DICOM, with the readers of the extra and without them."""

import io

import numpy as np
import pytest
from PIL import Image

from bakeoff.pictures import extra_formats
from bakeoff.pictures.decoding import decode, opened
from bakeoff.pictures.picture_error import PictureError
from bakeoff.sort.picture_facts import examine

VALUES = np.array([[0, 100, 2000], [3000, 4000, 4095]], np.uint16)


def dicom(values=VALUES, *, bits=12, **elements) -> bytes:
    pydicom = pytest.importorskip("pydicom")
    from pydicom.uid import ExplicitVRLittleEndian, SecondaryCaptureImageStorage

    data = pydicom.Dataset()
    data.file_meta = pydicom.dataset.FileMetaDataset()
    data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data.file_meta.MediaStorageSOPClassUID = SecondaryCaptureImageStorage
    data.file_meta.MediaStorageSOPInstanceUID = "1.2.3"
    data.Rows, data.Columns = values.shape[:2]
    data.SamplesPerPixel = 1 if values.ndim == 2 else 3
    data.PhotometricInterpretation = "MONOCHROME2" if values.ndim == 2 else "RGB"
    data.PlanarConfiguration = 0
    data.BitsAllocated = values.dtype.itemsize * 8
    data.BitsStored, data.HighBit = bits, bits - 1
    data.PixelRepresentation = int(values.dtype.kind == "i")
    data.PixelData = values.tobytes()
    for name, value in elements.items():
        setattr(data, name, value)
    stream = io.BytesIO()
    data.save_as(stream, enforce_file_format=True)
    return stream.getvalue()


def heic(picture: Image.Image, **options) -> bytes:
    pillow_heif = pytest.importorskip("pillow_heif")
    pillow_heif.register_heif_opener()
    stream = io.BytesIO()
    picture.save(stream, "HEIF", quality=-1, **options)
    return stream.getvalue()


def grey(content: bytes) -> list[int]:
    return np.asarray(decode(content, "L")).ravel().tolist()


def test_a_dicom_without_a_window_keeps_its_stored_range():
    assert grey(dicom()) == np.rint(VALUES.ravel() / 4095 * 255).tolist()


def test_the_window_of_a_dicom_is_applied_as_the_standard_says():
    found = grey(dicom(WindowCenter=2048, WindowWidth=4096))
    # C.11.2.1.2.1: y = ((x - (c - 0.5)) / (w - 1) + 0.5) * 255
    assert found == np.rint(((VALUES.ravel() - 2047.5) / 4095 + 0.5) * 255).tolist()
    narrow = grey(dicom(WindowCenter=[2000, 9], WindowWidth=[101, 9]))
    assert narrow == [0, 0, 129, 255, 255, 255]
    exact = grey(dicom(WindowCenter=2000, WindowWidth=4000, VOILUTFunction="LINEAR_EXACT"))
    assert exact[:3] == [0, 6, 128]


def test_rescaled_signed_and_inverted_values():
    values = np.array([[-1000, 0, 400]], np.int16)
    hounsfield = {"RescaleSlope": 2, "RescaleIntercept": 1000}
    found = grey(dicom(values, bits=16, WindowCenter=400.5, WindowWidth=2801, **hounsfield))
    assert found == [0, 182, 255]
    assert grey(dicom(PhotometricInterpretation="MONOCHROME1"))[0] == 255


def test_a_window_fits_a_falling_rescaling_and_a_modality_table():
    values = np.array([[0, 10, 20]], np.uint16)
    falling = {"RescaleSlope": -1, "RescaleIntercept": 0}
    window = {"WindowCenter": -9.5, "WindowWidth": 21}  # from -20 to 0
    assert grey(dicom(values, **falling, **window)) == [255, 128, 0]

    pydicom = pytest.importorskip("pydicom")
    table = pydicom.Dataset()
    table.LUTDescriptor = [21, 0, 16]
    table.LUTData = np.arange(0, 105, 5, np.uint16).tobytes()
    window = {"WindowCenter": 50.5, "WindowWidth": 101}  # from 0 to 100
    assert grey(dicom(values, ModalityLUTSequence=[table], **window)) == [0, 128, 255]


def test_an_empty_window_is_none_and_an_empty_function_is_linear():
    assert grey(dicom(WindowCenter="", WindowWidth=400)) == grey(dicom())
    window = {"WindowCenter": 2000, "WindowWidth": 400}
    assert grey(dicom(VOILUTFunction="", **window)) == grey(dicom(**window))
    sigmoid = grey(dicom(VOILUTFunction="SIGMOID", **window))
    assert sigmoid == [0, 0, 128, 255, 255, 255]  # far ends, and the half at the centre


def test_a_dicom_in_colour_is_taken_as_it_is():
    values = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)
    assert np.array_equal(np.asarray(decode(dicom(values, bits=8), "RGB")), values)


def test_headers_are_checked_before_pixels_are_decoded():
    with pytest.raises(PictureError, match="too many pixels: 3 x 2"):
        decode(dicom(), "L", max_pixels=5)
    with pytest.raises(PictureError, match="animated: 2 frames"):
        decode(dicom(NumberOfFrames=2, PixelData=VALUES.tobytes() * 2), "L")
    with pytest.raises(PictureError, match="unsupported: DICOM without a picture"):
        decode(dicom(Rows=None), "L")
    with opened(dicom(), max_pixels=99, min_side=1) as picture:
        assert picture.size == (3, 2)


@pytest.mark.parametrize("cut", [140, 300, -3])
def test_a_cut_dicom_is_a_reason_and_no_traceback(cut):
    with pytest.raises(PictureError):
        decode(dicom()[:cut], "L")


def test_a_heic_photograph_stands_upright():
    tall = Image.new("RGB", (40, 64), (200, 30, 30))
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by a quarter
    found = decode(heic(tall, exif=exif.tobytes()), "RGB")
    assert found.size == (64, 40)
    assert np.abs(np.asarray(found, int) - (200, 30, 30)).max() < 6


def test_later_stages_get_a_png():
    facts = examine(dicom(), "L", max_pixels=99, min_side=1)
    assert (facts.suffix, facts.width, facts.height) == (".png", 3, 2)
    assert grey(facts.rewritten) == grey(dicom())


def test_without_the_reader_the_command_is_named(monkeypatch):
    monkeypatch.setattr(extra_formats, "is_installed", lambda kind: False)
    for head in (bytes(128) + b"DICM", bytes(4) + b"ftypheic"):
        with pytest.raises(PictureError, match="run `uv sync --inexact --extra readers`"):
            decode(head + bytes(50), "L")


def test_a_window_that_cannot_be_applied_is_no_truncated_file():
    content = dicom(WindowCenter=2000, WindowWidth=400, VOILUTFunction="CUBIC")
    with pytest.raises(PictureError, match="DICOM whose window fails: .*CUBIC") as found:
        grey(content)
    assert found.value.reason == "unsupported"
