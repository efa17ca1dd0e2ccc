"""What every command does with errors and messages."""

import io
import os
import sys
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


def log_to_stderr() -> None:
    """Silence libraries and send the package's own messages to stderr."""
    import logging

    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    logging.basicConfig(format="%(message)s", level=logging.WARNING, stream=sys.stderr)
    logging.getLogger("bakeoff").setLevel(logging.INFO)
