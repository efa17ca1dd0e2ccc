"""How a stage ends: Ctrl-C at any moment is one line, also while it still imports."""

import ast
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
STAGES = sorted((ROOT / "stages").glob("*.py"))
ENDING = "interrupted; no partial output was kept, `dvc repro` continues from here\n"
SLOW_IMPORT = "import time\nprint('importing', flush=True)\ntime.sleep(60)\n"


def started(script: Path, folder: Path, *path: str) -> subprocess.Popen[str]:
    """The script in `folder`, with further places to import from."""
    # A shell that starts the tests in the background has them ignore Ctrl-C, and this with them.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    places = os.pathsep.join([*path, str(ROOT / "src")])
    return subprocess.Popen(
        [sys.executable, str(script), "vgg16"],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": places},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def interrupted(process: subprocess.Popen[str]) -> tuple[int, str]:
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    return process.returncode, said


def test_an_import_that_is_interrupted_ends_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "keras.py").write_text(SLOW_IMPORT)  # with TensorFlow behind it, in earnest
    process = started(ROOT / "stages/train.py", tmp_path, str(tmp_path))
    assert process.stdout is not None
    assert process.stdout.readline() == "importing\n"
    assert interrupted(process) == (-signal.SIGINT, f"train: {ENDING}")


@pytest.mark.parametrize(
    "handled",
    ["pass", "raise ImportError('a bad install or environment on your machine') from None"],
)
def test_an_import_that_takes_it_for_its_own_failure(tmp_path: Path, handled: str) -> None:
    lines = [f"    {line}" for line in SLOW_IMPORT.splitlines()]
    converting = ["try:", *lines, "except BaseException:", f"    {handled}"]
    (tmp_path / "library.py").write_text("\n".join(converting) + "\n")
    script = tmp_path / "small.py"
    script.write_text(
        "from bakeoff.runtime.stage import run_stage\n"
        "import library\nrun_stage('small', lambda: None)\n"
    )
    process = started(script, tmp_path)
    assert process.stdout is not None
    assert process.stdout.readline() == "importing\n"
    assert interrupted(process) == (-signal.SIGINT, f"small: {ENDING}")


def test_the_collector_leaves_the_imports_alone(tmp_path: Path) -> None:
    script = tmp_path / "small.py"
    script.write_text(
        "from bakeoff.runtime.stage import run_stage\nimport gc\n"
        "def told(): print(gc.isenabled(), gc.get_freeze_count() > 1000)\n"
        "told()\nrun_stage('small', told)\n"
    )
    said, _ = started(script, tmp_path).communicate(timeout=60)
    assert said == "False False\nTrue True\n"


def test_an_ignored_signal_stays_ignored(tmp_path: Path) -> None:
    program = (
        "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN); import bakeoff.runtime.stage;"
        "signal.raise_signal(signal.SIGINT); print('still here')"
    )
    command = [sys.executable, "-c", program]
    assert subprocess.run(command, capture_output=True, check=True).stdout == b"still here\n"


@pytest.mark.slow
@pytest.mark.parametrize("seconds", [0.1, 0.5, 1.0, 1.5, 2.5])
def test_the_real_import_of_tensorflow_is_interrupted(tmp_path: Path, seconds: float) -> None:
    script = tmp_path / "tensors.py"
    script.write_text(
        "import bakeoff.runtime.stage, time\nprint('importing', flush=True)\n"
        "import bakeoff.runtime.tf\nbakeoff.runtime.stage.run_stage('x', lambda: time.sleep(60))\n"
    )
    process = started(script, tmp_path)
    assert process.stdout is not None
    assert process.stdout.readline() == "importing\n"
    time.sleep(seconds)
    assert interrupted(process) == (-signal.SIGINT, f"tensors: {ENDING}")


MAINS = {
    "time.sleep(60)": (-signal.SIGINT, f"small: {ENDING}"),
    "raise BakeoffError('so it is')": (1, "small: error: so it is\n"),
    "raise OSError(28, 'No space', 'x')": (1, "small: error: x: No space; nothing half-written"),
    "raise KeyError('ours')": (1, "Traceback (most recent call last)"),
}


