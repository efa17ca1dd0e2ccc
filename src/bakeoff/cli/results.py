"""Commands that print what the pipeline found: show, dag, experiments, verify."""

from typing import Annotated

import typer


def show(
    datasets: Annotated[
        list[str] | None, typer.Argument(help="Data sets whose last comparisons are printed.")
    ] = None,
) -> None:
    """Print the last comparison and the paths of its files.

    With names of data sets: the last comparison of each of them.
    """
    from bakeoff.report.terminal import show_comparison, show_kept

    show_kept(datasets) if datasets else show_comparison()


def dag() -> None:
    """Print the stages in their order: what each waits for, its state, its last seconds.

    `dvc dag` draws the same as a graph of some hundred columns.
    """
    from bakeoff.report.pipeline import show_pipeline

    show_pipeline()


def experiments() -> None:
    """Print DVC's experiments of this commit: what each changed, its best model and scores.

    `dvc exp show` has a column for each parameter and score; this has ten.
    """
    from bakeoff.report.experiments import show_experiments

    show_experiments()


def verify(
    revision: Annotated[
        str, typer.Argument(help="The commit with the other dvc.lock and metrics.")
    ] = "HEAD",
    tolerance: Annotated[
        float, typer.Option(min=0.0, help="Largest difference of a score that agrees.")
    ] = 0.005,
    short: Annotated[bool, typer.Option("--short", help="Print one line.")] = False,
) -> None:
    """Compare this reproduction with the committed one: outputs by hash, scores by difference.

    The exit status is 1 where a score differs by more than the tolerance.
    """
    from bakeoff.report.verification import in_full, one_line
    from bakeoff.report.verification import verify as compare

    found = compare(revision, tolerance)
    print(one_line(found) if short else "\n".join(in_full(found)))
    raise typer.Exit(1 if found.beyond else 0)
