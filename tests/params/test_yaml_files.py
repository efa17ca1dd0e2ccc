"""One dialect, YAML 1.2 as DVC reads it; text stays text where labels are meant."""

from pathlib import Path

import pytest
from dvc.utils.serialize import load_yaml

from bakeoff.params.block import PARAMS
from bakeoff.params.dataset_files import read_dataset
from bakeoff.params.datasets import Folders
from bakeoff.params.yaml_files import read_yaml
from bakeoff.runtime.errors import BakeoffError

ROOT = Path(__file__).parents[2]
WORDS = ["no", "yes", "on", "off", "y", "010", "1.10", "2024-01-01", "12:30", "10:00", "0o10",
         "1e3", "True", "0x1f", "1_000", "NA", "nan", ".5", "1."]  # fmt: skip


def test_params_yaml_means_to_us_what_it_means_to_dvc(tmp_path: Path) -> None:
    path = tmp_path / "some.yaml"
    path.write_text("".join(f"k{i}: {word}\n" for i, word in enumerate(WORDS)), encoding="utf-8")
    assert read_yaml(path) == load_yaml(str(path))
    assert read_yaml(path)["k0"] == "no"
    assert read_yaml(path)["k5"] == 10
    assert read_yaml(ROOT / PARAMS) == load_yaml(str(ROOT / PARAMS))


@pytest.mark.parametrize("word", WORDS)
def test_a_word_stays_the_label_that_was_written(tmp_path: Path, word: str) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(
        f"kind: folders\narchive: {word}\nrename:\n  {word}: {word}\nmax_files: 0x10\n",
        encoding="utf-8",
    )
    dataset = read_dataset(path)
    assert isinstance(dataset, Folders)
    assert dataset.rename == {word: word}
    assert dataset.archive == word
    assert dataset.max_files == 16


def test_a_missing_value_is_no_text(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("kind: folders\narchive: x\ngroup: null\nrename: {null: '~'}\n")
    dataset = read_dataset(path)
    assert (dataset.group, dataset.rename) == (None, {"null": "~"})
    path.write_text("kind: folders\narchive: x\nrename: {cat: }\n")
    with pytest.raises(BakeoffError, match=r"'rename.cat' is None: give text in quotes"):
        read_dataset(path)


@pytest.mark.parametrize("text", ["a: {1: x, 1: y}\n", "a: !!python/name:os 1\n", "a: !mine x\n"])
def test_what_is_no_plain_data_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(text, encoding="utf-8")
    for as_text in (False, True):
        with pytest.raises(BakeoffError, match="not valid YAML: "):
            read_yaml(path, as_text=as_text)


def test_a_file_that_cannot_be_read_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(BakeoffError, match=r"cannot be read \(Is a directory\)"):
        read_yaml(tmp_path)
    (tmp_path / "latin.yaml").write_bytes("a: é".encode("latin-1"))
    with pytest.raises(BakeoffError, match="not UTF-8 .*; save it as UTF-8"):
        read_yaml(tmp_path / "latin.yaml")
