"""A model as MLflow's pyfunc: picture files or arrays in, label and probabilities out."""

import base64
import io
import os
import shutil
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from mlflow.exceptions import MlflowException
from mlflow.models import ModelSignature
from mlflow.protos.databricks_pb2 import INVALID_PARAMETER_VALUE
from mlflow.types.schema import AnyType, ColSpec, DataType, Schema
from PIL import Image

import bakeoff
from bakeoff.params.hub import preset_reference
from bakeoff.pictures.picture_error import PictureError
from bakeoff.runtime.files import read_json
from bakeoff.runtime.fingerprints import TRACKING, used_modules
from bakeoff.serve.picture_inputs import RequestError, pictures_of
from bakeoff.serve.predictor import BACKBONES, Predictor, backbones_of, load_predictor

if TYPE_CHECKING:
    from fastapi import FastAPI

# Packages that a served model imports, pinned to the versions that made the model.
_ALWAYS = (
    "mlflow",
    "numpy",
    "pandas",
    "pillow",
    "scikit-image",
    "scipy",
    "psutil",
    "pydantic",
    "ruamel.yaml",
)
_NETWORK = ("tensorflow", "keras")
_PRESET = ("keras-hub",)
_CLASSICAL = ("scikit-learn", "skops", "joblib", "tqdm")


class BadRequestError(MlflowException):
    """A mistake of the caller; MLflow's server responds with status 400 and this sentence."""

    def __init__(self, sentence: str) -> None:
        """Take the sentence for the caller."""
        self._sentence = sentence
        super().__init__(sentence, error_code=INVALID_PARAMETER_VALUE)

    @property
    def message(self) -> str:
        """Only the sentence, because the server would put the whole request before it."""
        return self._sentence

    @message.setter
    def message(self, _: str) -> None:
        pass


class ServedModel:
    """The pyfunc: one picture or many, as bytes, base64 or arrays."""

    def __init__(self, predictor: Predictor) -> None:
        """Serve one loaded model."""
        self._predictor = predictor

    def predict(self, model_input: Any, params: dict[str, Any] | None = None) -> pd.DataFrame:
        """Label and calibrated probabilities, a row for each picture.

        `params` is ignored.

        Raises:
            BadRequestError: the input contains something that is not a picture.
        """
        try:
            return self._predictor.table(pictures_of(model_input))
        except RequestError as error:
            raise BadRequestError(str(error)) from None
        except PictureError as error:
            raise BadRequestError(f"{error.detail}: {error.reason}") from None


def _load_pyfunc(folder: str) -> ServedModel:
    """MLflow's entry point for loading the packaged model folder."""
    return ServedModel(load_predictor(Path(folder)))


def scoring_app(predictor: Predictor) -> "FastAPI":
    """MLflow's own scoring app for a loaded model: `/invocations`, `/ping`, `/health`, `/version`.

    Nothing is packaged, and no code of a package runs. FastAPI's pages about the routes are left
    out: they load scripts from another host.
    """
    from mlflow.models import Model
    from mlflow.pyfunc import PyFuncModel, scoring_server

    model = Model(signature=signature(predictor.classes))
    model.add_flavor("python_function", loader_module=__name__)
    app = scoring_server.init(PyFuncModel(model, ServedModel(predictor)))
    pages = {app.docs_url, app.redoc_url, app.openapi_url, app.swagger_ui_oauth2_redirect_url}
    app.router.routes[:] = [r for r in app.routes if getattr(r, "path", None) not in pages]
    return app


def package_model(folder: Path, target: Path, *, model_id: str | None = None) -> None:
    """Write the model of `folder` as an MLflow model with its code and pinned requirements."""
    from mlflow import pyfunc
    from mlflow.models import Model

    # Otherwise MLflow finds uv.lock and takes all of Bakeoff's dependencies as requirements.
    os.environ["MLFLOW_UV_AUTO_DETECT"] = "false"
    with tempfile.TemporaryDirectory() as scratch:
        code, model = Path(scratch) / "code", Path(scratch) / "model"
        _copy_code(code)
        _copy_model(folder, model)
        pyfunc.save_model(
            target,
            loader_module="bakeoff.serve.mlflow_model",
            data_path=str(model),
            code_paths=[str(code / "bakeoff")],
            signature=signature(tuple(read_json(folder / "metadata.json")["classes"])),
            input_example=example_picture(),
            pip_requirements=requirements(folder),
            mlflow_model=Model(model_id=model_id) if model_id else None,
        )


def signature(classes: tuple[str, ...]) -> ModelSignature:
    """Pictures of any form in, `label` and `p_<class>` out."""
    probabilities = [ColSpec(DataType.double, f"p_{name}") for name in classes]
    outputs = Schema([ColSpec(DataType.string, "label"), *probabilities])
    signature = ModelSignature(Schema([ColSpec(AnyType())]), outputs)
    # Without this mark MLflow turns nested lists into a table and keeps its first column, one row
    # of pixels. With it, the input reaches `ServedModel.predict` unchanged.
    signature._is_signature_from_type_hint = True
    return signature


def example_picture() -> list[str]:
    """A small grey ramp as base64 of a PNG."""
    ramp = np.linspace(0, 255, 64 * 64).astype(np.uint8).reshape(64, 64)
    stream = io.BytesIO()
    Image.fromarray(ramp).save(stream, "PNG")
    return [base64.b64encode(stream.getvalue()).decode()]


def packaged_folder(package: Path) -> Path:
    """The model folder inside a package."""
    return package / "data" / "model"


def requirements(folder: Path) -> list[str]:
    """Pinned packages that predicting with this model needs."""
    names = list(_ALWAYS)
    classical = (folder / "model.skops").is_file()
    if classical:
        names += _CLASSICAL
    if not classical or backbones_of(folder):
        names += _NETWORK
    if any(_is_preset(path) for path in (folder, *backbones_of(folder).values())):
        names += _PRESET
    return [f"{name}=={version(name)}" for name in names]


def _is_preset(folder: Path) -> bool:
    return preset_reference(read_json(folder / "metadata.json").get("backbone")) is not None


def _copy_code(target: Path) -> None:
    """Copy the package's modules that serving imports, also those that rerun no stage."""
    source = Path(bakeoff.__file__).parent
    root = source.parent.parent
    script = Path(__file__).relative_to(root)
    for name in [script.as_posix(), *used_modules(script, root, (TRACKING,))]:
        path = target / Path(name).relative_to(source.parent.relative_to(root))
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(root / name, path)


def _copy_model(folder: Path, target: Path) -> None:
    """Copy the files that prediction needs, and the networks whose features the model uses."""
    target.mkdir(parents=True)
    for name in ("metadata.json", "model.keras", "model.skops"):
        if (folder / name).is_file():
            shutil.copyfile(folder / name, target / name)
    for name, path in backbones_of(folder).items():
        _copy_model(path, target / BACKBONES / name)
