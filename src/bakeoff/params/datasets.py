"""`datasets/<name>.yaml`: where a data set is and how a picture's class is found."""

import re
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, TypeAdapter, ValidationError, model_validator

from bakeoff.errors import BakeoffError
from bakeoff.params.block import PARAMS, Block, first_mistake, read_key, read_yaml

DATASETS = Path("datasets")


def _compiles(pattern: str) -> str:
    try:
        re.compile(pattern)
    except re.error as error:
        raise ValueError(f"not a regular expression: {error}") from None
    return pattern


Regex = Annotated[str, AfterValidator(_compiles)]


class Dataset(Block):
    """What every kind of data set may say."""

    description: str = ""
    source: str = ""  # public page
    licence: str = ""
    citation: str = ""
    archive: str | None = None  # zip, tar, h5, npz or a folder; ~ and absolute paths allowed
    url: str | None = None  # used when the archive is not there
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = None
    keep: tuple[str, ...] = ("*",)  # glob patterns; members outside are left out
    max_gigabytes: Annotated[float, Field(gt=0)] = 20  # unpacked
    max_ratio: Annotated[float, Field(gt=1)] = 200  # unpacked over packed, per member
    group: Regex | None = None  # searched in the member's path; same match, same side
    official_test: str | None = None  # glob pattern of the archive's own test side
    rename: dict[str, str] = {}  # label found: label wanted

    @model_validator(mode="after")
    def _url_has_hash(self) -> "Dataset":
        if self.url and not self.sha256:
            raise ValueError("a url needs the sha256 of the file behind it")
        return self


class Filenames(Dataset):
    """The class is found in the member's path."""

    kind: Literal["filenames"]
    classes: Annotated[dict[str, str], Field(min_length=2)]  # label: text in the member's path


class Folders(Dataset):
    """The parent folder is the class."""

    kind: Literal["folders"]
    label: Regex | None = None  # its first group is the label; default: the whole folder name


class Table(Dataset):
    """A CSV names the pictures and their labels."""

    kind: Literal["table"]
    table: str  # glob pattern of the CSV among the members
    image_column: str
    image_folder: str | None = None  # within the archive; default: found by file name
    label_column: str
    separator: str | None = None  # splits a category tree such as ["A >> B >> C"]
    depth: Annotated[int, Field(ge=1)] = 1  # how many levels of the tree make the label
    group_column: str | None = None


class Arrays(Dataset):
    """Image and label arrays in an `.npz` file, or scikit-learn's bundled digits."""

    kind: Literal["arrays", "hdf5"]
    images: str  # name of the (n, height, width[, channels]) array
    labels: str  # name of the (n,) array
    names: dict[int, str] = {}  # label value: class name


class Digits(Dataset):
    """scikit-learn's bundled 8 x 8 hand-written digits, enlarged."""

    kind: Literal["digits"]
    scale: Annotated[int, Field(ge=1, le=32)] = 4


class Phantom(Filenames):
    """The embedded default: generated chest-X-ray phantoms, read like `filenames`."""

    kind: Literal["phantom"]  # type: ignore[assignment]
    pictures: Annotated[int, Field(ge=30, le=20_000)] = 300
    min_side: Annotated[int, Field(ge=64, le=2048)] = 300
    max_side: Annotated[int, Field(ge=64, le=2048)] = 420
    filth: bool = True


AnyDataset = Annotated[
    Filenames | Folders | Table | Arrays | Digits | Phantom, Field(discriminator="kind")
]
_ADAPTER: TypeAdapter[Any] = TypeAdapter(AnyDataset)


def dataset_path(name: str) -> Path:
    """Where the data set `name` is described."""
    return DATASETS / f"{name}.yaml"


def read_dataset(path: Path) -> Dataset:
    """Read one data set's description.

    Raises:
        BakeoffError: the file is missing or says something that is not allowed.
    """
    try:
        return _ADAPTER.validate_python(read_yaml(path))
    except ValidationError as error:
        raise BakeoffError(first_mistake(error, "", path)) from None


def read_chosen_dataset(params: Path = PARAMS) -> tuple[str, Dataset]:
    """The name and description of the data set that `params.yaml` chooses.

    Raises:
        BakeoffError: the choice is no file in `datasets/`, or that file has a mistake.
    """
    name = str(read_key("dataset", params))
    path = params.parent / dataset_path(name)
    if not path.is_file():
        known = ", ".join(sorted(p.stem for p in path.parent.glob("*.yaml")))
        raise BakeoffError(f"{params}: 'dataset' is '{name}': no {path}; there are {known}")
    return name, read_dataset(path)