@pytest.mark.parametrize("main", MAINS)
def test_how_a_stage_ends(tmp_path: Path, main: str) -> None:
    script = tmp_path / "small.py"
    script.write_text(
        "import time\nfrom bakeoff.runtime.stage import BakeoffError, run_stage\n"
        f"def main():\n    print('there', flush=True)\n    {main}\n"
        "run_stage('small', main)\n"
    )
    process = started(script, tmp_path)
    assert process.stdout is not None
    assert process.stdout.readline() == "there\n"
    if "sleep" in main:
        ended = interrupted(process)
    else:
        ended = (process.wait(timeout=60), process.communicate()[1])
    assert ended[0] == MAINS[main][0]
    assert ended[1].startswith(MAINS[main][1])


@pytest.mark.parametrize("path", STAGES, ids=lambda path: path.stem)
def test_every_stage_imports_that_first_and_is_named_as_its_script(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]
    first = min(imports, key=lambda node: node.lineno)
    assert ast.unparse(first) == "from bakeoff.runtime.stage import run_stage"
    (call,) = (
        n for n in ast.walk(tree) if isinstance(n, ast.Call) and ast.unparse(n.func) == "run_stage"
    )
    named = {ast.unparse(n.targets[0]): n.value for n in tree.body if isinstance(n, ast.Assign)}
    name = call.args[0]
    assert ast.literal_eval(named.get(ast.unparse(name), name)) == path.stem


def test_a_copy_of_the_repository_runs_its_own_sources(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "src", tmp_path / "src")
    for name in ("stages", "datasets"):
        shutil.copytree(ROOT / name, tmp_path / name)
    shutil.copyfile(ROOT / "params.yaml", tmp_path / "params.yaml")
    layout = tmp_path / "src/bakeoff/runtime/layout.py"
    layout.write_text(layout.read_text().replace("data/fingerprint", "data/of the copy"))
    process = started(Path("stages/fingerprint.py"), tmp_path)
    said, complaint = process.communicate(timeout=60)
    assert process.returncode == 0, complaint
    assert said.startswith("fingerprint: ")
    assert (tmp_path / "data/of the copy/train.json").is_file()


def test_the_library_leaves_python_s_ways_alone() -> None:
    sources = [p for p in (ROOT / "src").rglob("*.py") if p.name != "stage.py"]
    assert [p for p in sources if "bakeoff.runtime.stage" in p.read_text(encoding="utf-8")] == []
    program = "import sys, bakeoff, bakeoff.cli; assert sys.excepthook is sys.__excepthook__"
    subprocess.run([sys.executable, "-c", program], check=True)


def test_a_terminal_without_unicode_stops_no_stage(tmp_path: Path) -> None:
    script = tmp_path / "small.py"
    script.write_text(
        "from bakeoff.runtime.stage import BakeoffError, run_stage\nimport logging\n"
        "def main():\n    print('größe 日本')\n"
        "    logging.getLogger('bakeoff').warning('\\x1b[31mred')\n"
        "    raise BakeoffError('\\x1b[2J日本')\n"
        "run_stage('small', main)\n",
        encoding="utf-8",
    )
    latin = os.environ | {"PYTHONIOENCODING": "latin-1", "PYTHONPATH": str(ROOT / "src")}
    done = subprocess.run(
        [sys.executable, str(script)], env=latin, capture_output=True, check=False
    )
    assert done.returncode == 1
    assert done.stdout.decode("latin-1") == "größe \\u65e5\\u672c\n"
    assert done.stderr.decode("latin-1") == (
        "small: \\x1b[31mred\nsmall: error: \\x1b[2J\\u65e5\\u672c\n"
    )


def test_linear_algebra_runs_on_one_thread():
    """Also where the user's shell asks for more, and in threads of the stage's own."""
    code = (
        "import bakeoff.runtime.stage, numpy, scipy.linalg, threadpoolctl\n"
        "from concurrent.futures import ThreadPoolExecutor\n"
        "info = ThreadPoolExecutor().submit(threadpoolctl.threadpool_info).result()\n"
        "print([pool['num_threads'] for pool in info if pool['user_api'] == 'blas'])"
    )
    asked = os.environ | {"OPENBLAS_NUM_THREADS": "2"}
    run = subprocess.run(
        [sys.executable, "-c", code], env=asked, capture_output=True, text=True, check=True
    )
    threads = json.loads(run.stdout)
    assert threads  # NumPy's own, and SciPy's where it is another
    assert set(threads) == {1}
