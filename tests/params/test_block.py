"""Mistakes in YAML get one sentence that names the file, the key and the remedy."""

from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from bakeoff.params.baselines import ForestParams, LogisticParams, read_forest_params
from bakeoff.params.block import TOP_LEVEL, read_key, read_yaml
from bakeoff.params.data import AugmentParams, SortParams, SplitParams, TfrecordParams
from bakeoff.params.evidence import EvaluateParams, TrackingParams
from bakeoff.params.model_names import model_names
from bakeoff.params.models import (
    ComputeParams,
    ModelDefaults,
    read_feature_params,
    read_model_params,
)
from bakeoff.runtime.errors import BakeoffError

PARAMS = Path(__file__).parents[2] / "params.yaml"
BLOCKS = {
    "sort": SortParams,
    "split": SplitParams,
    "augment": AugmentParams,
    "tfrecord": TfrecordParams,
    "compute": ComputeParams,
    "defaults": ModelDefaults,
    "random_forest": ForestParams,
    "descriptor_forest": ForestParams,
    "logistic": LogisticParams,
    "evaluate": EvaluateParams,
    "tracking": TrackingParams,
}


@pytest.fixture
def params(tmp_path):
    """A copy of params.yaml, and a function that edits one key of it."""
    path = tmp_path / "params.yaml"
    path.write_text(PARAMS.read_text())

    def edit(key: str, value: object) -> Path:
        tree = yaml.safe_load(path.read_text())
        *parents, last = key.split(".")
        node = tree
        for parent in parents:
            node = node[parent]
        node[last] = value
        path.write_text(yaml.safe_dump(tree, sort_keys=False))
        return path

    return edit


def test_the_shipped_parameters_are_valid():
    for key, block in BLOCKS.items():
        block.read(key, PARAMS)
    for name in model_names(PARAMS):
        model = read_model_params(name, PARAMS)
        assert model.head.hidden == (1024, 512)
        assert (model.train.epochs, model.train.batch, model.train.early_stopping) == (10, 16, 2)
        assert model.train.monitor == "val_cohen_kappa"


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("sort.min_sode", 3, ["params.yaml", "unknown key 'sort.min_sode'"]),
        ("sort.min_side", "big", ["'sort.min_side' is 'big'", "a whole number of at least 1"]),
        ("sort.mode", "HSV", ["'sort.mode'", "RGB or L"]),
        ("split.fractions", {"train": 0.7, "val": 0.2, "test": 0.2}, ["sum to 1"]),
        ("augment.transforms", ["mirror_diagonal"], ["augment.transforms.0", "mirror_horizontal"]),
        (
            "tfrecord.fit",
            "squash",
            ["'tfrecord.fit' is 'squash'", "stretch, crop, pad_black or pad_white"],
        ),
        ("tfrecord.channels", 2, ["'tfrecord.channels' is 2", "1 or 3"]),
        ("evaluate.confidence", float("nan"), ["'evaluate.confidence'"]),
    ],
)
def test_a_mistake_names_its_key_and_what_it_may_be(params, key, value, words):
    path = params(key, value)
    with pytest.raises(BakeoffError) as caught:
        BLOCKS[key.split(".")[0]].read(key.split(".")[0], path)
    for word in words:
        assert word in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_mistake_in_a_model_names_the_model(params):
    path = params("models.vgg16.train.learning_rate", -1)
    with pytest.raises(BakeoffError, match=r"'models\.vgg16\.train\.learning_rate' is -1"):
        read_model_params("vgg16", path)
    params("models.vgg16.train.learning_rate", 0.1)
    path = params("models.vgg16.lernin_rate", 1)
    with pytest.raises(BakeoffError, match=r"unknown key 'models\.vgg16\.lernin_rate'"):
        read_model_params("vgg16", path)


@pytest.mark.parametrize("name", ["../up", "a/b", "a.b", "", 7, None, "é"])
def test_a_model_has_a_name_that_may_stand_in_a_path(params, name):
    path = params("models", {name: {"backbone": "VGG16", "image_side": 32}})
    with pytest.raises(BakeoffError, match="a model is named"):
        model_names(path)


@pytest.mark.parametrize("entry", [None, [{"backbone": "VGG16"}], "VGG16", 3])
def test_a_model_is_a_mapping(params, entry):
    path = params("models", {"vgg16": entry})
    for read in (read_model_params, read_feature_params):
        with pytest.raises(BakeoffError, match="give it the model's keys"):
            read("vgg16", path)
    with pytest.raises(BakeoffError, match="'models' must map at least one name"):
        model_names(params("models", entry))


