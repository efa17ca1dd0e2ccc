"""Whatever params.yaml and datasets/*.yaml alone decide is refused before any stage runs."""

import io
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from ruamel.yaml import YAML

from bakeoff.params.block import PARAMS
from bakeoff.params.check import check_all, check_place, feature_requests, write_parameters
from bakeoff.params.models import read_feature_params, read_model_params
from bakeoff.params.resolved import (
    resolved_dataset,
    resolved_features,
    resolved_model,
    resolved_names,
    resolved_search,
)
from bakeoff.runtime.errors import BakeoffError
from bakeoff.runtime.layout import PARAMETERS

ROOT = Path(__file__).parents[2]
Edit = Callable[[str, Any], None]


@pytest.fixture
def edit(tmp_path, monkeypatch) -> Edit:
    """The shipped params.yaml and data sets in the working folder; sets one key (dots descend)."""
    monkeypatch.chdir(tmp_path)
    shutil.copyfile(ROOT / "params.yaml", "params.yaml")
    shutil.copytree(ROOT / "datasets", "datasets")

    def set_key(key: str, value: Any) -> None:
        yaml = YAML()
        tree = yaml.load(PARAMS.read_text(encoding="utf-8"))
        *parents, last = key.split(".")
        node = tree
        for parent in parents:
            node = node[parent]
        node[last] = value
        stream = io.StringIO()
        yaml.dump(tree, stream)
        PARAMS.write_text(stream.getvalue(), encoding="utf-8")

    return set_key


def sentences() -> tuple[str, ...]:
    with pytest.raises(BakeoffError) as caught:
        check_all()
    return caught.value.sentences


RESNET = {"backbone": "ResNet50"}
NAMES = ["best", "predictions", "majority_class", "random_forest", "logistic_x", "_x", "-x",
         "x;touch y", "$(touch y)", "a b", "con", "NUL", "x" * 65, "é", ""]  # fmt: skip
DATASETS = ["it's", "sub/mine", "a:b", "../mine", ".hidden", "con", "", "x;y", "$HOME", 7, None]
VALUES = [
    ("models.vgg16.train.monitor", "val_acc", "'models.vgg16.train.monitor' is 'val_acc'"),
    ("models.vgg16.head.dropout", [0.1, 0.2, 0.3], "lists 3 numbers for 2 hidden layers"),
    ("models.vgg16.backbone", "cnn", "backbone cnn needs 'conv'"),
    ("models.vgg16.conv", [{"filters": [4]}], "'conv' describes backbone cnn"),
    ("models.vgg16.channels", 1, "channels 1 is for cnn and mlp"),
    ("models.vgg16.image_side", 16, "image_side 16 is too small for VGG16"),
    ("models.vgg16.backbone", "VGG61", "did you mean VGG"),
    ("models.vgg16.weights", "nowhere.h5", "give imagenet"),
    ("models.vgg16.train.learning_rate", "yes", "learning_rate' is 'yes': give a number above 0"),
    ("models.vgg16.train.learning_rate", True, "learning_rate' is True: give a number above 0"),
    ("models.vgg16.train.epochs", "ten", "epochs' is 'ten': give a whole number from 1"),
    ("models.vgg16.train.batch", 16.0, "batch' is 16.0: give a whole number from 1"),
    ("models.vgg16.fine_tune", {"epochs": 3, "progressive": [{"image_side": 64, "epochs": 3}]},
     "let the last step be the model's own"),
    ("models.vgg16.fine_tune", {"epochs": 3, "progressive": [{"image_side": 224, "epochs": 2}]},
     "sum to 2 and fine_tune.epochs is 3"),
    ("models.vgg16.tune", {"trials": 3, "space": {"dropout": [[0.1], 0.2]}}, "lists 1 numbers for"),
    ("random_forest.descriptors", ["evil"], "'random_forest.descriptors.0' is 'evil'"),
    ("random_forest.descriptors", ["features:nobody"], "'nobody' is no model with a frozen"),
    ("seed", 1.5, "'seed' is 1.5: give a whole number"),
    ("seed", -1, "'seed' is -1: give a whole number"),
    ("seed", "7", "'seed' is '7': give a whole number"),
    ("seed", True, "'seed' is True: give a whole number"),
    ("augment.copies", 2, "'augment': 'copies' asks for random copies"),
    ("sort", {}, "the key 'sort.mode' is missing"),
]  # fmt: skip


def test_what_is_shipped_is_valid(edit: Edit) -> None:
    check_all()


@pytest.mark.parametrize("name", NAMES)
def test_a_name_that_could_not_be_used_is_refused(edit: Edit, name: str) -> None:
    edit("models", {"vgg16": {"backbone": "VGG16"}, name: {"backbone": "VGG16"}})
    (sentence,) = sentences()
    assert sentence.startswith(f"params.yaml: a model is named '{name[:50]}")
    assert sentence.endswith("rename it")


def test_a_name_that_yaml_takes_for_a_number_is_written_in_quotes(edit: Edit) -> None:
    edit("models", {10: RESNET})
    assert sentences() == (
        "params.yaml: a model is named 10: YAML takes it for no text; write it in quotes",
    )
    edit("models", {"10": RESNET})
    check_all()


def test_two_names_that_are_one_on_other_systems_are_refused(edit: Edit) -> None:
    edit("models", {"Net": {"backbone": "VGG16"}, "net": {"backbone": "VGG16"}})
    assert "differ in case alone" in sentences()[0]


def test_a_model_is_not_named_as_the_frozen_head_of_another(edit: Edit) -> None:
    edit("models", {"net": {"backbone": "VGG16"}, "head_net": {"backbone": "VGG16"}})
    assert "'head_net', as the frozen head of 'net' is; rename one" in sentences()[0]
    edit("models", {"head_net": {"backbone": "VGG16"}})
    check_all(weights=False)


