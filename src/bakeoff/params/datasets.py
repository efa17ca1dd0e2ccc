"""The keys of a data set's file: the location of its pictures and the rules for labels."""

import re
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    model_validator,
)

from bakeoff.params.block import Block
from bakeoff.params.data import Side
from bakeoff.runtime.addresses import without_credentials
from bakeoff.runtime.object_stores import STORES, is_object

_OBJECTS = ", ".join(f"{scheme}://" for scheme in STORES)


def _compiles(pattern: str) -> str:
    try:
        re.compile(pattern)
    except re.error as error:
        raise ValueError(
            f"not a regular expression ({error}); correct it, with \\ before signs of their own"
        ) from None
    return pattern


def _web(address: str) -> str:
    known = is_object(address) or address.startswith(("http://", "https://"))
    if not known or not re.fullmatch(r"\w+://\S+", address):
        raise ValueError(
            f"give an address that starts with http://, https://, {_OBJECTS}, without blanks"
        )
    return address


def _path_or_address(text: str) -> str:
    return without_credentials(_web(text)) if "://" in text else text


def _is_sha256(text: str) -> str:
    if not re.fullmatch(r"[0-9a-f]{64}", text):
        raise ValueError("give 64 hexadecimal digits in lower case, as `sha256sum` prints them")
    return text


def _is_not_blank(text: str) -> str:
    if not text.strip():
        raise ValueError("give a name, or leave these pictures out with 'leave_out_labels'")
    return text


