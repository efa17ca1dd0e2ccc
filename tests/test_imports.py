"""The import graph, on a tiny package and on ours."""

from pathlib import Path

import pytest

from bakeoff.imports import declared_modules, rewrite, used_modules

ROOT = Path(__file__).parent.parent


@pytest.fixture
def tiny(tmp_path):
    package = tmp_path / "src/bakeoff"
    (package / "params").mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "params/__init__.py").touch()
    (package / "params/data.py").write_text("import numpy\n")
    (package / "lazy.py").write_text("import bakeoff.leaf\n")
    (package / "leaf.py").touch()
    (package / "unused.py").touch()
    (package / "tracking.py").write_text("import bakeoff.unused\n")
    (tmp_path / "stages").mkdir()
    (tmp_path / "stages/split.py").write_text(
        "from bakeoff.params.data import X\nimport bakeoff.tracking\n"
        "def f():\n    from bakeoff import lazy\n"
    )
    (tmp_path / "dvc.yaml").write_text(
        "stages:\n  split:\n    deps:\n      - data/x  # kept\n      - stages/split.py\n"
        "      - src/bakeoff/gone.py\n    outs:\n      - data/splits\n"
    )
    return tmp_path


def test_direct_lazy_and_transitive_imports_are_found(tiny):
    assert used_modules(Path("stages/split.py"), tiny) == [
        "src/bakeoff/__init__.py",
        "src/bakeoff/lazy.py",
        "src/bakeoff/leaf.py",
        "src/bakeoff/params/__init__.py",
        "src/bakeoff/params/data.py",
    ]


def test_rewriting_mends_the_dependencies_and_keeps_the_rest(tiny):
    assert rewrite(tiny)
    assert declared_modules(tiny / "dvc.yaml") == {
        "split": used_modules(Path("stages/split.py"), tiny)
    }
    assert "      - data/x  # kept\n" in (tiny / "dvc.yaml").read_text()
    assert not rewrite(tiny)


@pytest.mark.parametrize("stage", sorted(p.stem for p in (ROOT / "stages").glob("*.py")))
def test_our_dag_declares_exactly_what_its_stages_import(stage):
    used = used_modules(Path(f"stages/{stage}.py"), ROOT)
    assert declared_modules(ROOT / "dvc.yaml")[stage] == used, "run `make dag`"
