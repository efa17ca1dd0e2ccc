"""The command that recognises a data set: adopt."""

import os
import shutil
import subprocess
import sys
from typing import Annotated

import typer

from bakeoff.runtime.errors import BakeoffError


def adopt(
    place: Annotated[
        str, typer.Argument(help="A folder, zip, tar, table or file of arrays, or its address.")
    ],
    name: Annotated[
        str | None, typer.Option(help="Of the data set. Default: that of the place.")
    ] = None,
    reading: Annotated[
        int | None, typer.Option(min=1, help="Which reading of an ambiguous layout.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    run: Annotated[bool, typer.Option("--run", help="Then run `dvc repro`.")] = False,
) -> None:
    """Recognise how pictures are labelled, and choose them as the data set.

    Prints what was found, asks, then writes datasets/<name>.yaml and sets `dataset` in params.yaml.
    """
    from bakeoff.adopt.adopting import adoption, chosen, looked_at, write
    from bakeoff.adopt.telling import described, other_readings
    from bakeoff.adopt.thumbnails import terminal_row, write_page

    proposal = looked_at(place)
    asks = sys.stdin.isatty() and not yes
    if len(proposal.trials) > 1 and (proposal.sure or asks):
        print("\n".join(other_readings(proposal.trials)))
        if asks and reading is None and not proposal.sure:
            reading = typer.prompt("Which reading", type=int, default=1)
    trial, samples = chosen(proposal, reading)
    lines = described(trial, proposal, samples)
    print("\n".join(lines))
    if sys.stdout.isatty() and "NO_COLOR" not in os.environ:
        columns = shutil.get_terminal_size().columns
        print("\n".join(terminal_row(trial, samples, columns)))
    adopted = adoption(trial, proposal, name)
    values = ", ".join(f"{key}: {value}" for key, value in adopted.values.items())
    question = f"Write {adopted.path} and set {values} in params.yaml?"
    if not yes and not asks:
        raise BakeoffError(
            f"nothing is written, because there is no terminal to ask; add --yes: {question}"
        )
    if not yes and not typer.confirm(question, default=True):
        print("nothing is written")
        return
    write(adopted)
    print(f"wrote {adopted.path}; set {values} in params.yaml")
    print(f"pictures of each class: {write_page(adopted.name, place, lines, trial, samples)}")
    dvc = [sys.executable, "-m", "dvc", "repro"]
    if not run:
        print("next: uv run dvc repro")
    elif code := subprocess.run(dvc, check=False).returncode:  # noqa: S603
        raise typer.Exit(code)
