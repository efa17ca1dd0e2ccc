import gzip
import io
import zipfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_digits

from bakeoff.ingest.array_files import open_arrays
from bakeoff.ingest.arrays import unpack_arrays, write_digits
from bakeoff.ingest.raw_files import writing_raw_files
from bakeoff.params.datasets import Arrays
from bakeoff.runtime.errors import BakeoffError
from tests.tiny_raw import contents

WHERE = Path("datasets/mine.yaml")
RNG = np.random.default_rng(0)


def save(path: Path, **arrays: Any) -> Path:
    if path.suffix == ".npz":
        np.savez_compressed(path, **arrays)
    else:
        with h5py.File(path, "w") as file:
            for name, values in arrays.items():
                file[name] = values
    return path


def dataset(images: tuple[str, ...], labels: tuple[str, ...], gb: float = 1) -> Arrays:
    return Arrays(kind="arrays", archive="x", images=images, labels=labels, max_gigabytes=gb)


def unpack(
    file: Path, images: tuple[str, ...] = ("x",), labels: tuple[str, ...] = ("y",), gb: float = 1
) -> dict[str, np.ndarray]:
    target = file.parent / "out"
    target.mkdir()
    with writing_raw_files(target) as create:
        count = unpack_arrays([file], create, dataset(images, labels, gb), WHERE)[0]
    found = contents(target)
    assert len(found) == count
    return {path: pixels(content) for path, content in found.items()}


def pixels(content: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(content)))


@pytest.mark.parametrize("suffix", [".npz", ".h5"])
@pytest.mark.parametrize("shape", [(11, 5, 6), (11, 5, 6, 1), (11, 5, 6, 3), (11, 5, 6, 4)])
def test_pictures_come_out_as_they_went_in(
    tmp_path: Path, suffix: str, shape: tuple[int, ...]
) -> None:
    images = RNG.integers(0, 256, shape, np.uint8)
    labels = np.arange(11) % 3
    found = unpack(save(tmp_path / f"set{suffix}", x=images, y=labels))
    assert set(found) == {f"set/x/{i % 3}/{i:02d}.png" for i in range(11)}
    for i in range(11):
        np.testing.assert_array_equal(found[f"set/x/{i % 3}/{i:02d}.png"], images[i].squeeze())


