"""The model folder of a registered version, loaded only if its content is unchanged."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from bakeoff.runtime.errors import BakeoffError
from bakeoff.runtime.files import sha256_of_folder
from bakeoff.tracking import facts as fact
from bakeoff.tracking import model_run as mirror
from bakeoff.tracking.reasons import reason_of
from bakeoff.tracking.store import Store

if TYPE_CHECKING:
    from mlflow.entities.model_registry import ModelVersion

PACKAGE = "bakeoff.package"  # tag: content hash of the model folder inside the package


@contextmanager
def registered_folder(store: Store, version: "ModelVersion", models: Path) -> Iterator[Path]:
    """The model folder of a registered version, with the registered content.

    A folder of `models` with the same content is used directly. Otherwise the packaged folder is
    downloaded and compared with the hash recorded at registration; the package's own code and its
    `MLmodel` file are not used.

    Raises:
        BakeoffError: the package is missing, or its content differs from the registered one.
    """
    import mlflow

    from bakeoff.serve.mlflow_model import packaged_folder

    for folder in mirror.model_folders(models):
        if sha256_of_folder(folder) == version.tags.get(fact.KEY):
            yield folder
            return
    what = f"version {version.version} of {version.name}"
    again = "`bakeoff sync --rebuild` registers the models of models/ again"
    with tempfile.TemporaryDirectory() as scratch:
        try:
            package = mlflow.artifacts.download_artifacts(
                artifact_uri=version.source, dst_path=scratch, tracking_uri=store.uri
            )
        except (mlflow.MlflowException, OSError) as error:
            raise BakeoffError(f"{what} cannot be fetched ({reason_of(error)}); {again}") from None
        folder = packaged_folder(Path(package))
        if not folder.is_dir() or sha256_of_folder(folder) != version.tags.get(PACKAGE):
            raise BakeoffError(f"{what} is not loaded: its files have changed since then; {again}")
        yield folder
