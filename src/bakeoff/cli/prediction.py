"""Commands that use a model on new pictures: predict, evaluate, explain, serve, page."""

import sys
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Annotated, Any

import typer

from bakeoff.cli.console import log_to_stderr, refuse_output, show_in_browser, write_out
from bakeoff.runtime.errors import BakeoffError

ModelName = Annotated[
    str | None,
    typer.Option("--model", "-m", help="A folder of models/. Default: the best of the comparison."),
]


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
    log_to_stderr()
    from bakeoff.runtime.files import writing_file

    refuse_output(output)
    from bakeoff.serve.best_model import about, chosen_model
    from bakeoff.serve.picture_files import list_pictures, predict_files
    from bakeoff.serve.predictor import load_predictor

    paths = list_pictures(pictures)
    folder = chosen_model(model)
    table = predict_files(load_predictor(folder), paths)
    form: dict[str, Any] = {"index": False, "float_format": "%.6g", "lineterminator": "\n"}
    if output is None:
        write_out(table.to_csv(**form))
    else:
        with writing_file(output) as partial:
            table.to_csv(partial, **form)
    where = f": {output}" if output else ""
    model_facts = "; ".join(about(folder).values())
    bad = int(table["error"].ne("").sum())
    good = len(table) - bad
    print(f"{good} picture{'s' * (good != 1)} predicted with {model_facts}{where}", file=sys.stderr)
    if bad:
        raise BakeoffError(
            f"{bad} of {len(table)} files are not usable pictures; correct them as the column "
            "`error` says"
        )


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
    log_to_stderr()
    from bakeoff.runtime.files import writing_file
    from bakeoff.runtime.tables import write_table

    refuse_output(output)
    from bakeoff.serve.best_model import chosen_model
    from bakeoff.serve.new_pictures import evaluate_new

    table, lines = evaluate_new(source, chosen_model(model))
    if output is not None:
        with writing_file(output) as partial:
            write_table(table, partial)
        lines += ["", f"all predictions are in {output}"]
    print("\n".join(lines))


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
    """Draw the Grad-CAM map of a network or a regression for a picture, as a PNG.

    The picture is on the left, the same picture under the map on the right.
    """
    log_to_stderr()
    refuse_output(output)
    from bakeoff.serve.best_model import chosen_model
    from bakeoff.serve.picture_files import list_pictures

    (path,) = list_pictures([picture])[:1]
    folder = chosen_model(model, with_map=True)
    from bakeoff.serve.explaining import explain as draw

    seen = draw(folder, path, label, output or Path(f"{path.stem}_explained.png"))
    print(f"{folder.name} says {seen.label} with probability {seen.probability:.3f}: {seen.path}")


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
    log_to_stderr()
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


def page(
    model: Annotated[
        str | None, typer.Argument(help="A folder of models/. Default: the best of the comparison.")
    ] = None,
    port: Annotated[int, typer.Option(help="On 127.0.0.1.")] = 5002,
    alias: Annotated[
        str | None,
        typer.Option(help="champion or challenger: the registered model with this alias instead."),
    ] = None,
    open_browser: Annotated[
        bool, typer.Option("--open", help="Open the page in the browser.")
    ] = False,
) -> None:
    """Show a page in the browser that classifies dropped pictures.

    Shows probabilities, where the network looked, similar training pictures, and whether a picture
    is unlike those. Listens on 127.0.0.1; nothing leaves this machine.
    """
    log_to_stderr()
    if model and alias:
        raise BakeoffError("MODEL and --alias both name the model; give one of them")
    from bakeoff.serve.best_model import chosen_model
    from bakeoff.serve.http import free_socket, run
    from bakeoff.serve.inspecting import load_inspector
    from bakeoff.serve.model_facts import model_facts
    from bakeoff.serve.page_app import page_app

    with _registered(alias) if alias else nullcontext(("", chosen_model(model))) as (name, folder):
        bound = free_socket(port)
        address = f"http://127.0.0.1:{bound.getsockname()[1]}"
        print(f"loading {name or folder.name}", file=sys.stderr, flush=True)
        facts = model_facts(folder, name)
        facts["warnings"] += [] if alias else _standing(folder)
        app = page_app(load_inspector(folder), facts)

        def ready() -> None:
            print(f"{facts['model']}: {address}; Ctrl-C ends it", flush=True)
            if open_browser:
                show_in_browser(address)

        run(app, bound, ready)


def _standing(folder: Path) -> list[str]:
    from bakeoff.tracking.sync import standing

    return list(filter(None, [standing(folder)]))


def _registered(alias: str) -> AbstractContextManager[tuple[str, Path]]:
    from bakeoff.tracking.sync import registered_model

    return registered_model(alias)
