"""Report Ctrl-C in one line at any moment of a stage, including its imports."""

import signal
import sys
from pathlib import Path
from types import FrameType, TracebackType

_interrupts: list[int] = []


def tell_in_one_line() -> None:
    """From now on an interruption ends the process with one line, unless it is ignored."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _interrupt)
        sys.excepthook = _last_words


def stop_if_interrupted() -> None:
    """Raise an interruption that an import caught and ignored."""
    if _interrupts:
        raise KeyboardInterrupt


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
