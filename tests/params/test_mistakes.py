"""For each key of each model: a wrong value is refused, and the sentence's remedy is accepted."""

import re
from pathlib import Path
from typing import Any

import pytest

from bakeoff.params.baselines import ForestParams
from bakeoff.params.block import Block, parse
from bakeoff.params.check import BLOCKS
from bakeoff.params.datasets import KINDS
from bakeoff.params.models import ModelParams
from bakeoff.params.tuning import TuneParams
from bakeoff.runtime.errors import BakeoffError

FILE = Path("params.yaml")
WRONG: tuple[Any, ...] = (
    "yes",
    "0.1",
    "(",
    "ftp://x",
    True,
    0,
    -7,
    10**9,
    1.5,
    float("nan"),
    [],
    ["x", 3],
    {"x": 1},
)
MODELS: dict[str, type[Block]] = {
    **BLOCKS,
    "model": ModelParams,
    "random_forest": ForestParams,
    "tune": TuneParams,
    **{f"kind {name}": kind for name, kind in KINDS.items()},
}
ENOUGH: dict[str, dict[str, Any]] = {
    "model": {"backbone": "VGG16", "image_side": 64, "head": {}, "train": {}, "fine_tune": {}},
    **{f"kind {name}": {"archive": "x"} for name in KINDS if name not in ("digits", "phantom")},
}
ENOUGH["kind filenames"] = {"archive": "x", "label": "(.)"}
ENOUGH["kind table"] = {"archive": "x", "label_column": "y"}
TEXTS = {"backbone": "VGG16", "delimiter": ";"}


def example(words: str, key: str) -> Any:  # noqa: PLR0911
    """A value as the words describe it."""
    first = words.partition(", or ")[0]
    if listed := re.match(r"a list of (?:(\d+) or more )?(.+)", first):
        one = example(listed[2].replace("numbers", "number"), key)
        return [f"{one}{i}" if one == "text" else one for i in range(int(listed[1] or 1))]
    if first.startswith("a mapping"):
        more = re.search(r"of (\d+) or more keys", first)
        return {f"key{i}": "text" for i in range(int(more[1]))} if more else {}
    numbers = [float(n) for n in re.findall(r"-?\d+\.?\d*", first)]
    whole = "whole" in first
    if "number" in first:
        if "from" in first:
            return int(numbers[1]) if whole else numbers[1]
        if len(numbers) == 2:
            return sum(numbers) / 2
        value = numbers[0] + ("above" in first) if numbers else 1.0
        return int(value) if whole else value
    if "text" in first:
        return TEXTS.get(key, "text")
    if "hexadecimal" in first:
        return "0" * 64
    if "http://" in first:
        return "http://host/x.zip"
    return {"true": True}.get(
        word := re.split(r", | or ", first)[0], int(word) if word.isdigit() else word
    )


def changed(tree: dict[str, Any], sentence: str) -> dict[str, Any]:
    """The block after the sentence's remedy."""
    assert sentence.startswith("params.yaml: "), sentence
    key = re.search(r"'([^']*)'", sentence)
    assert key is not None, sentence
    *parents, last = key[1].split(".")
    node: Any = tree
    for parent in parents:
        node = node[int(parent) if isinstance(node, list) else parent]
    last = int(last) if isinstance(node, list) else last
    if "remove it" in sentence:
        del node[last]
    elif called := re.search(r"call it (\w+)", sentence):
        node[called[1]] = node.pop(last)
    else:
        given = re.search(r"[:;] (?:.*; )?give (.+)", sentence)
        assert given is not None, sentence
        node[last] = example(
            given[1].replace(" in quotes", "").replace(", without quotes", ""), str(last)
        )
    return tree


def mistakes_of(model: type[Block], tree: dict[str, Any]) -> tuple[str, ...]:
    try:
        parse(model, tree, where="", path=FILE)
    except BakeoffError as mistake:
        return mistake.sentences
    return ()


BETWEEN_KEYS = re.compile(  # rules of several keys, each with a test of its own
    r"sum to|random copies|needs the 'sha256'|either '|same number|exceeds|set 'archive'|not below"
    r"|needs both|copies to|'conv'|channels 1|regular expression|too small|lists \d|choices"
    r"|keras.applications|no metric"
)


@pytest.mark.parametrize("name", MODELS)
def test_the_remedy_of_each_key_ends_its_error(name: str) -> None:
    model = MODELS[name]
    start = dict(ENOUGH.get(name, {}))
    if "kind" in model.model_fields:
        start["kind"] = name.removeprefix("kind ")
    while told := mistakes_of(model, start):  # its required keys
        start = changed(start, told[0])
    refused = 0
    for key in model.model_fields:
        for wrong in WRONG:
            tree, seen = {**start, key: wrong}, set()
            while told := mistakes_of(model, tree):
                if BETWEEN_KEYS.search(told[0]):
                    break
                assert told[0] not in seen, f"the remedy does not help: {told[0]}"
                seen.add(told[0])
                tree = changed(tree, told[0])
            refused += bool(seen)
    assert refused >= len(model.model_fields)


def test_a_key_of_the_file_is_named_not_a_branch_of_its_type() -> None:
    (told,) = mistakes_of(MODELS["defaults"], {"head": {"dropout": [0.1, "big"]}})
    assert told == (
        "params.yaml: 'head.dropout' is [0.1, 'big']: give a number of at least 0 and below 1, or "
        "a list of numbers of at least 0 and below 1"
    )


def test_quotes_are_mentioned_where_they_decide() -> None:
    train = {"epochs": "10", "tensorboard": "true", "optimizer": 3}
    told = mistakes_of(MODELS["defaults"], {"train": train, "weights": 1})
    assert [one.partition(": give ")[2] for one in told] == [
        "text in quotes",
        "a whole number from 1 to 10000, without quotes",
        "adam, adamw or sgd",
        "true or false, without quotes",
    ]


def test_many_mistakes_are_counted() -> None:
    told = mistakes_of(MODELS["sort"], {f"x{i}": 1 for i in range(25)})
    assert len(told) == 21
    assert told[-1] == "params.yaml: 5 more mistakes; correct these first"
