from pathlib import Path

import pytest

from bakeoff.ingest.sources import located
from bakeoff.params.dataset_files import read_chosen_dataset, read_dataset
from bakeoff.params.datasets import (
    Archived,
    Arrays,
    Dataset,
    Digits,
    Filenames,
    Folders,
    Phantom,
    Table,
)
from bakeoff.runtime.errors import BakeoffError
from bakeoff.runtime.layout import repository_root

ROOT = Path(__file__).parents[2]
KINDS: dict[str, type[Dataset]] = {
    "phantom": Phantom,
    "chest_xray": Filenames,
    "flipkart": Table,
    "stanford_dogs": Folders,
    "cats_vs_dogs": Folders,
    "hand_signs": Arrays,
    "digits": Digits,
}


def test_every_shipped_data_set_is_valid_and_documented() -> None:
    page = (ROOT / "docs/data.md").read_text(encoding="utf-8")
    for name, kind in KINDS.items():
        dataset = read_dataset(ROOT / f"datasets/{name}.yaml")
        assert type(dataset) is kind
        assert dataset.description
        if name != "phantom":
            assert dataset.source.startswith("http")
            assert dataset.licence
            assert dataset.citation
        assert f"`{name}`" in page


def test_every_key_is_documented() -> None:
    page = (ROOT / "docs/data.md").read_text(encoding="utf-8")
    for kind in KINDS.values():
        for key in kind.model_fields:
            assert f"`{key}`" in page, key


def written(folder: Path, text: str) -> Path:
    path = folder / "mine.yaml"
    path.write_text(text, encoding="utf-8")
    return path


FOLDERS = "kind: folders\narchive: x.zip\n"
BAD = {
    "kind: pictures\n": "'kind' is 'pictures'; give filenames, folders",
    "kind: [a]\n": "'kind' is",
    "archive: x\n": "the key 'kind' is missing; give filenames",
    "kind: folders\n": "set 'archive' to the path of the file or folder, or 'url'",
    FOLDERS + "archiv: y\n": "unknown key",
    FOLDERS + "url: https://a/b.zip\n": "needs the 'sha256'",
    FOLDERS
    + "url: file:///etc/passwd\nsha256: "
    + "0" * 64: "starts with http://, https://, s3://",
    FOLDERS + "url: ftp://host/x.zip\n": "https://, s3://, gs://, az://, hf://, without blanks",
    FOLDERS + "url: s3\n": "starts with http://",
    FOLDERS + "url: s3://pictures/my set.zip\n": "without blanks",
    FOLDERS + "sha256: 12\n": "'sha256' is '12': give 64 hexadecimal digits",
    FOLDERS + "keep: []\n": "a list of 1 or more",
    FOLDERS + "label: '('\n": "not a regular expression",
    FOLDERS + "group: '*'\n": "not a regular expression",
    FOLDERS + "official: {holdout: x}\n": "call it train, val or test",
    FOLDERS + "max_ratio: .inf\n": "a number above 1",
    "kind: filenames\narchive: x\nclasses: {a: a}\n": "2 or more keys",
    "kind: arrays\narchive: x\nimages: [a, b]\nlabels: c\n": "same number of arrays",
    "kind: phantom\nclasses: {a: a, b: b}\nmin_side: 500\n": "exceeds 'max_side'; lower it",
}


@pytest.mark.parametrize("text", BAD)
def test_mistakes_get_one_sentence(tmp_path: Path, text: str) -> None:
    path = written(tmp_path, text)
    with pytest.raises(BakeoffError, match=BAD[text]) as caught:
        read_dataset(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_numbers_as_labels_are_text(tmp_path: Path) -> None:
    dataset = read_dataset(written(tmp_path, FOLDERS + "rename: {0: zero}\n"))
    assert dataset.rename == {"0": "zero"}


def test_one_array_or_many(tmp_path: Path) -> None:
    text = "kind: hdf5\narchive: x.h5\nimages: a\nlabels: b\n"
    dataset = read_dataset(written(tmp_path, text))
    assert isinstance(dataset, Arrays)
    assert (dataset.images, dataset.labels) == (("a",), ("b",))


def test_a_name_that_is_no_file_lists_those_there_are(tmp_path: Path) -> None:
    (tmp_path / "datasets").mkdir()
    written(tmp_path / "datasets", FOLDERS)
    params = tmp_path / "params.yaml"
    params.write_text("dataset: yours\n", encoding="utf-8")
    with pytest.raises(BakeoffError, match="'dataset' is 'yours': no .*; name one of mine"):
        read_chosen_dataset(params)
    params.write_text("dataset: mine\n", encoding="utf-8")
    name, dataset = read_chosen_dataset(params)
    assert (name, type(dataset)) == ("mine", Folders)


def test_an_archive_may_be_an_address(tmp_path: Path) -> None:
    pinned = f"sha256: {'a' * 64}\n"
    versions = ("s3://pictures/set.zip?versionId=v1", f"hf://datasets/me/mine@{'0' * 40}/set.zip")
    for address, more in [("s3://pictures/set.zip", pinned), *((v, "") for v in versions)]:
        dataset = read_dataset(written(tmp_path, f"kind: folders\narchive: {address}\n{more}"))
        assert isinstance(dataset, Archived)
        assert dataset.address == address
        assert located(dataset) == repository_root() / "data/external/set.zip"
    for wrong, said in {
        "s3://pictures/set.zip\n": "needs the 'sha256'",
        "hf://datasets/me/mine@main/set.zip\n": "needs the 'sha256'",
        f"s3://key:secret@pictures/set.zip\n{pinned}": "must hold no login",
        "https://host/set.zip\netag: x\n": "'etag' is for s3://, gs://, az://, hf://; remove it",
    }.items():
        with pytest.raises(BakeoffError, match=said):
            read_dataset(written(tmp_path, f"kind: folders\narchive: {wrong}"))
