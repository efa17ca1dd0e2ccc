"""Which of the package's modules a stage uses, so that a changed module reruns that stage.

Imports inside functions count too. Left out are the package `tracking`, which writes no output of
any stage, and the modules that run shards on a cluster, which decide where the same bytes are
computed: their changes rerun no stage.
"""

import ast
import hashlib
import json
from functools import cache
from pathlib import Path

import bakeoff
from bakeoff.runtime.errors import BakeoffError
from bakeoff.runtime.files import sha256_of_file

SOURCE = Path("src")
PACKAGE = "bakeoff"
TRACKING = "bakeoff.tracking."
LEFT_OUT = (TRACKING, "bakeoff.runtime.cluster.", "bakeoff.runtime.cluster_connection.")


@cache
def _imported_names(path: Path, text: str, left_out: tuple[str, ...]) -> set[str]:
    """Dotted names that a file imports; `from a import b` gives both `a` and `a.b`."""
    try:
        tree = ast.parse(text)
    except SyntaxError as error:
        raise BakeoffError(f"{path}, line {error.lineno}: {error.msg}; correct it") from None
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module)
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    return {
        name
        for name in names
        if name.split(".")[0] == PACKAGE and not f"{name}.".startswith(left_out)
    }


def _files(name: str, root: Path) -> set[Path]:
    """Files of a dotted name: the module and its parent packages."""
    parts = name.split(".")
    packages = {
        SOURCE.joinpath(*parts[:depth], "__init__.py") for depth in range(1, len(parts) + 1)
    }
    candidates = packages | {SOURCE.joinpath(*parts).with_suffix(".py")}
    return {path for path in candidates if (root / path).is_file()}


def _templates(path: Path, text: str, root: Path) -> set[Path]:
    """The templates and style sheets that a module or a template names; they decide outputs, too.

    They stand in a folder `templates` of the module's package.
    """
    folder = path.parent if path.suffix != ".py" else path.parent / "templates"
    named = {p for p in folder.glob("*") if p.is_file() and f'"{p.name}"' in text}
    return {p.relative_to(root) for p in named}


def used_modules(script: Path, root: Path, left_out: tuple[str, ...] = LEFT_OUT) -> list[str]:
    """Paths of the package's modules that `script` uses, directly or indirectly, sorted.

    They are POSIX paths relative to `root`, without `script` itself, and without the modules whose
    dotted names, with a dot at the end, begin like one of `left_out`.
    """
    found: set[Path] = set()
    pending = [script]
    while pending:
        path = root / pending.pop()
        text = path.read_text(encoding="utf-8")
        names = _imported_names(path, text, left_out) if path.suffix == ".py" else set()
        used = _templates(path, text, root).union(*(_files(name, root) for name in names))
        new = used - found
        found |= new
        pending.extend(new)
    return sorted(path.as_posix() for path in found)


def fingerprint(script: Path, root: Path) -> dict[str, str]:
    """SHA-256 of `script` and of each of the package's modules that it uses, by path, sorted.

    Raises:
        BakeoffError: one of the files is not valid Python.
    """
    used = [script.as_posix(), *used_modules(script, root)]
    return {path: sha256_of_file(root / path) for path in sorted(used)}


@cache
def code_sha256(stage: str) -> str:
    """SHA-256 over the code that a stage uses, for keys of caches between its runs."""
    root = Path(bakeoff.__file__).resolve().parents[2]
    note = fingerprint(Path("stages") / f"{stage}.py", root)
    return hashlib.sha256(json.dumps(note, sort_keys=True).encode()).hexdigest()
