"""Layouts of public data sets, drawn small."""

import csv
import gzip
import io
import json
import struct
import tarfile
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from PIL import Image

SIDE = 40  # pixels
CLASSES = ("cat", "dog")


@dataclass(frozen=True)
class Layout:
    """How to build it, and what must come out.

    `sides` are pictures of train, val and test; `groups` of all pictures with classes.
    """

    build: Callable[[Path], Path]
    counts: dict[str, int]
    sides: tuple[int, int, int] = (0, 0, 0)
    groups: int | None = None
    reading: int | None = None
    params: dict[str, int | float] = field(default_factory=dict)


def pixels(seed: int, side: int = SIDE) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (side, side, 3), np.uint8)


def png(seed: int, side: int = SIDE) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(pixels(seed, side)).save(stream, "PNG")
    return stream.getvalue()


def put(root: Path, names: list[str]) -> Path:
    """Write a picture under each name."""
    for seed, name in enumerate(names):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(png(seed))
    return root


def write_csv(path: Path, rows: Sequence[Sequence[object]], delimiter: str = ",") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream, delimiter=delimiter).writerows(rows)


def zipped(folder: Path, path: Path) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(p for p in folder.rglob("*") if p.is_file()):
            archive.write(file, file.relative_to(folder).as_posix())
    return path


def class_folders(root: Path) -> Path:
    return put(root / "mine", [f"{c}/{n}.png" for c in CLASSES for n in range(8)])


def sides_in_zip(root: Path) -> Path:
    sizes = {"train": 6, "valid": 3, "test": 3}
    names = [f"pets/{s}/{c}/{n}.png" for s in sizes for c in CLASSES for n in range(sizes[s])]
    return zipped(put(root / "x", names), root / "mine.zip")


def folders_in_tar(root: Path) -> Path:
    put(
        root / "x",
        [f"Images/n0208562{i}-{c}/{n}.png" for i, c in enumerate(CLASSES) for n in range(8)],
    )
    with tarfile.open(root / "mine.tar.gz", "w:gz") as tar:
        tar.add(root / "x/Images", "Images")
    return root / "mine.tar.gz"


def seg_pred(root: Path) -> Path:
    names = [
        f"seg_{s}/seg_{s}/{c}/{n}.png" for s in ("train", "test") for c in CLASSES for n in range(5)
    ]
    return put(root / "mine", names + [f"seg_pred/seg_pred/{n}.png" for n in range(6)])


def patients_in_classes(root: Path) -> Path:
    names = [f"{c}/P{p:03d}/{n}.png" for c in CLASSES for p in _people(c) for n in range(3)]
    return put(root / "mine", names)


def _people(label: str) -> range:
    return range(5) if label == "cat" else range(5, 10)


def classes_in_patients(root: Path) -> Path:
    names = [f"{8800 + p}/{c}/{p}_{n}.png" for p in range(6) for c in (0, 1) for n in range(3)]
    return put(root / "mine", names)


def patients_in_names(root: Path) -> Path:
    names = [f"{c}/patient{p}_view{n}.png" for c in CLASSES for p in _people(c) for n in range(3)]
    return put(root / "mine", names)


def masks_beside(root: Path) -> Path:
    names = [f"{c}/{c} ({n}){m}.png" for c in CLASSES for n in range(8) for m in ("", "_mask")]
    return put(root / "mine", names)


def masks_in_folders(root: Path) -> Path:
    names = [
        f"{c}/{kind}/{n}.png" for c in CLASSES for kind in ("images", "masks") for n in range(8)
    ]
    return put(root / "mine", names)


def folders_in_some_classes(root: Path) -> Path:
    names = [f"cat/{n}.png" for n in range(8)] + [f"dog/{n}.png" for n in range(5)]
    return put(root / "mine", names + [f"dog/old/{n}.png" for n in range(3)])


def yes_and_no(root: Path) -> Path:
    return put(root / "mine", [f"{c}/{n}.png" for c in ("yes", "no") for n in range(6)])


def numbered_classes(root: Path) -> Path:
    return put(
        root / "mine", [f"00{i}.{c}/{n}.png" for i, c in enumerate(CLASSES) for n in range(8)]
    )


def linked_folders(root: Path) -> Path:
    class_folders(root)
    (root / "linked").mkdir()
    for name in CLASSES:
        (root / "linked" / name).symlink_to(root / "mine" / name)
    return root / "linked"


def label_in_name(root: Path) -> Path:
    names = [f"{c}_{n}.png" for c in ("great_pyrenees", "Abyssinian") for n in range(8)]
    return put(root / "mine", names)


