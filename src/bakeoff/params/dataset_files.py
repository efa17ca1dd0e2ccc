"""`datasets/<name>.yaml`: the data sets, and the one that `params.yaml` chooses."""

import re
from pathlib import Path
from typing import Any, get_args

from bakeoff.params.block import PARAMS, is_device, parse, read_key
from bakeoff.params.datasets import KINDS, Dataset
from bakeoff.params.mistakes import shown_value
from bakeoff.params.yaml_files import read_yaml
from bakeoff.runtime.errors import BakeoffError

DATASETS = Path("datasets")
_NAME = re.compile(r"[^\W_][\w.-]{0,63}")


def dataset_path(name: str) -> Path:
    """The path of the description of the data set `name`."""
    return DATASETS / f"{name}.yaml"


def read_dataset(path: Path) -> Dataset:
    """Read one data set's description; labels, patterns and paths are the text in the file.

    Raises:
        BakeoffError: the file is missing or contains a mistake.
    """
    typed, text = read_yaml(path), read_yaml(path, as_text=True)
    kind = text.get("kind")
    if not isinstance(kind, str) or kind not in KINDS:
        problem = f"'kind' is '{kind}'" if "kind" in text else "the key 'kind' is missing"
        raise BakeoffError(f"{path}: {problem}; give {', '.join(KINDS)}")
    model = KINDS[kind]
    numbers = {key for key, field in model.model_fields.items() if _is_number(field.annotation)}
    value = text | {key: typed[key] for key in numbers & set(typed)}
    if kind == "filenames" and isinstance(value.get("classes"), str):  # one pattern for all
        value["label"] = value.pop("classes")
    return parse(model, value, where="", path=path)


def _is_number(annotation: Any) -> bool:
    """Whether a field is a number or a boolean, typed by YAML."""
    return bool({int, float, bool} & {annotation, *get_args(annotation)})


def read_chosen_dataset(params: Path = PARAMS) -> tuple[str, Dataset]:
    """The name and description of the data set that `params.yaml` chooses.

    Raises:
        BakeoffError: there is no such file in `datasets/`, or it contains a mistake.
    """
    name = read_key("dataset", params)
    if not isinstance(name, str) or not _NAME.fullmatch(name) or is_device(name):
        raise BakeoffError(
            f"{params}: 'dataset' is {shown_value(name)}: name a file in datasets/ without its "
            "ending; its name starts with a letter or digit and holds letters, digits, '_', '-' "
            "and '.', at most 64"
        )
    path = params.parent / dataset_path(name)
    if not path.is_file():
        known = ", ".join(sorted(p.stem for p in path.parent.glob("*.yaml")))
        raise BakeoffError(f"{params}: 'dataset' is '{name}': no {path}; name one of {known}")
    return name, read_dataset(path)
