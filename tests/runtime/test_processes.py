"""A program that takes over gives its own exit status, by exec and as a child."""

import signal
import subprocess
import sys
import time

import pytest

PROGRAM = """
import sys
from bakeoff.runtime.processes import become
print("before")
become([sys.executable, "-c", {code!r}], replace={replace})
"""


def started(code: str, replace: bool) -> subprocess.Popen[str]:
    program = PROGRAM.format(code=code, replace=replace)
    return subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


@pytest.mark.parametrize("replace", [True, False])
def test_the_exit_status_is_the_programs(replace: bool) -> None:
    process = started("print('after'); raise SystemExit(7)", replace)
    assert process.communicate(timeout=60)[0] == "before\nafter\n"
    assert process.returncode == 7


def test_ctrl_c_waits_for_the_childs_own_ending() -> None:
    code = (
        "import time\ntry:\n print('child', flush=True); time.sleep(60)\n"
        "except KeyboardInterrupt:\n raise SystemExit(9)"
    )
    process = started(code, replace=False)
    assert process.stdout is not None
    assert [process.stdout.readline() for _ in range(2)] == ["before\n", "child\n"]
    import psutil

    (child,) = psutil.Process(process.pid).children()
    process.send_signal(signal.SIGINT)  # as a console sends it to both
    time.sleep(0.2)
    child.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 9


INTERRUPTED = """
import os, signal
wait = os.waitpid
def waitpid(process, options):
    found = wait(process, options)
    if found[0]:
        os.kill(os.getpid(), signal.SIGINT)
    return found
os.waitpid = waitpid
"""


def test_ctrl_c_at_the_moment_of_the_childs_end_keeps_its_status() -> None:
    program = INTERRUPTED + PROGRAM.format(code="raise SystemExit(7)", replace=False)
    command = [sys.executable, "-c", program]
    ended = subprocess.run(command, check=False, capture_output=True, timeout=60)
    assert ended.returncode == 7, ended.stderr
