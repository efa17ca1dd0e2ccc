"""The command line around the pipeline: check, verify, show, predict, serve, sync and others."""

import io
import os
import shutil
import subprocess
import sys
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from bakeoff.runtime.errors import BakeoffError, one_line, reason_of


class _Group(TyperGroup):
    """Prints a mistake or a system error as one sentence; other errors keep their traceback."""

    def invoke(self, ctx: Any) -> Any:
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


app = typer.Typer(
    cls=_Group,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    rich_markup_mode=None,  # plain help: Rich alone costs 0.2 s
    help="Which pretrained backbone, if any, beats a random forest on your pictures? "
    "`dvc repro` finds out; these commands show it and use it. Run them in the repository's root.",
)

ModelName = Annotated[
    str | None,
    typer.Option("--model", "-m", help="A folder of models/. Default: the best of the comparison."),
]


def _prepare() -> None:
    """Silence libraries and send the package's own messages to stderr."""
    import logging

    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    logging.basicConfig(format="%(message)s", level=logging.WARNING, stream=sys.stderr)
    logging.getLogger("bakeoff").setLevel(logging.INFO)


@app.command()
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


@app.command()
def dag() -> None:
    """Print the stages in their order: what each waits for, its state, its last seconds.

    `dvc dag` draws the same as a graph of some hundred columns.
    """
    from bakeoff.report.pipeline import show_pipeline

    show_pipeline()


@app.command()
def experiments() -> None:
    """Print DVC's experiments of this commit: what each changed, its best model and scores.

    `dvc exp show` has a column for each parameter and score; this has ten.
    """
    from bakeoff.report.experiments import show_experiments

    show_experiments()


@app.command()
def check() -> None:
    """Check params.yaml and its data set; run nothing."""
    from bakeoff.doctor import missing_repository
    from bakeoff.features.renewal import stale_sentence
    from bakeoff.ingest.source_change import source_sentence
    from bakeoff.params.check import check_all, check_tracking_address
    from bakeoff.params.dataset_files import read_chosen_dataset
    from bakeoff.runtime.layout import FEATURES

    check_all()
    check_tracking_address()
    for finding in missing_repository():
        raise BakeoffError(f"{finding.what}; {finding.remedy}")
    print("params.yaml and its data set are valid")
    for sentence in (source_sentence(*read_chosen_dataset()), stale_sentence(FEATURES)):
        if sentence:
            print(sentence)


@app.command()
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


@app.command()
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


@app.command()
def renew(
    targets: Annotated[
        list[str] | None, typer.Argument(help="Stages to reproduce then. Default: all.")
    ] = None,
) -> None:
    """Look again outside the repository, and reproduce what changed.

    A data set's source that has changed is ingested again. ImageNet weights are looked for again
    where random ones stand in for them.
    """
    from bakeoff.features.renewal import fallbacks
    from bakeoff.ingest.source_change import source_sentence
    from bakeoff.params.dataset_files import read_chosen_dataset
    from bakeoff.runtime.layout import FEATURES

    changed = source_sentence(*read_chosen_dataset())
    names = fallbacks(FEATURES)
    if not changed and not names:
        print("no source has changed, and no model has random weights in the place of ImageNet's")
        return
    if changed:
        print(changed.rpartition("; ")[0])
    if names:
        print(f"looking for the ImageNet weights of {', '.join(names)}")
    runs = [[*(["--force"] if names else []), "--single-item", "fingerprint"]]
    runs += [["--force", "--single-item", "ingest"]] if changed else []
    again = os.environ | {"BAKEOFF_LOOK_AGAIN": "1"}
    for arguments in (*runs, targets or []):
        dvc = [sys.executable, "-m", "dvc", "repro", *arguments]
        done = subprocess.run(dvc, env=again, check=False)  # noqa: S603
        if done.returncode:
            raise typer.Exit(done.returncode)


@app.command()
def predict(
    pictures: Annotated[list[Path], typer.Argument(help="Picture files, or folders of them.")],
    model: ModelName = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write a CSV here instead of printing it.")
    ] = None,
) -> None:
    """Classify pictures and print calibrated probabilities as CSV.

    A file that is not a picture gets a row with its error; the exit status is then 1.
    """
    _prepare()
    from bakeoff.runtime.files import writing_file

    if output is not None and output.is_dir():
        raise BakeoffError(f"{output} is a folder; give --output a file in it")
    from bakeoff.serve.best_model import about, chosen_model
    from bakeoff.serve.picture_files import list_pictures, predict_files
    from bakeoff.serve.predictor import load_predictor

    paths = list_pictures(pictures)
    folder = chosen_model(model)
    table = predict_files(load_predictor(folder), paths)
    form: dict[str, Any] = {"index": False, "float_format": "%.6g", "lineterminator": "\n"}
    if output is None:
        table.to_csv(sys.stdout, **form)
    else:
        with writing_file(output) as partial:
            table.to_csv(partial, **form)
    where = f": {output}" if output else ""
    model_facts = "; ".join(about(folder).values())
    print(f"{len(table)} pictures predicted with {model_facts}{where}", file=sys.stderr)
    bad = table["error"].ne("").sum()
    if bad:
        raise BakeoffError(
            f"{bad} of {len(table)} files are not usable pictures; correct them as the column "
            "`error` says"
        )


