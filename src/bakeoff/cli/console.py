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
            return super().invoke(ctx)
        except BakeoffError as mistake:
            sentences = mistake.sentences
        except BrokenPipeError:  # the reader, such as `head`, has seen enough
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            raise typer.Exit(1) from None
        except OSError as error:
            sentences = (one_line(reason_of(error)),)
        for sentence in sentences:
            typer.echo(f"bakeoff: error: {sentence}", err=True)
        raise typer.Exit(1)


def refuse_output(output: Path | None, *, folder: bool = False) -> None:
    """Refuse, before any work, a path that no file can be written to, or no folder.

    Raises:
        BakeoffError: a folder is there, or a folder above it is a file.
    """
    if output is None:
        return
    if output.is_dir() and not folder:
        raise BakeoffError(f"{output} is a folder; give --output a file in it")
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
