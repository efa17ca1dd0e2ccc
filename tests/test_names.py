"""Names are the field's words, not pictures of them."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
PICTURES = frozenset(
    "amiss answers bars captions choice filth hopeful mend reckon said told".split()
)
ALLOWED = {"check_answers"}  # whether a server answers


def names(path: Path) -> set[str]:
    """Variables, arguments, functions, classes and attributes that a module defines or assigns."""
    found: set[str] = {path.stem}
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.arg):
            found.add(node.arg)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            found.add(node.attr)
    return found - ALLOWED


def parts(name: str) -> set[str]:
    return {part.lower() for part in re.split(r"_|(?<=[a-z])(?=[A-Z])", name)}


def test_names_are_plain() -> None:
    files = sorted([*ROOT.glob("src/**/*.py"), *ROOT.glob("stages/*.py")])
    found = [f"{p.relative_to(ROOT)}: {n}" for p in files for n in names(p) if parts(n) & PICTURES]
    assert not found, "\n".join(found)


def test_names_of_tests_are_plain() -> None:
    found = [
        f"{p.relative_to(ROOT)}: {n}"
        for p in sorted(ROOT.glob("tests/**/test_*.py"))
        for n in names(p)
        if n.startswith("test_") and parts(n) & PICTURES
    ]
    assert not found, "\n".join(found)


def test_such_a_name_is_noticed() -> None:
    assert parts("_damageTold_at") & PICTURES
    assert not parts("retold_choices") & PICTURES
