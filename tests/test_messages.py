"""Every error of the user's says what to do: read from the source, without running it."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
REMEDY = re.compile(
    r"\b(add|change|check|choose|convert|copy|correct|delete|fetch|get|give|install|keep|leave|lower|make|move|"
    r"name|put|raise|register(?:s)?|remove|repack|replace|report|rescale|restore|run|save|say|set|"
    r"`[a-z]+|narrow|unset|use|write)\b"
)
ELSEWHERE = re.compile(
    r"remedy|refusal|other_readings|what|again|kind|missing|mistakes|wrong|reason|error\)", re.I
)  # its own words
# The registry's gate reports these two as the reason why a model is not promoted.
REPORTED = ("every test picture stood", "its training pictures are not recorded")


def errors() -> Iterator[tuple[str, str, str]]:
    """Place, literal text and inserted expressions of each `BakeoffError(...)`."""
    for path in sorted([*ROOT.glob("src/**/*.py"), *ROOT.glob("stages/*.py")]):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "BakeoffError":
                parts = [part for argument in node.args for part in ast.walk(argument)]
                texts = [p.value for p in parts if isinstance(p, ast.Constant)]
                names = [ast.unparse(p.value) for p in parts if isinstance(p, ast.FormattedValue)]
                names += [ast.unparse(p.value) for p in parts if isinstance(p, ast.Starred)]
                names += [ast.unparse(a) for a in node.args if not isinstance(a, ast.Constant)]
                place = f"{path.relative_to(ROOT)}:{node.lineno}"
                yield place, " ".join(map(str, texts)), " ".join(names)


def without_remedy(text: str, inserted: str) -> bool:
    return not (REMEDY.search(text) or ELSEWHERE.search(inserted) or text.startswith(REPORTED))


def test_each_error_says_what_to_do() -> None:
    found = list(errors())
    assert len(found) > 150
    silent = [f"{place}: {text}" for place, text, names in found if without_remedy(text, names)]
    assert not silent, "\n".join(silent)


@pytest.mark.parametrize("text", ["cannot be read ( )", "no such file", "'seed' is : not a number"])
def test_a_message_without_remedy_is_noticed(text: str) -> None:
    assert without_remedy(text, "path error.strerror")
