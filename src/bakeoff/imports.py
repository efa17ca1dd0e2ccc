"""Which of our own modules a stage's script uses: the import graph behind `dvc.yaml`.

Imports inside functions count as well: whatever a stage may run is a dependency of it. One package
is left out: the MLflow mirror writes no output of any stage, so a change of it reruns none.
"""

import ast
from pathlib import Path

import yaml

SOURCE = Path("src")
PACKAGE = "bakeoff"
MIRROR = "bakeoff.tracking"


def _imported_names(path: Path) -> set[str]:
    """Dotted names that a file imports, `from a import b` giving both `a` and `a.b`."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module)
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    return {
        name
        for name in names
        if name.split(".")[0] == PACKAGE and not f"{name}.".startswith(f"{MIRROR}.")
    }


def _files(name: str, root: Path) -> set[Path]:
    """Files behind a dotted name: the module, and the packages on the way to it."""
    parts = name.split(".")
    packages = {
        SOURCE.joinpath(*parts[:depth], "__init__.py") for depth in range(1, len(parts) + 1)
    }
    candidates = packages | {SOURCE.joinpath(*parts).with_suffix(".py")}
    return {path for path in candidates if (root / path).is_file()}


def used_modules(script: Path, root: Path) -> list[str]:
    """Paths of our modules that `script` uses, directly or through others, sorted.

    Args:
        script: a file relative to `root`.
        root: the repository's root.

    Returns:
        POSIX paths relative to `root`, without `script` itself.
    """
    found: set[Path] = set()
    pending = [script]
    while pending:
        for name in _imported_names(root / pending.pop()):
            new = _files(name, root) - found
            found |= new
            pending.extend(new)
    return sorted(path.as_posix() for path in found)


def _stages(dag: Path) -> dict[str, list[str]]:
    """Each stage's dependencies, as written in `dvc.yaml`."""
    stages = yaml.safe_load(dag.read_text(encoding="utf-8"))["stages"]
    return {name: stage.get("do", stage)["deps"] for name, stage in stages.items()}


def declared_modules(dag: Path) -> dict[str, list[str]]:
    """Each stage's dependencies on our modules, as written in `dvc.yaml`."""
    prefix = f"{SOURCE}/"
    return {name: [d for d in deps if d.startswith(prefix)] for name, deps in _stages(dag).items()}


def rewrite(root: Path) -> bool:
    """Rewrite the module dependencies in `dvc.yaml` from the imports; whether that changed it.

    Lines, not YAML, are edited, so that comments and order stay.
    """
    dag = root / "dvc.yaml"
    kept = [
        line
        for line in dag.read_text(encoding="utf-8").splitlines()
        if not line.strip().startswith(f"- {SOURCE}/")
    ]
    lines: list[str] = []
    for line in kept:
        lines.append(line)
        text = line.strip()
        if text.startswith("- stages/"):
            indent = line[: len(line) - len(line.lstrip())]
            used = used_modules(Path(text.removeprefix("- ")), root)
            lines.extend(f"{indent}- {module}" for module in used)
    text = "\n".join(lines) + "\n"
    changed = text != dag.read_text(encoding="utf-8")
    dag.write_text(text, encoding="utf-8")
    return changed


if __name__ == "__main__":
    rewrite(Path.cwd())
