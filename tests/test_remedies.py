"""Each remedy that an error names, followed to the letter, ends the error."""

import io
import re
from collections.abc import Callable
from fnmatch import fnmatch
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from ruamel.yaml import YAML

from bakeoff.ingest.archives import Limits, MemberRules, extract
from bakeoff.ingest.arrays import unpack_arrays
from bakeoff.ingest.pixel_tables import unpack_pixels
from bakeoff.ingest.raw_files import writing_raw_files
from bakeoff.params.check import check_tracking_address
from bakeoff.params.data import SortParams, SplitParams
from bakeoff.params.datasets import KINDS, Arrays, Folders, Pixels
from bakeoff.params.folds import FoldsParams
from bakeoff.runtime.downloads import verify
from bakeoff.runtime.errors import BakeoffError
from bakeoff.serve.best_model import chosen_model
from bakeoff.serve.picture_files import list_pictures
from bakeoff.sort.labelling import find_labels
from bakeoff.sort.sorting import sort_pictures
from bakeoff.split.fold_dealing import deal_folds
from bakeoff.split.splitting import split_manifest
from tests.split.test_splitting import many, row, table
from tests.tiny_raw import fill

WHERE = Path("datasets/mine.yaml")
GONE = object()
Keys = dict[str, Any]
Remedies = Callable[[str], list[Keys]]


def quoted(sentence: str) -> list[Keys]:
    """The keys that a sentence quotes as YAML, or gives a value: "set 'a' to b"."""
    found = re.findall(r"""(['"])([a-z][\w.]*): (.+?)\1(?!\w|\])""", sentence)
    pairs = [(key, value) for _, key, value in found]
    pairs += re.findall(r"set '([\w.]+)' to (\w+)", sentence)
    return [{key: YAML(typ="safe").load(value)} for key, value in pairs]


def first(key: str, start: str, *, many: bool = False) -> Remedies:
    """The first of the values that a sentence lists after `start`."""

    def found(sentence: str) -> list[Keys]:
        values = sentence.partition(start)[2]
        value = re.split(r", | or | in |; |\)", values)[0].strip("'\"")
        return [{key: [value] if many else value}]

    return found


def matching(key: str, pattern: str) -> Remedies:
    """The part of the sentence that a pattern finds."""
    return lambda sentence: [{key: value} for value in re.findall(pattern, sentence)]


def this(**keys: Any) -> Remedies:
    """What only a person can decide; the sentence names the key, or says what to do with it."""

    def found(sentence: str) -> list[Keys]:
        for key, value in keys.items():
            assert key in sentence
            assert value is not GONE or "remove" in sentence
        return [{key: value} for key, value in keys.items()]

    return found


def either(*remedies: Remedies) -> Remedies:
    """Each of the remedies that a sentence joins with "or"."""
    return lambda sentence: [keys for remedy in remedies for keys in remedy(sentence)]


