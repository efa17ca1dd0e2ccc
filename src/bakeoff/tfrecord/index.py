"""The index of a folder of TFRecords: the content of each shard, checked without TensorFlow."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bakeoff.runtime.errors import BakeoffError
from bakeoff.runtime.files import read_json, sha256_of_file, write_json
from bakeoff.runtime.parallel import map_shards

INDEX = "index.json"
PICTURE_FACTS = (
    "record_side",
    "channels",
    "mode",
    "white",
    "fit",
    "equalize",
    "encoding",
    "jpeg_quality",
    "classes",
)
# A TFRecord is its length (8 bytes), a checksum of that (4), the data, and their checksum (4).
HEADER, FOOTER = 12, 4


@dataclass(frozen=True)
class Shard:
    """One file: its name, its number of examples, and the SHA-256 of its bytes."""

    file: str
    examples: int
    sha256: str


@dataclass(frozen=True)
class SplitIndex:
    """One side of the split."""

    examples: int  # originals and copies
    originals: int  # examples that are not copies
    labels: dict[str, int]  # examples of each class
    shards: tuple[Shard, ...]  # in export order


@dataclass(frozen=True)
class RecordIndex:
    """What a folder of records holds; `classes[label]` names an example's class."""

    height: int
    width: int
    channels: int
    encoding: str
    fit: str
    equalize: str
    classes: tuple[str, ...]
    splits: dict[str, SplitIndex]
    mode: str = "RGB"  # of the canonical pixels, `sort.mode`
    white: int | None = None  # `sort.white`
    jpeg_quality: int | None = None  # of JPEG records

    def picture_facts(self) -> dict[str, Any]:
        """How a picture file becomes a record, which prediction must repeat."""
        facts = {name: getattr(self, name) for name in PICTURE_FACTS if hasattr(self, name)}
        return facts | {"record_side": self.height, "classes": list(self.classes)}

    def write(self, folder: Path) -> None:
        """Write `index.json`."""
        write_json(folder / INDEX, asdict(self))

    def split(self, name: str, folder: Path) -> SplitIndex:
        """The side called `name`; BakeoffError if there is none."""
        if name not in self.splits:
            known = ", ".join(self.splits)
            raise BakeoffError(f"{folder / INDEX}: no side '{name}'; name one of {known}")
        return self.splits[name]


def read_index(folder: Path) -> RecordIndex:
    """Read `index.json`; BakeoffError if it is missing or damaged."""
    path = folder / INDEX
    try:
        facts: dict[str, Any] = read_json(path)
        splits = {
            name: SplitIndex(
                **{**side, "shards": tuple(Shard(**shard) for shard in side["shards"])}
            )
            for name, side in facts["splits"].items()
        }
        return RecordIndex(**{**facts, "classes": tuple(facts["classes"]), "splits": splits})
    except FileNotFoundError:
        raise BakeoffError(f"{path}: no such file; run `dvc repro tfrecord`") from None
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise BakeoffError(f"{path}: damaged ({error}); run `dvc repro --force tfrecord`") from None


def check_shards(folder: Path, shards: Sequence[Shard]) -> None:
    """Compare every shard's number of records and its SHA-256 with the index.

    Raises:
        BakeoffError: a shard is missing, truncated or changed, or holds another number of examples.
    """
    map_shards(lambda shard: _check(folder / shard.file, shard), shards, describe="checking")


def _check(path: Path, shard: Shard) -> None:
    remedy = "restore it with `dvc checkout --force data/processed` or `dvc repro --force tfrecord`"
    if not path.is_file():
        raise BakeoffError(f"{path}: the shard is missing; {remedy}")
    try:
        found = len(record_places(path))
    except EOFError:
        raise BakeoffError(f"{path}: the shard is truncated or damaged; {remedy}") from None
    if found != shard.examples:
        raise BakeoffError(
            f"{path}: the shard holds {found} examples, the index says {shard.examples}; {remedy}"
        )
    if sha256_of_file(path) != shard.sha256:
        raise BakeoffError(f"{path}: the shard has changed since its export; {remedy}")


def record_places(path: Path) -> list[tuple[int, int]]:
    """Where each record of a file begins, and its length with checksums; reads only the lengths.

    Raises:
        EOFError: the file ends within a record.
    """
    end, at, places = path.stat().st_size, 0, []
    with path.open("rb", buffering=0) as stream:
        while at < end:
            stream.seek(at)
            header = stream.read(8)
            size = HEADER + int.from_bytes(header, "little") + FOOTER
            if len(header) < 8 or at + size > end:
                raise EOFError(path)
            places.append((at, size))
            at += size
    return places
