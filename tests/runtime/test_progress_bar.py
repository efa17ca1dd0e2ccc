import logging
import os
import pty
import subprocess
import sys
import termios

from bakeoff.runtime import progress_bar as bars
from bakeoff.runtime.progress_bar import progress_bar


def test_short_work_says_nothing_in_a_log(caplog):
    caplog.set_level(logging.INFO)
    with progress_bar(3, "work", "pictures") as bar:
        for _ in range(3):
            bar.update(1)
    assert caplog.text == ""


def test_long_work_gives_a_line_now_and_then(caplog, monkeypatch):
    caplog.set_level(logging.INFO)
    clock = iter(range(0, 1000, 6))
    monkeypatch.setattr(bars, "monotonic", lambda: float(next(clock)))
    with progress_bar(40, "train features", "pictures") as bar:
        for _ in range(8):
            bar.update(5)
    lines = [record.message for record in caplog.records]
    assert lines[0] == "train features: 20 of 40, 0.8 pictures a second, 24 s left"
    assert len(lines) == 2


def test_a_terminal_gets_a_bar():
    script = (
        "import time; from bakeoff.runtime.progress_bar import progress_bar\n"
        "with progress_bar(3, 'work', 'pictures') as bar:\n"
        "    for _ in range(3): time.sleep(0.8); bar.update(1)\n"
    )
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, 80))
    subprocess.run([sys.executable, "-c", script], stderr=theirs, check=True)
    shown = os.read(ours, 10_000).decode()
    os.close(theirs)
    os.close(ours)
    assert "work: 100%" in shown
    assert shown.count("\n") == 0  # one line that is drawn over