def test_an_unknown_top_level_key_is_refused_by_every_reader(params):
    path = params("spilt", {})
    with pytest.raises(BakeoffError, match="unknown key 'spilt'"):
        read_key("seed", path)


def test_a_missing_key_and_a_missing_file_are_named(tmp_path, params):
    with pytest.raises(BakeoffError, match="'models.resnet' is missing"):
        read_feature_params("resnet", params("seed", 1))
    with pytest.raises(BakeoffError, match="no such file"):
        read_yaml(tmp_path / "absent.yaml")


def test_a_model_takes_from_the_defaults_what_it_leaves_out(params):
    path = params("defaults.train.optimizer", "sgd")
    model = read_model_params("vgg16", path)
    assert model.train.optimizer == "sgd"
    assert model.train.learning_rate == 0.001


@pytest.mark.parametrize(
    "text",
    [
        "a: &x [1]\nb: *x\n",
        "a: [" * 2000,
        "seed: 1\nseed: 2\n",
        "a: !!python/object/apply:os.system [true]\n",
        "- a list\n",
        "\x00",
        "a: {b: c",
        "? [1, 2]\n: x\n",
    ],
)
def test_hostile_yaml_gets_a_sentence(tmp_path, text):
    path = tmp_path / "params.yaml"
    path.write_text(text)
    with pytest.raises(BakeoffError) as caught:
        read_yaml(path)
    assert str(path) in str(caught.value)


@given(st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
))  # fmt: skip
@settings(deadline=None)
def test_no_value_of_a_block_escapes_as_a_traceback(tmp_path_factory, value):
    path = tmp_path_factory.mktemp("fuzz") / "params.yaml"
    for key, block in BLOCKS.items():
        path.write_text(yaml.safe_dump({key: value}, allow_unicode=True), encoding="utf-8")
        try:
            block.read(key, path)
        except BakeoffError as mistake:
            assert "\n" not in str(mistake)


def test_no_parameter_has_a_name_that_the_run_cache_ignores():
    def names(node: object) -> set[str]:
        if isinstance(node, dict):
            return set(map(str, node)).union(*map(names, node.values()))
        return set().union(*map(names, node)) if isinstance(node, list) else set()

    files = [PARAMS, *sorted((PARAMS.parent / "datasets").glob("*.yaml"))]
    for path in files:
        assert not names(yaml.safe_load(path.read_text())) & {"size", "nfiles"}, path


def test_the_file_has_exactly_the_known_keys():
    assert tuple(yaml.safe_load(PARAMS.read_text())) == TOP_LEVEL


def test_a_recipe_replaces_what_it_states_and_nothing_else(params):
    before = read_model_params("vgg16", PARAMS)
    path = params("models.vgg16.recipe", "regularized")
    after = read_model_params("vgg16", path)
    assert (after.train.optimizer, after.train.learning_rate) == ("adamw", 0.0001)
    assert (after.train.epochs, after.train.early_stopping) == (30, 5)
    assert (after.train.monitor, after.head.dropout) == ("val_loss", 0.5)
    assert after.head.hidden == before.head.hidden
    assert (after.train.batch, after.fine_tune) == (before.train.batch, before.fine_tune)


def test_an_unknown_recipe_or_a_mistake_in_one_is_one_sentence(params):
    with pytest.raises(BakeoffError, match=r"'models.vgg16.recipe' is 'x'.*\(there: regularized\)"):
        read_model_params("vgg16", params("models.vgg16.recipe", "x"))
    path = params("defaults.recipes.regularized.train", {"epoch": 3})
    with pytest.raises(BakeoffError, match="unknown key 'defaults.recipes.regularized.train.ep"):
        read_model_params("inceptionv3", path)


def test_no_forest_is_null(params):
    assert read_forest_params("random_forest", params("random_forest", None)) is None
    assert read_forest_params("descriptor_forest", PARAMS).descriptors[-1] == "lbp"


def test_one_dropout_for_each_hidden_layer_or_one_for_all(params):
    path = params("models.vgg16.head", {"hidden": [8, 8, 8], "dropout": [0.5, 0.1]})
    with pytest.raises(BakeoffError, match="head.dropout lists 2 numbers for 3 hidden layers"):
        read_model_params("vgg16", path)