def unpacked(folder: Path, members: list[str], **keys: Any) -> None:
    for name in members:
        (folder / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        if name.endswith("link.png"):
            (folder / "in" / name).symlink_to("../cat/1.png")
        else:
            (folder / "in" / name).write_bytes(b"x" * 1000)
    limits = Limits(files=keys.pop("max_files", 1000), gigabytes=keys.pop("max_gigabytes", 1))
    given: Keys = {key: tuple(v) if isinstance(v, list) else v for key, v in keys.items()}
    rules = MemberRules(**given)
    with writing_raw_files(folder) as create:
        extract(folder / "in", create, rules=rules, limits=limits, where=WHERE)


def arrays(folder: Path, values: dict[str, Any], **keys: Any) -> None:
    np.savez(folder / "set.npz", **values)
    start = {"kind": "arrays", "archive": "x", "images": "x", "labels": "y"}
    with writing_raw_files(folder) as create:
        unpack_arrays([folder / "set.npz"], create, Arrays(**start | keys), WHERE)


def pixel_table(folder: Path, text: str, **keys: Any) -> None:
    (folder / "fer.csv").write_text(text, encoding="utf-8")
    start = {"kind": "pixels", "archive": "x", "table": "*.csv", "label_column": "label"}
    with writing_raw_files(folder) as create:
        unpack_pixels([folder / "fer.csv"], create, Pixels(**start | keys), WHERE)


def verified(folder: Path, sha256: str) -> None:
    (folder / "x.zip").write_bytes(b"x")
    verify(folder / "x.zip", sha256, WHERE)


def by_folder(_: Path, name: str = "cat", **keys: Any) -> None:
    kind = KINDS[keys.setdefault("kind", "folders")]
    paths = [f"{name}/1.png", "dog/2.png"]
    find_labels(paths, kind(**{"archive": "x", **keys}), lambda _: b"", WHERE)


def in_table(_: Path, content: str = "", **keys: Any) -> None:
    columns = {"image_column": "image", "label_column": "label"}
    dataset = KINDS["table"](**{"kind": "table", "archive": "x", "table": "*.csv"} | columns | keys)
    read = (content or SIDES).encode()
    find_labels(["l.csv", "1.png", "2.png"], dataset, lambda _: read, WHERE)


def picture(seed: int, side: int) -> bytes:
    stream = io.BytesIO()
    values = np.random.default_rng(seed).integers(0, 256, (side, side, 3), np.uint8)
    Image.fromarray(values).save(stream, "PNG")
    return stream.getvalue()


def sorted_pictures(folder: Path, side: int = 40, **keys: Any) -> None:
    names = [f"{label}/{i}.png" for label in "ab" for i in range(4 if label == "a" else 2)]
    fill(folder / "raw", {name: picture(i, side) for i, name in enumerate(names)})
    (folder / "interim").mkdir()
    sort_pictures(
        folder / "raw",
        folder / "interim",
        dataset=Folders(kind="folders", archive="x"),
        params=SortParams(**{key.removeprefix("sort."): value for key, value in keys.items()}),
        where=WHERE,
        prefix="data/interim",
    )


def inside(folder: str, rows: list[Any]) -> list[Any]:
    """The rows with their paths in a folder."""
    return [(image_id, f"{folder}/{path}", *rest) for image_id, path, *rest in rows]


def divided(_: Path, rows: list[Any], folds: bool = False, **keys: Any) -> None:
    """A split (and folds) of the rows that are left under keys of `sort` and of the data set."""
    manifest = table(rows)
    left = ~manifest["label"].isin(keys.pop("leave_out_labels", []))
    counts = manifest["label"].value_counts()
    left &= manifest["label"].map(counts) >= keys.pop("sort.min_pictures", 1)
    left &= manifest["label"].isin(counts.index[: keys.pop("sort.limit_classes", None)])
    for side, glob in keys.pop("official", {}).items():
        manifest.loc[[fnmatch(path, glob) for path in manifest["path"]], "official"] = side
    seed, design = keys.pop("seed", 4), keys.pop("evaluate.design", "folds")
    params = SplitParams(**{key.removeprefix("split."): value for key, value in keys.items()})
    split = split_manifest(manifest[left].reset_index(drop=True), params, seed)
    if folds:
        deal_folds(split, FoldsParams(), design, seed)


def model_named(folder: Path, model: str) -> None:
    (folder / "models/resnet").mkdir(parents=True)
    (folder / "models/resnet/metadata.json").write_text("{}", encoding="utf-8")
    chosen_model(model)


def tracked_at(_: Path, address: str | None) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        if address is not None:
            patch.setenv("MLFLOW_TRACKING_URI", address)
        check_tracking_address()


def listed(folder: Path, path: str) -> None:
    for name in ("empty", "some"):
        (folder / name).mkdir()
    (folder / "some/1.png").touch()
    list_pictures([folder / path])


TWO = ["cat/1.png", "dog/2.png"]
GREY = np.zeros((4, 8, 8))
SET = {"x": GREY, "y": np.arange(4) % 2, "z": np.zeros((4, 5))}
ODD = SET | {"large": GREY + 999, "texts": GREY.astype("S3")}
CELLS = {"pixels_column": "cells"}
SIDES = "image,label,set\n1.png,cat,L\n2.png,dog,T\n"
CLASSES = {"a": "cat", "b": "dog"}
TAKEN = "manifest.csv"
LONG = "x" * 300
STABLE = {"split.stable": True, "seed": 5}
OFFICIAL = {"split.official_test": True}
NEAR = [row(i, "cat" if i < 9 else "dog", pixels=i // 9 * 9, near=i % 9 + 1) for i in range(18)]
SMALL = many("cat", 9) + many("dog", 6) + [row(200 + i, f"rare{i % 4}", f"r{i}") for i in range(8)]
FOLDERS = inside("x/test", many("a", 4) + many("b", 4, 100)) + many("a", 9, 50) + many("b", 9, 150)
PARTLY = many("a", 5, 0, "test") + many("b", 5, 200, "test") + many("a", 9, 50) + many("b", 9, 250)
PARTLY += many("c", 9, 100)
FEW = many("cat", 40) + many("dog", 5, 100)
RARE = many("a", 9) + many("b", 9, 50) + many("a", 2, 20, "test") + many("b", 2, 70, "test")
RARE += many("dog", 2, 100) + [row(102, "dog", "d2", pixels=100, near=1, official="test")]

in_folder = partial(unpacked, members=TWO)
linked = partial(unpacked, members=[*TWO, "dog/link.png"])
in_arrays = partial(arrays, values=SET)
odd_arrays = partial(arrays, values=ODD)
pixels = partial(pixel_table, text="label,cells,more\n1,0 1 2 3,x\n2,0 1 2 3,x\n")
oblong = partial(pixel_table, text="label,cells\n1,0 1 2 3 4 5\n")
by_name = partial(by_folder, kind="filenames")

CASES: dict[str, tuple[Callable[..., None], Keys, Remedies]] = {
    # ingest
    "a link in a folder": (linked, {}, quoted),
    "a link left out": (linked, {}, this(leave_out=["*/link.png"], keep=["*/[12].png"])),
    "too many files": (in_folder, {"max_files": 1}, this(max_files=2)),
    "too many bytes": (in_folder, {"max_gigabytes": 1e-6}, this(max_gigabytes=1)),
    "leave_out fits nothing": (in_folder, {"leave_out": ["*.txt"]}, this(leave_out=GONE)),
    "inner_archives fits nothing": (in_folder, {"inner_archives": ["*.zip"]},
                                    this(inner_archives=GONE)),
    "keep fits nothing": (in_folder, {"keep": ["*.jpg"]}, first("keep", "such as ", many=True)),
    "another hash": (verified, {"sha256": "0" * 64}, matching("sha256", r"SHA-256 (\w{64})")),
    "no such array": (in_arrays, {"images": "images"}, first("images", "name one of ")),
    "an array of another shape": (in_arrays, {"images": "z"}, this(images="x")),
    "an array of texts": (odd_arrays, {"images": "texts"}, this(images="x")),
    "labels of another count": (in_arrays, {"labels": "x"}, this(labels="y")),
    "rows that are not one-hot": (in_arrays, {"labels": "z"}, this(labels="y")),
    "an array too large": (in_arrays, {"max_gigabytes": 1e-6}, this(max_gigabytes=1)),
    "pixels in a column": (pixels, {}, this(pixels_column="cells")),
    "no such column": (pixels, CELLS | {"label_column": "y"},
                       first("label_column", "name one of ")),
    "no square of pixels": (oblong, CELLS, this(width=3)),
    # sort
    "another delimiter": (partial(in_table, content=SIDES.replace(",", ";")), {}, quoted),
    "no such image column": (in_table, {"image_column": "x"},
                             first("image_column", "name one of ")),
    "no such table": (in_table, {"table": "*.tsv"}, first("table", "such as '")),
    "sides of other names": (in_table, {"split_column": "set"}, this(official={"test": "T"})),
    "a class without a file": (by_name, {"classes": CLASSES | {"c": "x"}}, this(classes=CLASSES)),
    "a label of no path": (by_name, {"label": "(cow)"}, this(label="(cat|dog)")),
    "a label of no folder": (by_folder, {"label": r"(\d)"}, quoted),
    "a rename of no label": (by_folder, {"rename": {"cow": "x"}}, this(rename=GONE)),
    "no such label to leave out": (by_folder, {"leave_out_labels": ["x"]},
                                   first("leave_out_labels", "there are ", many=True)),
    "a group of no name": (by_folder, {"group": "patient"}, this(group=GONE)),
    "a side of no name": (by_folder, {"official": {"test": "t/*"}}, this(official=GONE)),
    "a long class": (partial(by_folder, name=LONG), {}, this(rename={LONG: "x"})),
    "a control character": (partial(by_folder, name="a\x01"), {}, this(rename={"a\x01": "x"})),
    "a formula": (partial(by_folder, name="=1+1"), {}, this(rename={"=1+1": "x"})),
    "a class named like a file": (partial(by_folder, name=TAKEN), {}, this(rename={TAKEN: "x"})),
    "classes differ in case": (partial(by_folder, name="DOG"), {}, this(rename={"DOG": "dog"})),
    "small pictures": (partial(sorted_pictures, side=20), {}, quoted),
    "large pictures": (sorted_pictures, {"sort.max_pixels": 1000}, quoted),
    "one class": (sorted_pictures, {"sort.min_pictures": 3}, this(**{"sort.min_pictures": 2})),
    # split
    "near duplicates alone": (partial(divided, rows=NEAR), {}, quoted),
    "small classes": (partial(divided, rows=SMALL), {}, quoted),
    "no official test folder": (partial(divided, rows=FOLDERS), OFFICIAL, quoted),
    "a class without test pictures": (partial(divided, rows=PARTLY), OFFICIAL, either(
        quoted, this(**{"split.official_test": False}))),
    "a stable split without a side": (partial(divided, rows=FEW), STABLE, either(
        quoted, this(seed=4))),
    "too few groups for folds": (partial(divided, rows=RARE, folds=True), OFFICIAL, quoted),
    # the commands
    "no such model": (model_named, {"model": "vgg"}, first("model", "name one of ")),
    "an address without a host": (tracked_at, {"address": "http://:x"}, either(
        matching("address", r"write it as (\S+),"), lambda _: [{"address": None}])),
    "an empty folder": (listed, {"path": "empty"}, lambda _: [{"path": "some"}]),
    "a missing file": (listed, {"path": "missing"}, this(path="some/1.png")),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_every_remedy_ends_the_error(
    name: str, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, start, remedies = CASES[name]

    def tried(keys: Keys) -> None:
        folder = tmp_path_factory.mktemp("case")
        monkeypatch.chdir(folder)
        run(folder, **{key: value for key, value in keys.items() if value is not GONE})

    with pytest.raises(BakeoffError) as caught:
        tried(start)
    sentence = str(caught.value)
    found = remedies(sentence)
    assert found, sentence
    for remedy in found:
        tried(start | remedy)
