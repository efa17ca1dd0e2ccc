import math
from pathlib import Path

import pytest
import yaml

from bakeoff.params.baselines import ForestParams
from bakeoff.params.models import read_model_params
from bakeoff.params.tuning import (
    Dimension,
    read_forest_tuning,
    read_logistic_tuning,
    read_model_tuning,
)
from bakeoff.runtime.errors import BakeoffError

ROOT = Path(__file__).parent.parent.parent
MODEL = "vgg16"


@pytest.fixture
def params(tmp_path):
    """Writes params.yaml with some keys (dots descend) set, and gives its path."""

    def write(changes: dict[str, object]) -> Path:
        tree = yaml.safe_load((ROOT / "params.yaml").read_text())
        for key, value in changes.items():
            *parents, last = key.split(".")
            node = tree
            for parent in parents:
                node = node.setdefault(parent, {})
            node[last] = value
        path = tmp_path / "params.yaml"
        path.write_text(yaml.safe_dump(tree))
        return path

    return write


def by_path(tuning):
    return {searched.path: searched for searched in tuning.space}


def test_a_search_is_off_until_trials_are_asked_for():
    for tuning in (
        read_model_tuning(MODEL),
        read_forest_tuning("random_forest"),
        read_logistic_tuning(),
    ):
        assert tuning.trials == 0
        assert tuning.space


def test_a_models_own_tune_goes_over_the_shared_one_key_by_key(params):
    path = params(
        {
            "tune.sampler": "random",
            "tune.space.dropout": {"low": 0.1, "high": 0.4},
            f"models.{MODEL}.tune": {
                "trials": 7,
                "space": {"dropout": {"high": 0.3}, "l2": None, "batch": {"low": 8, "high": 64}},
            },
        }
    )
    tuning = read_model_tuning(MODEL, path)
    space = by_path(tuning)
    assert (tuning.trials, tuning.sampler, tuning.pruning) == (7, "random", True)
    assert space["head.dropout"].dimension.ends() == (0.1, 0.3)
    assert "head.l2" not in space
    assert space["train.batch"].dimension.ends() == (8, 64)
    assert space["train.batch"].whole
    assert not space["train.learning_rate"].whole
    assert read_model_tuning("inceptionv3", path).trials == 0


def test_the_unfrozen_share_is_searched_only_while_fine_tuning(params):
    assert "fine_tune.unfreeze" not in by_path(read_model_tuning(MODEL))
    path = params({f"models.{MODEL}.fine_tune": {"epochs": 2}})
    assert "fine_tune.unfreeze" in by_path(read_model_tuning(MODEL, path))
    assert "fine_tune.unfreeze" not in by_path(read_model_tuning("inceptionv3", path))


def test_the_space_stands_in_params_yaml_alone(params):
    assert {s.path for s in read_forest_tuning("descriptor_forest").space} == {
        "trees",
        "max_depth",
        "min_samples_leaf",
        "class_weight",
    }
    with pytest.raises(BakeoffError, match="'random_forest.tune.space' searches nothing"):
        read_forest_tuning("random_forest", params({"random_forest.tune": {"trials": 2}}))


def test_any_parameter_of_the_entry_can_be_searched(params):
    space = {"optimizer": ["adam", "sgd"], "fine_tune.learning_rate": {"low": 1e-6, "high": 1e-4}}
    path = params({f"models.{MODEL}.tune.space": space, f"models.{MODEL}.fine_tune.epochs": 1})
    found = by_path(read_model_tuning(MODEL, path))
    assert found["train.optimizer"].dimension.choices == ("adam", "sgd")
    assert "fine_tune.learning_rate" in found


def test_how_a_value_is_searched_is_no_part_of_the_model(params):
    path = params({f"models.{MODEL}.tune": {"trials": 3}, "random_forest.tune": {"trials": 3}})
    assert read_model_params(MODEL, path).model_dump() == read_model_params(MODEL).model_dump()
    assert "tune" not in ForestParams.read("random_forest", path).model_dump()


@pytest.mark.parametrize(
    ("key", "value", "sentence"),
    [
        ("dropout", {"low": 0.5, "high": 0.1}, "space.dropout': low is not below high"),
        ("learning_rate", {"low": 0, "high": 1, "log": True}, "low is not above 0, where log"),
        (
            "weight_decay",
            {"low": -1, "high": 1},
            "decay' may not be -1: give a number of at least 0",
        ),
        ("dropout", {"low": 0, "high": 1}, "dropout' may not be 1:"),
        ("activation", {"low": 0.1}, "a range needs both ends"),
        ("dropout", 0.3, "a list of choices, or a range"),
        ("activation", [], "the list of choices is empty"),
        ("activation", ["relu", "swish"], "activation' may not be 'swish'"),
        ("activation", {"low": 0, "high": 1}, "activation' may not be 0:"),
        ("hidden", [[64], [0]], "hidden' may not be [0]"),
        ("batch", {"low": 1.5, "high": 9}, "batch' may not be 1.5"),
        (
            "lerning_rate",
            [1],
            "lerning_rate' is no parameter; name one of activation, augmentation",
        ),
        ("head.epochs", [1], "head.epochs' is no parameter"),
        ("dropout", {"low": 0.1, "high": 0.2, "lag": True}, "unknown key"),
    ],
)
def test_a_mistake_is_one_sentence_that_names_the_key(params, key, value, sentence):
    path = params({f"models.{MODEL}.tune": {"space": {key: value}}})
    with pytest.raises(BakeoffError) as mistake:
        read_model_tuning(MODEL, path)
    assert sentence in str(mistake.value)
    assert f"models.{MODEL}.tune.space.{key.partition('{')[0]}" in str(mistake.value)
    assert "\n" not in str(mistake.value)


def test_a_mistake_in_the_shared_block_is_reported_of_the_shared_block(params):
    with pytest.raises(BakeoffError, match="'tune.sampler' is 'grit'"):
        read_model_tuning(MODEL, params({"tune.sampler": "grit"}))
    with pytest.raises(BakeoffError, match="'random_forest.tune.space.leaves' is no parameter"):
        read_forest_tuning("random_forest", params({"random_forest.tune.space.leaves": [1]}))
    with pytest.raises(BakeoffError, match="searches nothing; set"):
        nothing = {"trials": 3, "space": {"inverse_regularization": None}}
        read_logistic_tuning(params({"logistic.tune": nothing}))


def test_a_grid_takes_even_steps_of_a_range():
    assert Dimension(low=0, high=1, steps=5).grid(whole=False) == [0, 0.25, 0.5, 0.75, 1]
    even_ratios = Dimension(low=0.001, high=0.1, log=True).grid(whole=False)
    assert even_ratios == [0.001, pytest.approx(0.01), 0.1]
    assert Dimension(low=1, high=3, steps=9).grid(whole=True) == [1, 2, 3]
    assert Dimension(choices=("a", "b")).grid(whole=False) == ["a", "b"]
    assert math.isclose(Dimension(low=2, high=8, log=True).grid(whole=True)[1], 4)