def _one_or_many(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(value)
    return (value,) if isinstance(value, str) else value


Regex = Annotated[str, AfterValidator(_compiles)]  # searched in "/" + the member's path
Glob = Annotated[str, Field(min_length=1)]  # of the member's path; `*` also matches "/"
_VERSION = re.compile(r"^s3://[^?]+\?versionId=[^&]+$|^hf://datasets/[^@]+@[0-9a-f]{40}/.")
Address = Annotated[str, AfterValidator(_web), AfterValidator(without_credentials)]
Place = Annotated[str, AfterValidator(_path_or_address)]
Label = Annotated[str, AfterValidator(_is_not_blank)]
Names = Annotated[tuple[str, ...], BeforeValidator(_one_or_many), Field(min_length=1)]
Column = Annotated[str, Field(min_length=1)]  # its name, or its number from 0 without a header
Columns = Annotated[tuple[str, ...], Field(min_length=2)]
Classes = Annotated[dict[str, Regex], Field(min_length=2)]


class Dataset(Block):
    """Keys of every kind of data set."""

    description: str = ""
    source: str = ""  # public page
    licence: str = ""
    citation: str = ""
    notice: str = ""  # a warning at the top of the report
    keep: Annotated[tuple[Glob, ...], Field(min_length=1)] = ("*",)  # the rest is left out
    leave_out: tuple[Glob, ...] = ()  # of what `keep` lets through
    group: Regex | None = None  # same match, same side
    official: dict[Side, Glob] = {}  # the archive's own sides
    leave_out_labels: tuple[str, ...] = ()  # as found: their pictures are left out
    rename: dict[str, Label] = {}  # label found: label wanted


class Archived(Dataset):
    """Keys about downloading and unpacking a data set."""

    # zip, tar, h5, npz or a folder, ~ and absolute paths allowed; or an address, as `url`
    archive: Place | None = None
    url: Address | None = None  # when archive is not there
    sha256: Annotated[str, AfterValidator(_is_sha256)] | None = None
    etag: Annotated[str, Field(min_length=1)] | None = None  # of an object, where sha256 is unknown
    max_gigabytes: Annotated[float, Field(gt=0)] = 20  # unpacked
    max_ratio: Annotated[float, Field(gt=1)] = 200  # unpacked over packed, of the whole archive
    max_files: Annotated[int, Field(ge=1)] = 1_000_000
    inner_archives: tuple[Glob, ...] = ()  # members that are archives, unpacked in their place
    follow_links: bool = False  # of a source folder

    @property
    def address(self) -> str | None:
        """Where the archive can be fetched; an `archive` may be an address itself."""
        return self.archive if self.archive and "://" in self.archive else self.url

    @property
    def is_pinned(self) -> bool:
        """Whether what is behind `url` is known to be always the same."""
        return bool(self.sha256 or self.etag or _VERSION.search(self.address or ""))

    @model_validator(mode="after")
    def _can_be_found(self) -> "Archived":
        if not self.archive and not self.url:
            raise ValueError("set 'archive' to the path of the file or folder, or 'url'")
        if self.address and not self.is_pinned:
            raise ValueError(
                "a 'url' needs the 'sha256' of the file behind it; add it (or, of an object store, "
                "its 'etag' or a version: s3://…?versionId=…, hf://datasets/owner/name@<commit>/…)"
            )
        if self.etag and not is_object(self.address or ""):
            raise ValueError(f"'etag' is for {_OBJECTS}; remove it")
        return self


class Filenames(Archived):
    """The class is found in the member's path."""

    kind: Literal["filenames"]
    classes: Classes | None = None  # label: pattern
    label: Regex | None = None  # one pattern instead, whose first group is the label

    @model_validator(mode="after")
    def _one_way(self) -> "Filenames":
        if (self.classes is None) == (self.label is None):
            raise ValueError(
                "give either 'classes', a pattern for each label, or 'label', not both"
            )
        return self


class Folders(Archived):
    """The parent folder is the class."""

    kind: Literal["folders"]
    label: Regex | None = None  # its first group is the label; default: the whole folder name
    level: Annotated[int, Field(ge=1, le=16)] = 1  # 1: the parent folder, 2: its parent


class Tabular(Archived):
    """Labels from a table among the members."""

    table: Names  # globs; of several tables each names the pictures beside it first
    label_column: Column | None = None
    split_column: Column | None = None  # the archive's own sides; `official` then fits its values
    delimiter: Annotated[str, Field(min_length=1, max_length=1)] = ","
    encoding: str = "utf-8-sig"


class Table(Tabular):
    """A CSV or JSON Lines file names the pictures and their labels."""

    kind: Literal["table"]
    image_column: Column
    image_suffix: str = ""  # added to the column's value, where it lacks ".jpg"
    image_folder: str | None = None  # within the archive; default: wherever the file is
    label_columns: Columns | None = None  # one-hot: the column that is 1 names the label
    separator: str | None = None  # splits a category tree such as ["A >> B >> C"]
    depth: Annotated[int, Field(ge=1)] = 1  # how many levels of the tree make the label
    group_column: Column | None = None

    @model_validator(mode="after")
    def _one_way(self) -> "Table":
        if (self.label_column is None) == (self.label_columns is None):
            raise ValueError("give either 'label_column' or 'label_columns', not both")
        return self


class Pixels(Tabular):
    """A CSV holds the pixels themselves."""

    kind: Literal["pixels"]
    label_column: Column
    pixels_column: Column | None = None  # numbers with spaces; default: every other column is one
    width: int | None = Field(None, ge=1)  # default: the pictures are square


class Arrays(Archived):
    """Image and label arrays in `.npz`, `.npy`, HDF5 or IDX files."""

    kind: Literal["arrays", "hdf5"]
    images: Names  # (n, height, width[, channels])
    labels: Names  # (n,), one for each of `images`

    @model_validator(mode="after")
    def _in_pairs(self) -> "Arrays":
        if len(self.images) != len(self.labels):
            raise ValueError("'images' and 'labels' must name the same number of arrays")
        return self


class Digits(Dataset):
    """scikit-learn's bundled 8 x 8 hand-written digits, enlarged."""

    kind: Literal["digits"]
    scale: Annotated[int, Field(ge=1, le=32)] = 4


class Phantom(Dataset):
    """The embedded default: generated chest-X-ray phantoms, read like `filenames`."""

    kind: Literal["phantom"]
    classes: Classes
    seed: Annotated[int, Field(ge=0)] = 20
    pictures: Annotated[int, Field(ge=30, le=20_000)] = 300
    min_side: Annotated[int, Field(ge=64, le=2048)] = 300
    max_side: Annotated[int, Field(ge=64, le=2048)] = 420
    flaws: bool = True

    @model_validator(mode="after")
    def _sides_in_order(self) -> "Phantom":
        if self.min_side > self.max_side:
            raise ValueError("'min_side' exceeds 'max_side'; lower it")
        return self


KINDS: dict[str, type[Dataset]] = {
    "filenames": Filenames,
    "folders": Folders,
    "table": Table,
    "pixels": Pixels,
    "hdf5": Arrays,
    "arrays": Arrays,
    "digits": Digits,
    "phantom": Phantom,
}
