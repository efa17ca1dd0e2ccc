"""Going on as another program, with its exit status and Ctrl-C, on every system."""

import os
import signal
import subprocess
import sys
from typing import NoReturn


def become(command: list[str], *, replace: bool = os.name == "posix") -> NoReturn:
    """Run a program in the place of this process; does not return.

    Windows has no exec that keeps the exit status: there the program runs as a child, which the
    console sends Ctrl-C as well, and this process ends with its status.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    if replace:
        os.execv(command[0], command)  # noqa: S606
    # Ctrl-C while waiting could lose the status; the child gets it too, and ends by itself.
    signal.signal(signal.SIGINT, lambda *_: None)
    sys.exit(subprocess.Popen(command).wait())  # noqa: S603
