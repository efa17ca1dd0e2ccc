"""What every command does with errors and messages."""

import io
import os
import sys
import threading
import webbrowser
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperGroup

from bakeoff.runtime.errors import BakeoffError, one_line, reason_of


class Commands(TyperGroup):
    """Prints a mistake or a system error as one sentence; other errors keep their traceback."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command, and exit with status 1 after a mistake."""
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(errors="backslashreplace")  # for a terminal without Unicode
        try:
            result = super().invoke(ctx)
            _flush()
            return result
        except BakeoffError as mistake:
            sentences = mistake.sentences
        except BrokenPipeError:  # the reader, such as `head`, has seen enough
            _drop_unprinted()
            raise typer.Exit(1) from None
        except OSError as error:
            sentences = (one_line(reason_of(error)),)
            _drop_unprinted()
        for sentence in sentences:
            typer.echo(f"bakeoff: error: {sentence}", err=True)
        raise typer.Exit(1)


def _flush() -> None:
    """Print what is still held back, so that a full disk ends the command and not Python."""
    if sys.stdout is None:  # closed by who started the command
        return
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise OSError(error.errno, error.strerror, "standard output") from None


def _drop_unprinted() -> None:
    """Let Python's end find a standard output that it can flush."""
    try:
        _flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def write_out(text: str) -> None:
    """Write a text to standard output; on a terminal its control characters are escaped."""
    if sys.stdout is not None:
        shown = "\n".join(map(one_line, text.split("\n"))) if sys.stdout.isatty() else text
        sys.stdout.write(shown)


def refuse_output(output: Path | None, *, folder: bool = False) -> None:
    """Refuse, before any work, a path that no file can be written to, or no folder.

    Raises:
        BakeoffError: a folder, a device or a pipe is there, or a folder above it is a file.
    """
    if output is None:
        return
    if output.is_dir() and not folder:
        raise BakeoffError(f"{output} is a folder; give --output a file in it")
    if output.exists() and not output.is_file() and not output.is_dir():
        raise BakeoffError(f"{output} is a device or a pipe; give --output the name of a file")
    blocking = [path for path in output.parents if path.exists() and not path.is_dir()]
    if blocking:
        raise BakeoffError(
            f"{output}: {blocking[0]} is a file and holds no others; give --output a path in a "
            "folder"
        )


def show_in_browser(address: str) -> None:
    """Open an address in the browser, or in what the variable `BROWSER` names.

    Nothing waits for it: a browser in the terminal ends only when it is left.
    """
    threading.Thread(target=webbrowser.open, args=(address,)).start()


def log_to_stderr() -> None:
    """Silence libraries and send the package's own messages to stderr."""
    import logging

    logging.basicConfig(format="%(message)s", level=logging.WARNING, stream=sys.stderr)
    logging.getLogger("bakeoff").setLevel(logging.INFO)
