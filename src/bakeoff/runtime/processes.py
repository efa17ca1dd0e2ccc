"""Going on as another program, with its exit status and Ctrl-C, on every system."""

import os
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
    child = subprocess.Popen(command)  # noqa: S603
    while True:
        try:
            sys.exit(child.wait())
        except KeyboardInterrupt:
            continue  # the child ends by itself, and tells