def archive_in_archive(root: Path) -> Path:
    train = put(root / "x", [f"train/{c}.{n}.png" for c in CLASSES for n in range(8)])
    test = put(root / "y", [f"test/{n}.png" for n in range(6)])
    outer = root / "outer"
    outer.mkdir()
    zipped(train, outer / "train.zip")
    zipped(test, outer / "test.zip")
    return zipped(outer, root / "mine.zip")


def one_csv(root: Path) -> Path:
    names = [f"images/{n:03d}.png" for n in range(16)]
    put(root / "mine", names)
    rows = [[n, name, CLASSES[n % 2], f"p{n // 2}"] for n, name in enumerate(names)]
    write_csv(root / "mine/labels.csv", [["", "path", "diagnosis", "patient_id"], *rows])
    return root / "mine"


def table_itself(root: Path) -> Path:
    return one_csv(root) / "labels.csv"


def table_beside_zip(root: Path) -> Path:
    folder = one_csv(root)
    zipped(folder / "images", folder / "images.zip")
    for path in (folder / "images").iterdir():
        path.unlink()
    (folder / "images").rmdir()
    return folder


def split_column(root: Path) -> Path:
    put(root / "mine", [f"images/{n}.png" for n in range(16)])
    sides = ["train"] * 8 + ["valid"] * 4 + ["test"] * 4
    rows = [[f"images/{n}.png", CLASSES[n % 2], sides[n]] for n in range(16)]
    write_csv(root / "mine/birds.csv", [["filepaths", "labels", "data set"], *rows])
    return root / "mine"


def metadata_for_each_side(root: Path) -> Path:
    for side, count in (("train", 8), ("valid", 4), ("test", 4)):
        put(root / "mine", [f"{side}/{side}{n}.png" for n in range(count)])
        lines = [{"file_name": f"{side}{n}.png", "label": CLASSES[n % 2]} for n in range(count)]
        text = "\n".join(json.dumps(line) for line in lines)
        (root / f"mine/{side}/metadata.jsonl").write_text(text, encoding="utf-8")
    return _redrawn(root / "mine")


def _redrawn(folder: Path) -> Path:
    """Give every picture pixels of its own."""
    for seed, path in enumerate(sorted(folder.rglob("*.png"))):
        path.write_bytes(png(1000 + seed))
    return folder


def table_for_each_side(root: Path) -> Path:
    put(root / "mine", [f"images/{n}.png" for n in range(16)])
    for side, numbers in (("train", range(10)), ("test", range(10, 16))):
        rows = [[f"{n}.png", CLASSES[n % 2]] for n in numbers]
        write_csv(root / f"mine/{side}.csv", [["image", "label"], *rows])
    return root / "mine"


def unlabelled_test(root: Path) -> Path:
    put(
        root / "mine", [f"train/a{n}.png" for n in range(16)] + [f"test/b{n}.png" for n in range(9)]
    )
    rows = [[f"a{n}", CLASSES[n % 2]] for n in range(16)]
    write_csv(root / "mine/train.csv", [["id", "breed"], *rows])
    write_csv(
        root / "mine/sample_submission.csv",
        [["id", "cat", "dog"], *[[f"b{n}", 0.5, 0.5] for n in range(9)]],
    )
    return root / "mine"


def one_hot(root: Path) -> Path:
    put(root / "mine", [f"images/{n}.png" for n in range(16)])
    rows = [[f"{n}", float(n % 2), float(1 - n % 2), 0.0] for n in range(16)]
    write_csv(root / "mine/truth.csv", [["image", "MEL", "NV", "UNK"], *rows])
    return root / "mine"


def roboflow_table(root: Path) -> Path:
    for side, count in (("train", 8), ("valid", 4), ("test", 4)):
        put(root / "mine", [f"{side}/{side}{n}.png" for n in range(count)])
        rows = [f"{side}{n}.png, {n % 2}, {1 - n % 2}" for n in range(count)]
        text = "\n".join(["filename, cat, dog", *rows])
        (root / f"mine/{side}/_classes.csv").write_text(text, encoding="utf-8")
    (root / "mine/README.roboflow.txt").write_text("exported\n", encoding="utf-8")
    return _redrawn(root / "mine")


def roboflow_copies(root: Path) -> Path:
    names = [
        f"train/{c}/{c}{n}_png.rf.{n}f{copy}.png"
        for c in CLASSES
        for n in range(6)
        for copy in range(3)
    ]
    return put(root / "mine", names)


def label_studio(root: Path) -> Path:
    put(root / "mine", [f"pic_{n}.png" for n in range(16)])
    rows = [
        [n, 1, f"/data/upload/3/0{n:07x}-pic_{n}.png", CLASSES[n % 2], "2024-01-01"]
        for n in range(16)
    ]
    header = ["id", "annotator", "image", "choice", "created_at"]
    write_csv(root / "mine/project-1.csv", [header, *rows])
    return root / "mine"


