"""Start-up and error reporting, shared by all stage scripts.

Every stage imports this module first. From then on Ctrl-C ends the stage with one line, also during
the slow imports, and the other imports come from the repository that the stage runs in. No module
of the library imports this one.

Imports create up to a million objects, which live as long as the process. Python's garbage
collector is off during imports and ignores these objects afterwards, which saves a fifth of the
start-up.
"""

import errno
import gc
import io
import logging
import os
import shutil
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType, TracebackType

from bakeoff.runtime.errors import BakeoffError, one_line
from bakeoff.runtime.files import replaced
from bakeoff.runtime.plan import place_in_run, record_seconds
from bakeoff.runtime.processes import become
from bakeoff.runtime.readings import changed_readings, forget_readings

# Disk errors that a person can fix; any other system error keeps its traceback.
_REFUSED = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM)
_OUTPUTS = ("data", "models", "reports")
_MOST_NAMED = 3
_interrupts: list[int] = []
_NEW_OBJECTS = 50_000  # between two collections; Python's default of 700 suits small programs


class _OneLine(logging.Formatter):
    """Names that strangers chose keep no escape codes; our own line ends stay."""

    def formatMessage(self, record: logging.LogRecord) -> str:
        return "\n".join(map(one_line, super().formatMessage(record).split("\n")))


def run_stage(name: str, main: Callable[[], None]) -> None:
    """Run a stage's `main`; a `BakeoffError` becomes one line on stderr and exit status 1.

    So does a full or read-only disk.
    """
    logging.basicConfig(format=f"{name}: %(message)s", level=logging.WARNING, stream=sys.stderr)
    for handler in logging.getLogger().handlers:
        handler.setFormatter(_OneLine(f"{name}: %(message)s"))
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # for a terminal without Unicode
    logging.getLogger("bakeoff").setLevel(logging.INFO)
    logging.getLogger("urllib3").setLevel(logging.ERROR)  # its warnings contain full addresses
    if _interrupts:  # an import caught and ignored it
        raise KeyboardInterrupt
    gc.freeze()
    gc.set_threshold(_NEW_OBJECTS)
    gc.enable()
    forget_readings()
    replaced.clear()
    started, planned = time.monotonic(), os.environ.get("DVC_STAGE", "")
    if place := planned and place_in_run(planned):
        logging.getLogger("bakeoff").info(place)
    try:
        main()
        _refuse_edited_inputs()
        if place:
            record_seconds(planned, time.monotonic() - started)
    except BakeoffError as mistake:
        sys.exit("\n".join(f"{name}: error: {sentence}" for sentence in mistake.sentences))
    except OSError as error:
        if error.errno not in _REFUSED:
            raise
        sys.exit(
            f"{name}: error: {error.filename or 'a file'}: {error.strerror}; nothing half-written "
            "was kept; make room, or make it writable, then `dvc repro` continues from here"
        )


def _refuse_edited_inputs() -> None:
    """Delete the outputs of a stage whose parameters were edited while it ran."""
    changed = changed_readings()
    if not changed:
        return
    for path in filter(_is_output, replaced):
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    raise BakeoffError(
        f"{', '.join(changed[:_MOST_NAMED])} changed while this stage ran with the old value; its "
        "outputs were deleted; run `dvc repro` again"
    )


def _is_output(path: Path) -> bool:
    parts = Path(os.path.relpath(path)).parts
    return parts[0] in _OUTPUTS and parts[:2] != ("data", "external")


def _use_own_sources() -> None:
    """In a copy of the repository (`dvc exp run --temp`), restart with the copy's `src/`.

    The environment's modules belong to the main repository and may have been edited meanwhile. Only
    stages restart; tests and notebooks keep their sources.
    """
    if Path(sys.argv[0]).parent.name != "stages":
        return
    own, loaded = Path("src").resolve(), Path(__file__).resolve().parents[2]
    path = os.environ.get("PYTHONPATH", "")
    if (own / "bakeoff").is_dir() and own != loaded and path.split(os.pathsep)[0] != str(own):
        if os.pathsep in str(own):
            sys.exit(
                f"{own}: Python finds no modules in a path with '{os.pathsep}'; move the folder"
            )
        os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(own), path]))
        become([sys.executable, *sys.orig_argv[1:]])


def _tell_in_one_line() -> None:
    """From now on an interruption ends the process with one line, unless it is ignored."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _interrupt)
        sys.excepthook = _last_words


def _interrupt(number: int, _: FrameType | None) -> None:
    """Raise `KeyboardInterrupt` and note it, because an importing library may replace it."""
    _interrupts.append(number)
    raise KeyboardInterrupt


def _last_words(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    """Print one line for Ctrl-C and end by the signal (status 130 in a shell)."""
    if not _interrupts:
        sys.__excepthook__(kind, error, trace)
        return
    name = Path(sys.argv[0]).stem
    line = f"{name}: interrupted; no partial output was kept, `dvc repro` continues from here"
    print(line, file=sys.stderr)  # noqa: T201
    sys.stdout.flush()
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.raise_signal(signal.SIGINT)


_use_own_sources()
_tell_in_one_line()
gc.disable()
