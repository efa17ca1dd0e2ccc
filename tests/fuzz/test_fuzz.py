"""Damaged pictures, archives, tables, arrays, parameters, records and weights.

A bounded number of cases by default; `make fuzz` sets BAKEOFF_FUZZ to try many times more.
"""

import io
import os
import resource
import shutil
import struct
import tarfile
import time
import zipfile
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

import numpy as np
import pytest
import yaml
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from PIL import Image

from bakeoff.features.pytorch_file import read_pytorch_file
from bakeoff.ingest.archives import Limits, MemberRules, extract
from bakeoff.ingest.arrays import unpack_arrays
from bakeoff.ingest.raw_files import FILES, writing_raw_files
from bakeoff.params.check import check_all
from bakeoff.params.dataset_files import read_dataset
from bakeoff.params.datasets import Arrays, Table
from bakeoff.pictures.picture_error import PictureError
from bakeoff.runtime.errors import BakeoffError
from bakeoff.runtime.files import sha256_of_file
from bakeoff.sort.labelling import find_labels
from bakeoff.sort.picture_facts import examine
from bakeoff.tfrecord.index import Shard, check_shards
from tests import tiny_pytorch
from tests.fuzz.damage import damaged, disturbed
from tests.tiny_raw import contents

ROOT = Path(__file__).parents[2]
TIMES = int(os.environ.get("BAKEOFF_FUZZ", "1"))
WHERE = Path("datasets/mine.yaml")
SECONDS = 10  # of one case; the machine may be busy
MEGABYTES = 700  # that the peak may grow by during a test


def cases(count: int) -> settings:
    """So many examples, each without a deadline of its own: `in_bounds` has one."""
    slow = [HealthCheck.too_slow, HealthCheck.data_too_large]
    return settings(max_examples=count * TIMES, deadline=None, suppress_health_check=slow)


@contextmanager
def in_bounds():
    """The case takes neither long nor much memory."""
    peak, began = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.thread_time()
    yield
    assert time.thread_time() - began < SECONDS
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - peak < MEGABYTES * 1024


def one_sentence(mistake: BakeoffError) -> None:
    assert "\n" not in str(mistake)
    assert len(str(mistake)) < 2000


def encoded(mode: str, kind: str, **options) -> bytes:
    channels = {"L": 1, "1": 1, "P": 1, "CMYK": 4, "RGBA": 4}.get(mode, 3)
    values = np.random.default_rng(3).integers(0, 256, (24, 20, channels), np.uint8)
    picture = Image.fromarray(values.squeeze()).convert(mode)
    if mode == "CMYK":
        picture = Image.frombytes("CMYK", (20, 24), values.tobytes())
    stream = io.BytesIO()
    picture.save(stream, kind, **options)
    return stream.getvalue()


PICTURES = [
    encoded("RGB", "PNG"),
    encoded("P", "PNG"),
    encoded("RGBA", "PNG"),
    encoded("RGB", "JPEG", exif=b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0"),
    encoded("RGB", "JPEG", progressive=True),
    encoded("CMYK", "JPEG", icc_profile=b"broken" * 20),
    encoded("RGB", "TIFF"),
    encoded("RGB", "TIFF", compression="tiff_lzw"),
    encoded("L", "TIFF", compression="tiff_deflate"),
    encoded("1", "TIFF", compression="group4"),
    encoded("P", "GIF"),
    encoded("RGB", "BMP"),
    encoded("P", "BMP"),
    encoded("RGB", "WEBP"),
    encoded("RGBA", "WEBP", lossless=True),
    encoded("RGB", "PPM"),
    encoded("RGB", "JPEG2000"),
    encoded("RGB", "AVIF"),
]


@given(content=damaged(PICTURES))
@cases(400)
def test_a_damaged_picture_has_facts_or_a_reason(content: bytes) -> None:
    with in_bounds():
        try:
            facts = examine(content, "RGB", max_pixels=10**6, min_side=4)
        except PictureError as error:
            assert error.reason  # one of a closed list
            assert "\n" not in str(error)
            return
        assert 16 <= facts.width * facts.height <= 10**6
        assert len(facts.image_id) == 32


def zipped(**options) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", **options) as archive:
        archive.writestr("cat/1.png", PICTURES[0])
        archive.writestr("cat/Übung.png", b"x" * 300)
        archive.writestr("dog/", b"")
        archive.writestr("dog/2.png", b"")
    return stream.getvalue()


def tarred(mode: Literal["w", "w:gz", "w:xz"], form: int) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode=mode, format=form) as archive:
        for name, content in {"cat/1.png": PICTURES[0], "d" * 120 + "/Ü.png": b"x" * 300}.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return stream.getvalue()


