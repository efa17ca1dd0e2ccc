"""The command that exports a model for other runtimes."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from bakeoff.cli.console import log_to_stderr, refuse_output


def export(
    model: Annotated[
        str | None,
        typer.Argument(help="A folder of models/, or any. Default: the best of the comparison."),
    ] = None,
    form: Annotated[
        Literal["onnx", "litert", "openvino", "savedmodel"],
        typer.Option("--format", "-f", help="Of the file."),
    ] = "onnx",
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="The folder. Default: exports/<model>_<format>."),
    ] = None,
    dtype: Annotated[
        Literal["float32", "float16"], typer.Option(help="Of the weights in the file.")
    ] = "float32",
    pictures: Annotated[
        Path | None,
        typer.Option(help="Pictures to compare on. Default: 32 of the data set's test side."),
    ] = None,
) -> None:
    """Export a model as one file that other runtimes run.

    The file is run in its own runtime and compared with the model; a file that does not give the
    same probabilities is removed.
    """
    log_to_stderr()
    refuse_output(output, folder=True)
    from bakeoff.export.exporting import export_model, model_folder

    folder = model_folder(model)
    done = export_model(folder, form, precision=dtype, target=output, pictures=pictures)
    proof = done.proof
    print(
        f"{done.file}: {done.runtime} gives the probabilities of {folder.name} on "
        f"{proof.pictures} pictures, to {proof.difference:.1e}; {proof.milliseconds:.1f} ms a "
        f"picture, {proof.own_milliseconds:.1f} ms by the model itself; see {done.folder}/README.md"
    )
