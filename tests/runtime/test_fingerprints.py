"""The import graph, on a tiny package and on ours."""

import subprocess
import sys
from pathlib import Path

import pytest

from bakeoff.runtime.errors import BakeoffError
from bakeoff.runtime.fingerprints import fingerprint, used_modules

ROOT = Path(__file__).parents[2]
SPLIT = Path("stages/split.py")
USED = [
    "src/bakeoff/__init__.py",
    "src/bakeoff/lazy.py",
    "src/bakeoff/leaf.py",
    "src/bakeoff/params/__init__.py",
    "src/bakeoff/params/data.py",
]


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
    (package / "runtime").mkdir()
    (package / "runtime/cluster.py").write_text("import bakeoff.unused\n")
    (tmp_path / "stages").mkdir()
    (tmp_path / SPLIT).write_text(
        "from bakeoff.params.data import X\nimport bakeoff.tracking, bakeoff.runtime.cluster\n"
        "def f():\n    from bakeoff import lazy\n"
    )
    return tmp_path


def test_direct_lazy_and_transitive_imports_are_found(tiny):
    assert used_modules(SPLIT, tiny) == USED


@pytest.mark.parametrize("path", [SPLIT.as_posix(), *USED])
def test_a_change_of_what_a_script_uses_changes_its_fingerprint_there(tiny, path):
    before = fingerprint(SPLIT, tiny)
    (tiny / path).write_text((tiny / path).read_text() + "# changed\n")
    after = fingerprint(SPLIT, tiny)
    assert list(before) == list(after) == sorted([SPLIT.as_posix(), *USED])
    assert {name for name in before if before[name] != after[name]} == {path}


@pytest.mark.parametrize("path", ["unused.py", "tracking.py", "runtime/cluster.py"])
def test_a_change_of_anything_else_does_not(tiny, path):
    before = fingerprint(SPLIT, tiny)
    (tiny / "src/bakeoff" / path).write_text("import bakeoff.nowhere\n")
    assert fingerprint(SPLIT, tiny) == before


def test_a_new_import_is_followed(tiny):
    (tiny / "src/bakeoff/leaf.py").write_text("from bakeoff import unused\n")
    assert "src/bakeoff/unused.py" in fingerprint(SPLIT, tiny)


def test_a_file_that_is_no_python_is_named_with_its_line(tiny):
    (tiny / "src/bakeoff/leaf.py").write_text("x = 1\ndef broken(:\n")
    with pytest.raises(BakeoffError, match=r"src/bakeoff/leaf\.py, line 2: .*; correct it"):
        fingerprint(SPLIT, tiny)


@pytest.mark.parametrize("stage", ["ingest", "sort", "split", "augment", "fingerprint"])
def test_what_python_really_imports_is_in_the_fingerprint(stage):
    program = (
        f"import runpy, sys; runpy.run_path('stages/{stage}.py'); "
        "print(*(m.__file__ for n, m in sys.modules.items() if n.split('.')[0] == 'bakeoff'))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    loaded = {Path(name).relative_to(ROOT).as_posix() for name in done.stdout.split()}
    assert "src/bakeoff/runtime/stage.py" in loaded
    left_out = {f"src/bakeoff/runtime/{name}.py" for name in ("cluster", "cluster_connection")}
    assert loaded - left_out <= set(fingerprint(Path(f"stages/{stage}.py"), ROOT))