ARCHIVES = [
    zipped(),
    zipped(compression=zipfile.ZIP_DEFLATED),
    zipped(compression=zipfile.ZIP_LZMA),
    zipped(compression=zipfile.ZIP_BZIP2),
    tarred("w", tarfile.GNU_FORMAT),
    tarred("w", tarfile.PAX_FORMAT),
    tarred("w:gz", tarfile.PAX_FORMAT),
    tarred("w:xz", tarfile.GNU_FORMAT),
]


@given(content=damaged(ARCHIVES))
@cases(100)
def test_a_damaged_archive_is_unpacked_inside_its_folder_or_refused(content: bytes) -> None:
    with TemporaryDirectory() as folder, in_bounds():
        root = Path(folder)
        (root / "in.bin").write_bytes(content)
        target = root / "a/b/c"
        target.mkdir(parents=True)
        limits = Limits(gigabytes=0.01)
        try:
            with writing_raw_files(target) as create:
                extract(root / "in.bin", create, rules=MemberRules(), limits=limits, where=WHERE)
        except BakeoffError as mistake:
            one_sentence(mistake)
        else:
            contents(target)
        assert [p.name for p in target.rglob("*")] == [FILES]
        outside = [p for p in root.rglob("*") if target not in (p, *p.parents)]
        assert sorted(p.name for p in outside) == ["a", "b", "in.bin"]


@given(content=damaged(ARCHIVES[:1]))
@cases(100)
def test_damaged_raw_files_are_read_or_refused(content: bytes) -> None:
    with TemporaryDirectory() as folder, in_bounds():
        (Path(folder) / FILES).write_bytes(content)
        try:
            contents(Path(folder))
        except BakeoffError as mistake:
            one_sentence(mistake)


TABLES = [
    'image,label\n1.png,cat\n"2.png","dog, big"\n'.encode("utf-8-sig"),
    b'image,label\r\n1.png,"[""A >> B""]"\r\n2.png,\r\n',
    "image;label\n1.png;Übung\n".encode("latin-1"),
    "image,label\n1.png,肺炎\n".encode("utf-16"),
]


@given(
    content=damaged(TABLES),
    delimiter=st.sampled_from(",;\t|"),
    encoding=st.sampled_from(["utf-8-sig", "latin-1", "utf-16", "shift_jis", "nonsense"]),
)
@cases(80)
def test_a_damaged_table_labels_or_is_refused(content: bytes, delimiter: str, encoding: str):
    dataset = Table(
        kind="table",
        archive="x",
        table=("*.csv",),
        image_column="image",
        label_column="label",
        separator=">>",
        delimiter=delimiter,
        encoding=encoding,
    )
    with in_bounds():
        read = {"t.csv": content}.__getitem__
        try:
            found = find_labels(["t.csv", "1.png", "2.png"], dataset, read, WHERE)
        except BakeoffError as mistake:
            one_sentence(mistake)
            return
        assert [item.path for item in found[:3]] == ["t.csv", "1.png", "2.png"]


ARRAYS = Arrays(kind="arrays", archive="x", images=("x",), labels=("y",), max_gigabytes=0.01)


