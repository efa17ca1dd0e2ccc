"""Commands for the models in MLflow: ui, sync, prune."""

import shutil
from typing import Annotated

import typer

from bakeoff.cli.console import log_to_stderr, show_in_browser
from bakeoff.runtime.errors import BakeoffError


def ui(
    port: Annotated[int, typer.Option(help="On 127.0.0.1.")] = 5000,
    open_browser: Annotated[
        bool, typer.Option("--open", help="Open the first page in the browser.")
    ] = False,
) -> None:
    """Show MLflow's pages with the models, best first.

    Prints their addresses once the server answers on 127.0.0.1, and runs until Ctrl-C.
    """
    log_to_stderr()
    from bakeoff.tracking.pages import showing_pages

    with showing_pages(port) as pages:
        if not pages.found:
            print(f"{pages.address}: no models yet; `bakeoff sync` shows those of models/")
        for title, page in pages.found:
            print(f"{title}\n  {page}", flush=True)
        if open_browser:
            show_in_browser(pages.found[0][1] if pages.found else pages.address)
        if pages.server is not None:
            print(
                "On a first visit close the assistant's pane and choose *Model training* at the "
                "top left; the browser keeps both. Ctrl-C ends the server.",
                flush=True,
            )
            pages.server.wait()


def sync(
    rebuild: Annotated[
        bool, typer.Option("--rebuild", help="First move the present store to mlruns/before-<n>.")
    ] = False,
) -> None:
    """Log the content of models/ and reports/ to MLflow.

    Use it in a clone after `dvc pull`, after mlruns/ was deleted, or after a run without MLflow.
    Running it twice changes nothing.
    """
    log_to_stderr()
    from bakeoff.tracking.sync import set_aside
    from bakeoff.tracking.sync import sync as mirror

    if rebuild:
        aside = set_aside()
        print(f"the old store is in {aside}" if aside else "there was no store")
    done = mirror()
    print(f"{done.models} models, {len(done.new)} new in MLflow{_listed(done.new)}")
    if done.killed:
        print(f"{done.killed} runs of dead processes marked KILLED")
    if done.registry:
        print(f"registry: {done.registry}")


def _listed(names: tuple[str, ...]) -> str:
    return f": {', '.join(names)}" if names else ""


def prune(
    keep: Annotated[
        int | None, typer.Option(min=1, help="Newest runs of each model. Default: tracking.keep.")
    ] = None,
    gone: Annotated[
        bool,
        typer.Option("--gone", help="What is left of models that params.yaml no longer has."),
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Delete superseded MLflow runs and model versions.

    It lists them and asks first. Their artifacts are deleted too. The runs of the current models/
    and of versions with an alias in the registry are kept. DVC's files are not touched.

    With --gone: the folders, features and runs of models that params.yaml no longer has.
    """
    log_to_stderr()
    from bakeoff.params.evidence import TrackingParams
    from bakeoff.runtime.plan import left_over, trained_names
    from bakeoff.tracking.sync import prunable, prune_runs, runs_of_other_models

    folders = left_over() if gone else []
    if gone:
        runs = runs_of_other_models(trained_names())
    elif number := keep or TrackingParams.read("tracking").keep:
        runs = prunable(number)
    else:
        raise BakeoffError(
            "the number of runs to keep is missing; give --keep, or tracking.keep in params.yaml"
        )
    for folder in folders:
        print(f"{folder}: no stage writes it")
    for run in runs:
        versions = ", ".join(f"version {v.version} of {v.name}" for v in run.versions)
        print(f"{run.run_id}  {run.name}: {run.why}{versions and f'; with it {versions}'}")
    if not runs and not folders:
        print("nothing is left over" if gone else "nothing is superseded")
        return
    what = f"{len(folders)} folders and {len(runs)} runs" if gone else f"{len(runs)} runs"
    if yes or typer.confirm(f"Delete these {what} with all that is theirs?"):
        for folder in folders:
            shutil.rmtree(folder)
        whole = prune_runs(runs)
        print("deleted" if whole else "deleted; run `mlflow gc` on the server for the artifacts")
