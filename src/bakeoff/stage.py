"""What every stage script shares: logging, and turning a user's mistake into one sentence.

It is the first import of each of them, so that Ctrl-C has its one line from then on, also while
the others take their seconds, and so that the others are of the repository that the stage runs in;
no module of the library imports it.
"""

import errno
import logging
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType, TracebackType

from bakeoff.errors import BakeoffError

# The disk's refusals, which a person can mend; any other error of the system keeps its traceback.
_REFUSED = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM)
_interrupts: list[int] = []


def run_stage(name: str, main: Callable[[], None]) -> None:
    """Run a stage's recipe; a `BakeoffError` becomes one line on stderr and exit status 1.

    So does a disk that is full or may not be written.
    """
    logging.basicConfig(format=f"{name}: %(message)s", level=logging.WARNING, stream=sys.stderr)
    logging.getLogger("bakeoff").setLevel(logging.INFO)
    logging.getLogger("urllib3").setLevel(logging.ERROR)  # its warnings quote whole addresses
    if _interrupts:  # an import took it for a failure of its own, and went on
        raise KeyboardInterrupt
    try:
        main()
    except BakeoffError as mistake:
        sys.exit(f"{name}: error: {mistake}")
    except OSError as error:
        if error.errno not in _REFUSED:
            raise
        sys.exit(
            f"{name}: error: {error.filename or 'a file'}: {error.strerror}; nothing half-written "
            "was kept; make room, or make it writable, then `dvc repro` goes on from here"
        )


def _interrupt(number: int, _: FrameType | None) -> None:
    """Python's own way, and remembered: a library that is being imported may make it another."""
    _interrupts.append(number)
    raise KeyboardInterrupt


def _last_words(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    """One line for Ctrl-C; the process ends by the signal, which a shell calls status 130."""
    if not _interrupts:
        sys.__excepthook__(kind, error, trace)
        return
    name = Path(sys.argv[0]).stem
    line = f"{name}: interrupted; nothing half-written was kept, `dvc repro` goes on from here"
    print(line, file=sys.stderr)  # noqa: T201
    sys.stdout.flush()
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.raise_signal(signal.SIGINT)


def _use_own_sources() -> None:
    """In a copy of the repository, as `dvc exp run --temp` makes one, start over with its `src/`.

    The environment's modules are the main repository's, and may have been edited since.
    """
    own, loaded = Path("src").resolve(), Path(__file__).resolve().parents[1]
    path = os.environ.get("PYTHONPATH", "")
    if (own / "bakeoff").is_dir() and own != loaded and path.split(os.pathsep)[0] != str(own):
        os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(own), path]))
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606


if Path(sys.argv[0]).parent.name == "stages":
    _use_own_sources()
if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # not where it is ignored
    signal.signal(signal.SIGINT, _interrupt)
    sys.excepthook = _last_words