def semicolons(root: Path) -> Path:
    put(root / "mine", [f"{n}.png" for n in range(16)])
    rows = [[f"{n}.png", CLASSES[n % 2]] for n in range(16)]
    write_csv(root / "mine/labels.csv", [["Bild", "Klasse"], *rows], delimiter=";")
    return root / "mine"


def category_tree(root: Path) -> Path:
    put(root / "mine", [f"{n}.png" for n in range(16)])
    rows = [[f"{n}.png", f'["{CLASSES[n % 2]} >> food >> {n}"]', n * 1.5, "red"] for n in range(16)]
    write_csv(root / "mine/shop.csv", [["image", "category_tree", "price", "colour"], *rows])
    return root / "mine"


def _images(count: int, side: int = SIDE, seed: int = 0) -> np.ndarray:
    return np.stack([pixels(seed + n, side) for n in range(count)])


def medmnist(root: Path) -> Path:
    arrays: dict[str, Any] = {}
    for seed, (side, count) in enumerate((("train", 8), ("val", 4), ("test", 4))):
        arrays[f"{side}_images"] = _images(count, 28, 100 * seed)
        arrays[f"{side}_labels"] = np.arange(count)[:, None] % 2
    np.savez(root / "bloodmnist.npz", **arrays)
    return root / "bloodmnist.npz"


def hdf5(root: Path) -> Path:
    with h5py.File(root / "signs.h5", "w") as file:
        file["set_x"], file["set_y"] = _images(16), np.arange(16) % 2
        file["list_classes"] = np.array([b"cat", b"dog"])
    return root / "signs.h5"


def arrays_apart(root: Path) -> Path:
    (root / "mine").mkdir()
    np.save(root / "mine/X.npy", _images(16)[..., 0] / 255.0)
    np.save(root / "mine/Y.npy", np.eye(2)[np.arange(16) % 2])
    return root / "mine"


def idx(root: Path) -> Path:
    (root / "fashion").mkdir()
    for seed, (side, count) in enumerate((("train", 10), ("t10k", 6))):
        images = _images(count, 28, 100 * seed)[..., 0]
        for kind, array in (
            ("images-idx3", images),
            ("labels-idx1", np.arange(count, dtype=np.uint8) % 2),
        ):
            head = struct.pack(">BBBB", 0, 0, 8, array.ndim) + struct.pack(
                f">{array.ndim}I", *array.shape
            )
            with gzip.open(root / f"fashion/{side}-{kind}-ubyte.gz", "wb") as stream:
                stream.write(head + array.tobytes())
    return root / "fashion"


def pixel_columns(root: Path) -> Path:
    header = ["label", *[f"pixel{n + 1}" for n in range(28 * 28)]]
    for seed, (side, count) in enumerate((("train", 10), ("test", 6))):
        images = _images(count, 28, 100 * seed)[..., 0].reshape(count, -1)
        rows = [[n % 2, *image] for n, image in enumerate(images)]
        write_csv(root / f"mine/sign_mnist_{side}.csv", [header, *rows])
    return root / "mine"


def pixels_as_text(root: Path) -> Path:
    usage = ["Training"] * 8 + ["PublicTest"] * 4 + ["PrivateTest"] * 4
    images = _images(16, 48)[..., 0].reshape(16, -1)
    rows = [[n % 2, " ".join(map(str, image)), usage[n]] for n, image in enumerate(images)]
    write_csv(root / "fer2013.csv", [["emotion", "pixels", "Usage"], *rows])
    return root / "fer2013.csv"


def superclasses(root: Path) -> Path:
    names = [
        f"{g}/{c}/{n}.png"
        for g, cs in (("fruit", "ab"), ("root", "cd"))
        for c in cs
        for n in range(4)
    ]
    return put(root / "mine", names)


def two_spellings(root: Path) -> Path:
    names = [f"train/{c}/{n}.png" for c in ("Cat", "Dog") for n in range(5)]
    return put(root / "mine", names + [f"test/{c}/{n}.png" for c in CLASSES for n in range(3)])


def a_zip_for_each_class(root: Path) -> Path:
    (root / "mine").mkdir()
    for seed, name in enumerate(CLASSES):
        with zipfile.ZipFile(root / f"mine/{name}.zip", "w") as archive:
            for n in range(8):
                archive.writestr(f"{n}.png", png(100 * seed + n))
    return root / "mine"


def sides_in_classes(root: Path) -> Path:
    sizes = {"train": 5, "test": 3}
    names = [f"{c}/{s}/{n}.png" for c in CLASSES for s in sizes for n in range(sizes[s])]
    return put(root / "mine", names)


