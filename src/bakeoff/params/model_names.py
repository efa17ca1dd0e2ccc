"""The names of models, which are folders, stages and runs as well."""

import re
from pathlib import Path
from typing import Any

from bakeoff.params.block import PARAMS, is_device, read_key
from bakeoff.params.mistakes import shown_value
from bakeoff.runtime.errors import BakeoffError

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}", re.ASCII)
RESERVED = ("best", "champion", "challenger", "majority_class", "models", "predictions")
"""Names that a model may not have: they mean something else in commands, folders and MLflow."""
HEAD = "head_"
"""In front of a fine-tuned network's name, the name of the head on its frozen features."""
RESERVED_STARTS = ("descriptor_forest", "forest_", "logistic_", "random_forest")
"""Starts of names that the baselines have."""


def model_names(path: Path = PARAMS) -> tuple[str, ...]:
    """The names under `models`, in the file's order.

    Raises:
        BakeoffError: there is none, or one cannot name a folder, a stage and a run.
    """
    models = read_key("models", path)
    if not isinstance(models, dict) or not models:
        raise BakeoffError(f"{path}: 'models' must map at least one name to a model's keys")
    wrong = [f"{path}: a model is named {shown_value(n)}: {w}" for n in models if (w := _unfit(n))]
    folded: dict[str, str] = {}
    for name in filter(lambda name: isinstance(name, str), models):
        other = folded.setdefault(name.casefold(), name)
        if other != name:
            wrong.append(f"{path}: models '{other}' and '{name}' differ in case alone; rename one")
        twin = name.removeprefix(HEAD)
        if twin != name and twin in models:
            wrong.append(
                f"{path}: a model is named '{name}', as the frozen head of '{twin}' is; rename one"
            )
    if wrong:
        raise BakeoffError(*wrong)
    return tuple(models)


def _unfit(name: Any) -> str:
    """Why a model cannot have this name; empty if it can."""
    if not isinstance(name, str):
        return "YAML takes it for no text; write it in quotes"
    if not _NAME.fullmatch(name):
        return (
            "a name starts with a letter or digit and holds letters, digits, '-' and '_', at most "
            "64; rename it"
        )
    if name in RESERVED or name.startswith(RESERVED_STARTS) or is_device(name):
        return "that name is taken; rename it"
    return ""
