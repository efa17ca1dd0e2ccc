"""docs/parameters.md, written from the models that check the parameters.

`python -m bakeoff.params.reference_page` rewrites the page; a test fails while it is outdated.
"""

import json
from typing import Any

from pydantic_core import PydanticUndefined

from bakeoff.params.baselines import ForestParams
from bakeoff.params.block import PAGE, TOP_LEVEL, Block
from bakeoff.params.check import BLOCKS
from bakeoff.params.meanings import MEANINGS
from bakeoff.params.mistakes import allowed_values
from bakeoff.params.models import FeatureChoices, ModelParams
from bakeoff.params.tuning import TuneParams
from bakeoff.runtime.files import write_text

_ENTRY = "models.<name>"
_FILLED = dict.fromkeys(FeatureChoices.model_fields, "from `defaults`") | {
    "image_side": "the backbone's own"
}
_SECTIONS: dict[str, tuple[str, type[Block]]] = {
    **{name: (name, block) for name, block in BLOCKS.items()},
    "tune": ("tune", TuneParams),
    "models": (_ENTRY, ModelParams),
    "random_forest": ("random_forest", ForestParams),
    "descriptor_forest": ("descriptor_forest", ForestParams),
}
_INTRODUCTION = """# Parameters

Every key of `params.yaml`. `python -m bakeoff.params.reference_page` writes this page from the
models that check the parameters. `bakeoff check`, and the first stage of `dvc repro`, report all
mistakes at once. Unknown keys are refused. The file is YAML 1.2, as DVC reads it: `yes` and `no`
are text.

A model's entry needs `backbone` alone: `resnet: {backbone: ResNet50}`. `defaults` gives what it
leaves out, the backbone its picture side (`cnn` and `mlp` have none), and the block `tune` what its
own `tune` leaves out. A model's name starts with a letter or digit, holds letters, digits, `-` and
`_`, and is none of the names that commands and baselines use.

| key | values | default | meaning |
|---|---|---|---|
| `dataset` | text | required | A file in `datasets/`, without its ending; see [data](data.md). |
| `seed` | whole number, 0 to 4294967295 | required | The seed of every random draw. |
"""


def parameters_page() -> str:
    """The page as Markdown."""
    sections = [_INTRODUCTION]
    for name in TOP_LEVEL:
        if name in _SECTIONS:
            path, block = _SECTIONS[name]
            lines = _rows(path, block)
            head = "| key | values | default | meaning |\n|---|---|---|---|"
            sections.append(f"## `{name}`\n\n{head}\n" + "\n".join(lines) + "\n")
    return "\n".join(sections)


def _rows(path: str, block: type[Block]) -> list[str]:
    rows: list[str] = []
    for name, field in block.model_fields.items():
        owner = next(c for c in reversed(block.__mro__) if name in getattr(c, "model_fields", {}))
        inner: Any = field.annotation
        nested = isinstance(inner, type) and issubclass(inner, Block)
        if nested and not field.is_required():
            rows += _rows(f"{path}.{name}", inner)
            continue
        meaning = MEANINGS[f"{owner.__name__}.{name}"]
        if nested:
            rows.append(f"| `{path}.{name}` | mapping | from `defaults` | {meaning} |")
            continue
        default = "required" if field.is_required() else f"`{_shown(field.default)}`"
        if path == _ENTRY:
            default = _FILLED.get(name, default)
        values = allowed_values(field.annotation, field.metadata).replace("|", "\\|")
        rows.append(f"| `{path}.{name}` | {values} | {default} | {meaning} |")
    return rows


def _shown(value: Any) -> str:
    return "" if value is PydanticUndefined else json.dumps(value, ensure_ascii=False)


if __name__ == "__main__":
    write_text(PAGE, parameters_page())
