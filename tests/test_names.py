"""Names are the field's words, not pictures of them."""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
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


def modules(source: Path) -> Iterator[tuple[str, Path]]:
    """Each module and package below `source` with its name.

    The block of `params.yaml` that a package reads has the package's name: `params/folds.py`.
    """
    for path in sorted(source.rglob("*.py")):
        if path.name != "__init__.py":
            block = path.parent == source / "params" and (source / path.stem).is_dir()
            yield (f"params/{path.stem}" if block else path.stem), path
        elif path.parent != source:
            yield path.parent.name, path


def classes(source: Path) -> Iterator[tuple[str, Path]]:
    for path in sorted(source.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef):
                yield node.name, path


def shared(named: Iterator[tuple[str, Path]]) -> dict[str, list[str]]:
    """Names that stand at more than one place, with the places."""
    places = defaultdict[str, list[str]](list)
    for name, path in named:
        places[name].append(f"{path.parent.name}/{path.name}")
    return {name: where for name, where in places.items() if len(where) > 1}


def test_no_two_modules_or_classes_have_one_name() -> None:
    assert shared(modules(ROOT / "src/bakeoff")) == {}
    assert shared(classes(ROOT / "src/bakeoff")) == {}


def test_two_of_one_name_are_noticed(tmp_path: Path) -> None:
    for place in ("params/folds", "params/block", "folds/block", "split/folds", "folds/__init__"):
        (tmp_path / place).parent.mkdir(exist_ok=True)
        (tmp_path / f"{place}.py").write_text("class Block:\n    pass\n" * ("b" in place))
    assert shared(modules(tmp_path)) == {
        "block": ["folds/block.py", "params/block.py"],
        "folds": ["folds/__init__.py", "split/folds.py"],
    }
    assert shared(classes(tmp_path)) == {"Block": ["folds/block.py", "params/block.py"]}