@app.command()
def evaluate(
    source: Annotated[
        Path,
        typer.Argument(help="A folder with a folder for each class, or a CSV with path and label."),
    ],
    model: ModelName = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Also write all predictions to this CSV.")
    ] = None,
) -> None:
    """Score a model on new labelled pictures, and compare with its score on the test side.

    Pictures of the data set are left out. A column `group` of the CSV joins the pictures of one
    patient or object.
    """
    _prepare()
    from bakeoff.runtime.files import writing_file
    from bakeoff.runtime.tables import write_table
    from bakeoff.serve.best_model import chosen_model
    from bakeoff.serve.new_pictures import evaluate_new

    table, lines = evaluate_new(source, chosen_model(model))
    if output is not None:
        with writing_file(output) as partial:
            write_table(table, partial)
        lines += ["", f"all predictions are in {output}"]
    print("\n".join(lines))


@app.command()
def explain(
    picture: Annotated[Path, typer.Argument(help="A picture file.")],
    model: ModelName = None,
    label: Annotated[
        str | None, typer.Option(help="The class to explain. Default: the predicted one.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Default: <picture>_explained.png here.")
    ] = None,
) -> None:
    """Draw a network's Grad-CAM map of a picture, as a PNG.

    The picture is on the left, the same picture under the map on the right.
    """
    _prepare()
    from bakeoff.serve.best_model import chosen_model
    from bakeoff.serve.picture_files import list_pictures

    (path,) = list_pictures([picture])[:1]
    folder = chosen_model(model, network=True)
    from bakeoff.serve.explaining import explain as draw

    seen = draw(folder, path, label, output or Path(f"{path.stem}_explained.png"))
    print(f"{folder.name} says {seen.label} with probability {seen.probability:.3f}: {seen.path}")


@app.command()
def serve(
    port: Annotated[int, typer.Option(help="On 127.0.0.1.")] = 5001,
    model: ModelName = None,
    alias: Annotated[
        str | None,
        typer.Option(help="champion or challenger: the registered model with this alias instead."),
    ] = None,
) -> None:
    """Serve a model's predictions over HTTP, by default those of `bakeoff predict`.

    Listens on 127.0.0.1 and speaks MLflow's protocol. Each answer names the model.

    Try: curl --data-binary @picture.jpeg -H 'Content-Type: image/jpeg'
    127.0.0.1:5001/invocations
    """
    _prepare()
    if model and alias:
        raise BakeoffError("--model and --alias both name the model; give one of them")
    from bakeoff.serve.best_model import about, chosen_model
    from bakeoff.serve.http import application, free_socket, run
    from bakeoff.serve.predictor import load_predictor

    with _registered(alias) if alias else nullcontext(("", chosen_model(model))) as (name, folder):
        facts = about(folder) | ({"model": name} if name else {})
        predictor = load_predictor(folder)
        bound = free_socket(port)
        place = f"http://127.0.0.1:{port}/invocations"
        line = f"{'; '.join(facts.values())}: answers at {place}; Ctrl-C ends it"
        run(application(predictor, facts), bound, lambda: print(line, flush=True))


def _registered(alias: str) -> AbstractContextManager[tuple[str, Path]]:
    from bakeoff.tracking.sync import registered_model

    return registered_model(alias)


@app.command()
def ui(
    port: Annotated[int, typer.Option(help="On 127.0.0.1.")] = 5000,
    open_browser: Annotated[
        bool, typer.Option("--open", help="Open the first page in the browser.")
    ] = False,
) -> None:
    """Show MLflow's pages with the models, best first.

    Prints their addresses once the server answers on 127.0.0.1, and runs until Ctrl-C.
    """
    _prepare()
    from bakeoff.tracking.pages import showing_pages

    with showing_pages(port) as pages:
        if not pages.found:
            print(f"{pages.address}: no models yet; `bakeoff sync` shows those of models/")
        for title, page in pages.found:
            print(f"{title}\n  {page}", flush=True)
        if open_browser:
            typer.launch(pages.found[0][1] if pages.found else pages.address)
        if pages.server is not None:
            print(
                "On a first visit close the assistant's pane and choose *Model training* at the "
                "top left; the browser keeps both. Ctrl-C ends the server.",
                flush=True,
            )
            pages.server.wait()


@app.command()
def sync(
    rebuild: Annotated[
        bool, typer.Option("--rebuild", help="First move the present store to mlruns/before-<n>.")
    ] = False,
) -> None:
    """Log the content of models/ and reports/ to MLflow.

    Use it in a clone after `dvc pull`, after mlruns/ was deleted, or after a run without MLflow.
    Running it twice changes nothing.
    """
    _prepare()
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


@app.command()
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
    _prepare()
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


@app.command()
def doctor(
    deep: Annotated[
        bool, typer.Option("--deep", help="Hash every output and DVC's cache, too.")
    ] = False,
) -> None:
    """Report problems of this installation and how to fix them.

    Checks environment, programs, disk, parameters, weights, MLflow's store and outdated stages.
    """
    from bakeoff.doctor import examine

    worst = False
    for finding in examine(deep=deep):
        worst = worst or not finding.fine
        mark = "ok  " if finding.fine else "LOOK"
        remedy = f"\n      -> {finding.remedy}" if finding.remedy else ""
        print(f"{mark}  {finding.topic}: {finding.what}{remedy}", flush=True)
    raise typer.Exit(1 if worst else 0)
