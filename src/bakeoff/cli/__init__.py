"""The command line around the pipeline: check, verify, show, predict, export, sync and others.

A command imports what it needs when it runs, so that `bakeoff --help` starts in 0.1 s.
"""

import typer

from bakeoff.cli import (
    adoption,
    file_export,
    mlflow_store,
    prediction,
    results,
    sharing,
    workspace,
)
from bakeoff.cli.console import Commands

COMMANDS = (  # in the order of `bakeoff --help`
    results.show,
    results.dag,
    results.experiments,
    workspace.check,
    results.verify,
    adoption.adopt,
    workspace.renew,
    prediction.predict,
    prediction.evaluate,
    prediction.explain,
    prediction.serve,
    prediction.page,
    file_export.export,
    mlflow_store.ui,
    mlflow_store.sync,
    mlflow_store.prune,
    sharing.push,
    sharing.pull,
    workspace.doctor,
)
app = typer.Typer(
    cls=Commands,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    rich_markup_mode=None,  # plain help: Rich alone costs 0.2 s
    help="Which pretrained backbone, if any, beats a random forest on your pictures? "
    "`dvc repro` finds out; these commands show it and use it. Run them in the repository's root.",
)
for command in COMMANDS:
    app.command()(command)
