"""One command as it is typed."""

from typer.testing import CliRunner, Result

from bakeoff.cli import app


def run(*arguments: object) -> Result:
    """The result of `bakeoff arguments`, in this process."""
    return CliRunner().invoke(app, [str(a) for a in arguments])