def both_eyes(root: Path) -> Path:
    names = [f"{n}_{eye}" for n in range(12) for eye in ("left", "right")]
    put(root / "mine", [f"train/{name}.png" for name in names])
    rows = [[name, n // 2 % 3] for n, name in enumerate(names)]
    write_csv(root / "mine/trainLabels.csv", [["image", "level"], *rows])
    return root / "mine"


def hdf5_groups(root: Path) -> Path:
    with h5py.File(root / "scans.h5", "w") as file:
        for seed, (side, count) in enumerate((("train", 10), ("test", 6))):
            file[f"{side}/images"] = _images(count, SIDE, 100 * seed)
            file[f"{side}/labels"] = np.arange(count) % 2
            file[f"{side}/ages"] = np.linspace(30, 60, count)[:, None] * [1, 2, 3]
    return root / "scans.h5"


def the_set_twice(root: Path) -> Path:
    names = [
        f"{top}/{s}/{c}/{n}.png"
        for top in ("x", "x/x")
        for s in ("train", "test")
        for c in CLASSES
        for n in range(4)
    ]
    return put(root / "mine", names)


def lists_beside(root: Path) -> Path:
    place = put(root / "mine", [f"images/{c}/{n}.png" for c in CLASSES for n in range(8)])
    (place / "meta").mkdir()
    (place / "meta/train.txt").write_text("cat/1\ndog/1\n", encoding="utf-8")
    return place


def numbers_at_the_start(root: Path) -> Path:
    return put(root / "mine", [f"class{c}_{n:03d}.png" for c in (1, 2) for n in range(8)])


EIGHT = {"cat": 8, "dog": 8}
NUMBERS = {"0": 8, "1": 8}
LAYOUTS = (
    Layout(class_folders, EIGHT),
    Layout(sides_in_zip, {"cat": 12, "dog": 12}, (12, 6, 6)),
    Layout(folders_in_tar, EIGHT),
    Layout(seg_pred, {"cat": 10, "dog": 10}, (10, 0, 10)),
    Layout(patients_in_classes, {"cat": 15, "dog": 15}, groups=10),
    Layout(classes_in_patients, {"0": 18, "1": 18}, groups=6),
    Layout(patients_in_names, {"cat": 15, "dog": 15}, groups=10),
    Layout(masks_beside, EIGHT),
    Layout(masks_in_folders, EIGHT),
    Layout(folders_in_some_classes, EIGHT),
    Layout(yes_and_no, {"no": 6, "yes": 6}),
    Layout(numbered_classes, EIGHT),
    Layout(linked_folders, EIGHT),
    Layout(label_in_name, {"Abyssinian": 8, "great_pyrenees": 8}),
    Layout(archive_in_archive, EIGHT),
    Layout(one_csv, EIGHT, groups=8),
    Layout(table_itself, EIGHT, groups=8),
    Layout(table_beside_zip, EIGHT, groups=8),
    Layout(split_column, EIGHT, (8, 4, 4)),
    Layout(metadata_for_each_side, EIGHT, (8, 4, 4)),
    Layout(table_for_each_side, EIGHT, (10, 0, 6)),
    Layout(unlabelled_test, EIGHT),
    Layout(one_hot, {"MEL": 8, "NV": 8}),
    Layout(roboflow_table, EIGHT, (8, 4, 4)),
    Layout(roboflow_copies, {"cat": 18, "dog": 18}, groups=12),
    Layout(label_studio, EIGHT),
    Layout(semicolons, EIGHT),
    Layout(category_tree, EIGHT),
    Layout(medmnist, NUMBERS, (8, 4, 4), params={"sort.min_side": 28}),
    Layout(hdf5, EIGHT),
    Layout(arrays_apart, NUMBERS),
    Layout(idx, NUMBERS, (10, 0, 6), params={"sort.min_side": 28}),
    Layout(pixel_columns, NUMBERS, (10, 0, 6), params={"sort.min_side": 28}),
    Layout(pixels_as_text, NUMBERS, (8, 4, 4)),
    Layout(two_spellings, {"Cat": 8, "Dog": 8}, (10, 0, 6)),
    Layout(a_zip_for_each_class, EIGHT),
    Layout(sides_in_classes, EIGHT, (10, 0, 6)),
    Layout(both_eyes, {"0": 8, "1": 8, "2": 8}, groups=12),
    Layout(hdf5_groups, NUMBERS, (10, 0, 6)),
    Layout(the_set_twice, EIGHT, (8, 0, 8)),
    Layout(lists_beside, EIGHT),
    Layout(numbers_at_the_start, {"class1": 8, "class2": 8}),
    Layout(superclasses, {"a": 4, "b": 4, "c": 4, "d": 4}, reading=1),
    Layout(superclasses, {"fruit": 8, "root": 8}, reading=2),
)
