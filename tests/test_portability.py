"""What Windows and macOS need: no module of one system alone, no shell in `dvc.yaml`."""

import re
import subprocess
import sys
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[1]
IMPORT_ALL = """
import importlib, pkgutil, sys
missing = ("resource", "fcntl", "pwd", "grp", "termios")
class Windows:  # these modules are not there, for our own sources
    def find_spec(self, name, path=None, target=None):
        frame = sys._getframe(1)
        while frame and "importlib" in frame.f_code.co_filename:
            frame = frame.f_back
        if name in missing and "src/bakeoff" in frame.f_code.co_filename.replace("\\\\", "/"):
            raise ImportError(f"{name} is missing on Windows")
for name in missing:
    sys.modules.pop(name, None)
sys.meta_path.insert(0, Windows())
import bakeoff
count = 0
for module in pkgutil.walk_packages(bakeoff.__path__, "bakeoff."):
    if module.name != "bakeoff.runtime.stage":  # it changes how this process ends
        importlib.import_module(module.name)
        for name in missing:
            sys.modules.pop(name, None)
        count += 1
assert count > 50, count
"""


def test_every_module_is_imported_without_the_modules_of_posix() -> None:
    subprocess.run([sys.executable, "-c", IMPORT_ALL], check=True, cwd=ROOT)


def test_commands_of_the_dag_are_a_program_and_its_arguments() -> None:
    for name, stage in yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"].items():
        command = stage.get("do", stage)["cmd"]
        assert re.fullmatch(r'python stages/\w+\.py( "\$\{(key|item)\}")?', command), name


def test_every_text_file_is_opened_with_its_encoding_stated() -> None:
    ours = [*(ROOT / "src").rglob("*.py"), *(ROOT / "stages").glob("*.py")]
    bare = re.compile(r"\.(read_text\(\)|write_text\()")
    wrong = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in ours
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if bare.search(line) and "encoding=" not in line
    ]
    assert wrong == []