def test_many_blocks_are_numbered_through(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bakeoff.ingest.arrays._BLOCK_BYTES", 100)
    images = RNG.integers(0, 256, (9, 6, 6), np.uint8)
    found = unpack(save(tmp_path / "set.h5", x=images, y=np.zeros(9, int)))
    for i in range(9):
        np.testing.assert_array_equal(found[f"set/x/0/{i}.png"], images[i])


def test_several_pairs_stand_in_folders_of_their_own(tmp_path: Path) -> None:
    images = RNG.integers(0, 256, (2, 4, 4), np.uint8)
    file = save(tmp_path / "s.npz", a=images, la=[[0], [1]], b=images, lb=[[1], [1]])
    found = unpack(file, ("a", "b"), ("la", "lb"))
    assert set(found) == {"s/a/0/0.png", "s/a/1/1.png", "s/b/1/0.png", "s/b/1/1.png"}


@pytest.mark.parametrize(
    ("images", "expected"),
    [
        (np.array([0.0, 0.5, 1.0], np.float32), [0, 128, 255]),
        (np.array([0.0, 127.6, 255.0], np.float64), [0, 128, 255]),
        (np.array([False, True, True]), [0, 255, 255]),
        (np.array([0, 1, 255], np.int64), [0, 1, 255]),
        (np.array([0, 257, 65535], np.uint16), [0, 257, 65535]),
    ],
)
def test_value_ranges(tmp_path: Path, images: np.ndarray, expected: list[int]) -> None:
    file = save(tmp_path / "s.npz", x=images.reshape(1, 1, 3), y=[7])
    assert unpack(file)["s/x/7/0.png"].tolist() == [expected]


def test_channels_may_come_first_and_labels_in_any_dress(tmp_path: Path) -> None:
    images = RNG.integers(0, 256, (2, 3, 9, 8), np.uint8)
    one_hot = np.array([[0.0, 1, 0], [1, 0, 0]])
    texts = np.array([b"cat/dog", b".."])
    file = save(tmp_path / "s.npz", x=images, one_hot=one_hot, texts=texts, row=[[4.0, 5.0]])
    found = unpack(file, ("x", "x", "x"), ("one_hot", "texts", "row"))
    np.testing.assert_array_equal(found["s/x/1/0.png"], images[0].transpose(1, 2, 0))
    assert {path.split("/")[2] for path in found} == {"1", "0", "cat%2Fdog", "%2E%2E", "4", "5"}


def linked(path: Path) -> Path:
    save(path.with_name("other.h5"), x=np.zeros((2, 4, 4), np.uint8))
    with h5py.File(path, "w") as file:
        file["x"] = h5py.ExternalLink("other.h5", "x")
        file["y"] = [0, 1]
    return path


def virtual(path: Path) -> Path:
    save(path.with_name("other.h5"), x=np.zeros((2, 4, 4), np.uint8))
    layout = h5py.VirtualLayout((2, 4, 4), np.uint8)
    layout[:] = h5py.VirtualSource(path.with_name("other.h5"), "x", (2, 4, 4))
    with h5py.File(path, "w") as file:
        file.create_virtual_dataset("x", layout)
        file["y"] = [0, 1]
    return path


def outside(path: Path) -> Path:
    path.with_name("secret").write_bytes(bytes(32))
    with h5py.File(path, "w") as file:
        where = [(str(path.with_name("secret")), 0, 32)]
        file.create_dataset("x", (2, 4, 4), np.uint8, external=where)
        file["y"] = [0, 1]
    return path


def pickled(path: Path) -> Path:
    return save(path.with_suffix(".npz"), x=np.array([{1: 2}, None], object), y=[0, 1])


def text(path: Path) -> Path:
    path.write_text("no array")
    return path


def short(path: Path) -> Path:
    save(path, x=RNG.integers(0, 256, (2, 80, 80), np.uint8), y=[0, 1])
    path.write_bytes(path.read_bytes()[:5000])
    return path


X = np.zeros((2, 4, 4), np.uint8)
BAD = {
    "external link": (linked, "'x' lies in another file"),
    "virtual": (virtual, "'x' lies in another file"),
    "external bytes": (outside, "'x' lies in another file"),
    "pickle": (pickled, "Python objects, which can run code"),
    "text as h5": (text, "not an HDF5 file"),
    "text as npz": (lambda p: text(p.with_suffix(".npz")), "damaged .*get it again"),
    "cut h5": (short, "not an HDF5 file, or damaged"),
    "cut npz": (lambda p: short(p.with_suffix(".npz")), "damaged .*get it again"),
    "no such array": (
        lambda p: save(p, images=X, y=[0, 1]),
        "no array 'x'; name one of images in",
    ),
    "no such array npz": (
        lambda p: save(p.with_suffix(".npz"), z=X),
        "no array 'x'; name one of z in",
    ),
    "a group": (
        lambda p: save(p, **{"x/inner": X}, y=[0, 1]),
        "no array 'x'; name one of x/inner",
    ),
    "flat": (lambda p: save(p, x=X[0], y=[0, 1]), r"'x' has shape \(4, 4\)"),
    "empty": (lambda p: save(p, x=X[:0], y=[]), r"'x' has shape \(0, 4, 4\)"),
    "few labels": (lambda p: save(p, x=X, y=[1]), r"'y' has shape \(1,\), but there are 2"),
    "not one-hot": (lambda p: save(p, x=X, y=np.ones((2, 3))), "rows are not one-hot"),
    "channels": (lambda p: save(p, x=np.zeros((2, 5, 5, 7)), y=[0, 1]), "7 channels"),
    "range": (lambda p: save(p, x=X.astype(float) - 1, y=[0, 1]), "values from -1 to -1"),
    "nan": (lambda p: save(p, x=X * np.nan, y=[0, 1]), "values from nan to nan"),
    "complex": (lambda p: save(p, x=X.astype(complex), y=[0, 1]), "holds complex128"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_files_get_one_sentence(tmp_path: Path, name: str) -> None:
    make, expected = BAD[name]
    file = make(tmp_path / "s.h5")
    with pytest.raises(BakeoffError, match=expected) as caught:
        unpack(file)
    assert str(caught.value).startswith(str(file))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("suffix", [".npz", ".h5"])
def test_a_bomb_is_refused_by_its_header(tmp_path: Path, suffix: str) -> None:
    file = save(tmp_path / f"s{suffix}", x=np.zeros((20, 1000, 1000), np.uint8), y=np.zeros(20))
    if suffix == ".npz":
        assert file.stat().st_size < 100_000
    with pytest.raises(BakeoffError, match="more than 0.01 GB; .*'max_gigabytes'"):
        unpack(file, gb=0.01)


def test_digits_are_enlarged(tmp_path: Path) -> None:
    with writing_raw_files(tmp_path) as create:
        assert write_digits(create, scale=3) == 1797
    found = contents(tmp_path)
    assert len(found) == 1797
    bunch = load_digits()
    fifth = pixels(found[f"digits/{bunch.target[5]}/0005.png"])
    np.testing.assert_array_equal(fifth[1::3, 1::3], np.rint(bunch.images[5] * 255 / 16))
    np.testing.assert_array_equal(fifth[::3], fifth[2::3])


def unpack_all(folder: Path, images: str, labels: str) -> list[str]:
    target = folder / "out"
    target.mkdir()
    paths = sorted(path for path in folder.iterdir() if path.is_file())
    with writing_raw_files(target) as create:
        unpack_arrays(paths, create, dataset((images,), (labels,)), WHERE)
    return list(contents(target))


def idx(path: Path, values: np.ndarray) -> None:
    head = bytes([0, 0, 8, values.ndim]) + np.array(values.shape, ">u4").tobytes()
    path.write_bytes(gzip.compress(head + values.tobytes()))


def test_images_and_labels_may_lie_in_files_of_their_own(tmp_path: Path) -> None:
    np.save(tmp_path / "X_train.npy", np.zeros((3, 4, 4), np.uint8))
    np.save(tmp_path / "Y_train.npy", np.eye(3)[[2, 0, 1]])
    expected = [f"X_train/X_train/{label}/{i}.png" for label, i in ((0, 1), (1, 2), (2, 0))]
    assert unpack_all(tmp_path, "X", "Y") == expected


def test_hdf5_files_are_paired_in_the_order_of_their_names(tmp_path: Path) -> None:
    for side, value in (("test", 1), ("train", 0)):
        save(tmp_path / f"{side}_x.h5", x=np.zeros((1, 4, 4), np.uint8))
        save(tmp_path / f"{side}_y.h5", y=[value])
    assert unpack_all(tmp_path, "x", "y") == ["test_x/x/1/0.png", "train_x/x/0/0.png"]


def test_idx_files_are_read(tmp_path: Path) -> None:
    pixels_ = RNG.integers(0, 256, (2, 5, 3)).astype(np.uint8)
    idx(tmp_path / "train-images-idx3-ubyte.gz", pixels_)
    idx(tmp_path / "train-labels-idx1-ubyte.gz", np.array([7, 9], np.uint8))
    folder = "train-images-idx3-ubyte/train-images-idx3-ubyte"
    assert unpack_all(tmp_path, "images", "labels") == [f"{folder}/7/0.png", f"{folder}/9/1.png"]
    found = contents(tmp_path / "out")
    np.testing.assert_array_equal(pixels(found[f"{folder}/9/1.png"]), pixels_[1])


def test_files_that_cannot_be_paired_are_refused(tmp_path: Path) -> None:
    for name in ("a_x", "b_x", "a_y"):
        np.save(tmp_path / f"{name}.npy", np.zeros((1, 4, 4), np.uint8))
    with pytest.raises(BakeoffError, match="2 files hold only 'x' and 1 only 'y'"):
        unpack_all(tmp_path, "x", "y")


def test_one_array_alone_names_the_folder_as_remedy(tmp_path: Path) -> None:
    np.save(tmp_path / "X.npy", np.zeros((1, 4, 4), np.uint8))
    with pytest.raises(BakeoffError, match="no array 'Y'; .* 'archive' in .* folder that holds"):
        unpack_all(tmp_path, "X", "Y")


def test_other_members_of_an_npz_are_no_arrays(tmp_path: Path) -> None:
    path = tmp_path / "s.npz"
    np.savez(path, x=np.zeros(2), y=np.ones(2))
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("x.opy", b"no array")
    with ExitStack() as stack:
        file = open_arrays(path, stack, 1e6)
        assert file is not None
        assert file.names == ("x", "y")
