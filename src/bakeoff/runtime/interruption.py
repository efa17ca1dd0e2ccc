"""Ctrl-C as one line, at any moment of a stage, also while it still imports."""

import signal
import sys
from pathlib import Path
from types import FrameType, TracebackType

_interrupts: list[int] = []


def tell_in_one_line() -> None:
    """From now on an interruption ends the process with one line; not where it is ignored."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _interrupt)
        sys.excepthook = _last_words


def stop_if_interrupted() -> None:
    """Raise the interruption that an import took for a failure of its own and passed over."""
    if _interrupts:
        raise KeyboardInterrupt


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