def npz() -> bytes:
    stream = io.BytesIO()
    np.savez_compressed(stream, x=np.zeros((3, 8, 8), np.uint8), y=np.arange(3))
    return stream.getvalue()


@given(content=damaged([npz()]))
@cases(80)
def test_a_damaged_array_file_is_unpacked_or_refused(content: bytes) -> None:
    with TemporaryDirectory() as folder, in_bounds():
        (Path(folder) / "s.npz").write_bytes(content)
        try:
            with writing_raw_files(Path(folder)) as create:
                unpack_arrays([Path(folder) / "s.npz"], create, ARRAYS, WHERE)
        except BakeoffError as mistake:
            one_sentence(mistake)


SHIPPED = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
SHIPPED["models"] = {"vgg16": SHIPPED["models"]["vgg16"]}
SHIPPED_TEXT = yaml.safe_dump(SHIPPED, allow_unicode=True).encode()


@pytest.fixture(scope="module")
def params(tmp_path_factory) -> Path:
    """Where the disturbed parameters are written, beside the data sets' files."""
    folder = tmp_path_factory.mktemp("parameters")
    shutil.copytree(ROOT / "datasets", folder / "datasets")
    return folder / "params.yaml"


@given(tree=disturbed(SHIPPED))
@cases(30)
def test_disturbed_parameters_are_valid_or_one_sentence(params: Path, tree: dict) -> None:
    params.write_text(yaml.safe_dump(tree, allow_unicode=True), encoding="utf-8")
    with in_bounds():
        try:
            check_all(params)
        except BakeoffError as mistake:
            one_sentence(mistake)


@given(content=damaged([SHIPPED_TEXT]))
@example(content=b"augment:")
@cases(30)
def test_damaged_parameter_files_are_valid_or_one_sentence(params: Path, content: bytes) -> None:
    params.write_bytes(content)
    with in_bounds():
        try:
            check_all(params)
        except BakeoffError as mistake:
            one_sentence(mistake)


DATASETS = [path.read_bytes() for path in sorted((ROOT / "datasets").glob("*.yaml"))]


@given(content=damaged(DATASETS))
@cases(80)
def test_damaged_data_set_files_are_valid_or_one_sentence(params: Path, content: bytes) -> None:
    path = params.with_name("mine.yaml")
    path.write_bytes(content)
    with in_bounds():
        try:
            read_dataset(path)
        except BakeoffError as mistake:
            one_sentence(mistake)


@given(bit=st.integers(0, 8 * 348 - 1))
@cases(100)
def test_every_flipped_bit_in_a_record_is_noticed(records: Path, bit: int) -> None:
    content = bytearray(records.read_bytes())
    shard = Shard(records.name, 3, sha256_of_file(records))
    check_shards(records.parent, (shard,))
    content[bit // 8] ^= 1 << bit % 8
    spoilt = records.with_name("spoilt.tfrecord")
    spoilt.write_bytes(content)
    with pytest.raises(BakeoffError, match=r"spoilt\.tfrecord"):
        check_shards(records.parent, (Shard(spoilt.name, 3, shard.sha256),))


@pytest.fixture(scope="module")
def records(tmp_path_factory) -> Path:
    """Three records, framed as TFRecords are; their own checksums are not looked at here."""
    path = tmp_path_factory.mktemp("records") / "val.tfrecord"
    path.write_bytes(b"".join(struct.pack("<Q", 100) + bytes([n]) * 108 for n in range(3)))
    return path


@given(content=damaged([tiny_pytorch.ordinary()]))
@cases(300)
def test_damaged_weights_of_pytorch_are_read_or_refused(content: bytes) -> None:
    with TemporaryDirectory() as folder, in_bounds():
        path = Path(folder) / "weights.pth"
        path.write_bytes(content)
        try:
            tensors = read_pytorch_file(path)
        except BakeoffError as mistake:
            one_sentence(mistake)
            return
        for tensor in tensors.values():
            assert tensor.nbytes <= len(content)
            tensor.copy()  # every element can be reached