@pytest.mark.parametrize("name", DATASETS)
def test_a_data_set_is_a_file_in_its_folder(edit: Edit, name: object) -> None:
    edit("dataset", name)
    (sentence,) = sentences()
    assert sentence.startswith(f"params.yaml: 'dataset' is {name!r}: name a file in datasets/")


@pytest.mark.parametrize(("key", "value", "words"), VALUES)
def test_a_value_that_would_fail_later_is_refused(edit: Edit, key, value, words) -> None:
    edit(key, value)
    (sentence,) = sentences()
    assert sentence.startswith("params.yaml: ")
    assert words in sentence


def test_all_mistakes_are_reported_at_once(edit: Edit) -> None:
    edit("seed", -1)
    edit("sort.min_sode", 3)
    edit("dataset", "nowhere")
    edit("models.vgg16", {"backbone": "VGG16", "poling": "avg", "train": {"batch": 0, "epochs": 0}})
    edit("models.broken", {"head": {"dropout": 2}})
    told = "\n".join(sentences())
    for words in (
        "'seed' is -1",
        "unknown key 'sort.min_sode'",
        "'dataset' is 'nowhere'",
        "unknown key 'models.vgg16.poling'",
        "'models.vgg16.train.batch' is 0",
        "'models.vgg16.train.epochs' is 0",
        "the key 'models.broken.backbone' is missing",
        "'models.broken.head.dropout",
    ):
        assert words in told, words


def test_missing_blocks_are_reported_at_once(edit: Edit) -> None:
    PARAMS.write_text("dataset: phantom\nseed: 1\n", encoding="utf-8")
    (sentence,) = sentences()
    assert sentence.startswith("params.yaml: the keys 'sort', 'split', 'augment', ")
    assert sentence.endswith("are missing; docs/parameters.md has all keys")
    tree = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    del tree["sort"]
    PARAMS.write_text(yaml.safe_dump(tree), encoding="utf-8")
    assert sentences()[0] == (
        "params.yaml: the key 'sort' is missing; add it with one of the values in "
        "docs/parameters.md"
    )


def test_the_remedy_for_a_missing_test_folder_works(edit: Edit) -> None:
    described = Path("datasets/phantom.yaml")
    official = 'official: {train: "*/train/*", val: "*/val/*", test: "*/test/*"}\n'
    text = described.read_text(encoding="utf-8")
    described.write_text(text.replace(official, ""), encoding="utf-8")
    edit("split.official_test", True)
    (sentence,) = sentences()
    remedy = sentence.partition(": add ")[2].partition(" there")[0]
    described.write_text(f"{described.read_text(encoding='utf-8')}{remedy}\n", encoding="utf-8")
    check_all()


def test_a_backbone_is_a_whole_entry(edit: Edit) -> None:
    edit("models", {"resnet": RESNET, "scratch": {"backbone": "mlp", "image_side": 32}})
    edit("defaults.pooling", "max")
    edit("defaults.train.optimizer", "sgd")
    check_all()
    params = read_model_params("resnet")
    assert (params.image_side, params.weights, params.pooling) == (224, "imagenet", "max")
    assert (params.train.optimizer, params.train.learning_rate) == ("sgd", 0.001)
    assert params.head.hidden == (1024, 512)
    edit("models.scratch", {"backbone": "mlp"})
    assert sentences() == (
        "params.yaml: the key 'models.scratch.image_side' is missing; "
        "give a whole number from 0 to 4096",
    )


def test_what_the_stages_read_is_what_was_checked(edit: Edit) -> None:
    edit("models", {"resnet": RESNET, "net": RESNET | {"tune": {"trials": 2}}})
    check_all()
    write_parameters(PARAMETERS, feature_requests())
    assert resolved_names() == ("resnet", "net")
    assert resolved_model("resnet") == read_model_params("resnet")
    assert resolved_features("resnet").model == read_feature_params("resnet")
    assert resolved_features("resnet").weights_unreachable == "random"
    assert resolved_search("resnet").model_dump() == {"trials": 0, "tuning": None, "model": None}
    searched = resolved_search("net")
    assert searched.tuning is not None
    assert searched.tuning.trials == 2
    assert [s.path for s in searched.tuning.space][:2] == ["head.activation", "head.dropout"]
    name, dataset = resolved_dataset()
    assert (name, dataset.official["test"]) == ("phantom", "*/test/*")


def test_a_changed_head_leaves_what_the_features_depend_on(edit: Edit) -> None:
    def written() -> dict[str, str]:
        write_parameters(PARAMETERS, feature_requests())
        return {
            p.relative_to(PARAMETERS).as_posix(): p.read_text() for p in PARAMETERS.rglob("*.json")
        }

    before = written()
    edit("models.vgg16.head.dropout", 0.5)
    edit("tracking.keep", 3)
    edit("defaults.fine_tune", {"batch": 16})  # what it is anyway
    after = written()
    assert {name for name in after if after[name] != before[name]} == {"vgg16/train.json"}
    edit("models.vgg16.pooling", "max")
    final = written()
    changed = {name for name in final if final[name] != after[name]}
    assert changed == {"vgg16/features.json", "vgg16/train.json"}


@pytest.mark.parametrize("name", ["why?", "a%20b", "{x}"])
def test_a_folder_that_would_be_misread_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(BakeoffError, match="move the repository to a folder without it"):
        check_place(tmp_path / name)
    for fine in ("it's", 'd"q', "ha#sh", "sp ace", "größe", "日本", "50%", "co:lon"):
        check_place(tmp_path / fine)
