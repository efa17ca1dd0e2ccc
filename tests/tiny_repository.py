"""A repository as DVC leaves it, made by hand in a temporary folder: pictures, splits, models."""

import json
import shutil
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from bakeoff.scoring.predictions import Predictions, write_predictions
from tests.tiny_metadata import tiny_metadata

ROOT = Path(__file__).parent.parent
CLASSES = ("dark", "light")
SIDE = 16
N_TEST = 24


@cache
def empty_database() -> Path:
    """An MLflow database without runs: making one takes seconds, copying it none."""
    from bakeoff.tracking.store import connect

    folder = Path(mkdtemp())
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DVC_ROOT", str(folder))
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        (folder / "mlruns").mkdir()
        connect()
    return folder / "mlruns/mlflow.db"


def forget_stores() -> None:
    """Let go of databases that MLflow holds open, as another process would find them."""
    from mlflow.store.model_registry.sqlalchemy_store import SqlAlchemyStore as Registry
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore as Runs
    from mlflow.tracking._model_registry import registry as model_registry
    from mlflow.tracking._tracking_service import registry as tracking_registry

    for store in (Registry, Runs):
        for engine in store._engine_map.values():
            engine.dispose()
        store._engine_map.clear()
    tracking_registry.TrackingStoreRegistry._get_store_with_resolved_uri.cache_clear()
    model_registry.ModelRegistryStoreRegistry._get_store_with_resolved_uri.cache_clear()


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """The working folder: params.yaml, splits, an empty MLflow store; no model yet."""
    root = tmp_path / "repo with space"
    (root / "mlruns").mkdir(parents=True)
    shutil.copyfile(empty_database(), root / "mlruns/mlflow.db")
    shutil.copyfile(ROOT / "params.yaml", root / "params.yaml")
    (root / "datasets").mkdir()
    shutil.copyfile(ROOT / "datasets/phantom.yaml", root / "datasets/phantom.yaml")
    for name in ("DVC_ROOT", "DVC_STAGE", "DVC_EXP_NAME", "MLFLOW_TRACKING_URI"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(root)
    write_pictures(root, N_TEST)
    return root


def picture(label: int, seed: int) -> np.ndarray:
    """A noisy picture, dark or light, uint8 (20, 24, 3)."""
    noise = np.random.default_rng(seed).integers(0, 60, (20, 24, 3))
    return (noise + (40, 150)[label]).astype(np.uint8)


def write_pictures(root: Path, count: int, first: int = 0) -> None:
    """Pictures of data/interim and data/splits: two of each group, classes in turn."""
    for split, offset in {"train": 1000, "val": 2000, "test": 0}.items():
        rows = []
        for i in range(first, first + count):
            label = i // 2 % 2
            path = Path("data/interim") / CLASSES[label] / f"{split}{i:03d}.png"
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(picture(label, offset + i)).save(root / path)
            rows.append((f"{offset + i:032x}", path.as_posix(), CLASSES[label], f"g{i // 2}"))
        (root / "data/splits").mkdir(parents=True, exist_ok=True)
        table = pd.DataFrame(rows, columns=["image_id", "path", "label", "group"])
        table.to_csv(root / f"data/splits/{split}.csv", index=False)


def write_model(root: Path, name: str, *, accuracy: float = 0.8, kind: str = "head") -> Path:
    """A model folder as `train` leaves it, except that `model.keras` is no model."""
    folder = root / "models" / name
    folder.mkdir(parents=True, exist_ok=True)
    params = {
        "train": {"epochs": 2, "learning_rate": 0.001},
        "head": {"hidden": [8]},
        "fine_tune": {"epochs": 0, "batch": 16},
    }
    metadata = tiny_metadata(name, kind, classes=CLASSES, side=SIDE, params=params)
    (folder / "metadata.json").write_text(json.dumps(metadata))
    (folder / "metrics.json").write_text(json.dumps({"accuracy": accuracy, "cohen_kappa": None}))
    (folder / "history.csv").write_text(
        f"epoch,loss,val_loss,val_accuracy\n1,0.7,0.8,0.5\n2,0.6,0.7,{accuracy}\n"
    )
    (folder / "model.keras").write_bytes(name.encode())
    (folder / "confusion_matrix.csv").write_text("true,dark,light\ndark,9,3\nlight,2,10\n")
    return folder


def predictions(right: int) -> Predictions:
    """Test predictions of which the first `right` are right."""
    table = pd.read_csv("data/splits/test.csv", dtype=str)
    labels = np.array([CLASSES.index(label) for label in table["label"]], np.int64)
    said = np.where(np.arange(len(labels)) < right, labels, 1 - labels)
    sure = np.where(said[:, None] == np.arange(2), 0.9, 0.1)
    return Predictions(CLASSES, table["image_id"].to_numpy(np.str_), labels, sure)


def real_predictions(root: Path, model: str) -> Predictions:
    """What the model of `models/<model>` really says of the test pictures."""
    from bakeoff.serve.predictor import load_predictor

    table = pd.read_csv(root / "data/splits/test.csv", dtype=str)
    paths = [root / path for path in table["path"]]
    said = load_predictor(root / "models" / model).probabilities(paths)
    labels = table["label"].map(CLASSES.index).to_numpy(np.int64)
    return Predictions(CLASSES, table["image_id"].to_numpy(np.str_), labels, said)


def write_reports(root: Path, right: dict[str, int | Predictions]) -> Path:
    """The reports as `evaluate` leaves them, best first.

    Of each model: what it said of the test pictures, or how many it is to have right.
    """
    reports = root / "reports"
    shutil.rmtree(reports, ignore_errors=True)
    rows = []
    for name, count in right.items():
        said = predictions(count) if isinstance(count, int) else count
        write_predictions(reports / "predictions" / f"{name}.csv", said)
        (reports / "plots" / name).mkdir(parents=True)
        (reports / "plots" / name / "roc.txt").write_text(name)
        share = float(said.right.mean())
        rows.append(
            {
                "model": name,
                "kind": "head",
                "weights": "random (fallback)",
                "image_side": SIDE,
                "n_test": len(said.labels),
                "accuracy": share,
                "accuracy_low": share - 0.1,
                "accuracy_high": share + 0.1,
                "cohen_kappa": 0.5,
                "macro_f1": float("nan"),
                "fit_seconds": 1.5,
                "predict_ms": 2.0,
            }
        )
    pd.DataFrame(rows).to_csv(reports / "comparison.csv", index=False)
    (reports / "report.html").write_text("<p>report</p>")
    return reports


def write_forest(
    root: Path, name: str = "random_forest", seed: int = 0, *, wrong: float = 0.0
) -> Path:
    """A real forest on the pixels of the training pictures, as its stage leaves it.

    With `wrong` that share of the training labels is false, which makes it a weak one.
    """
    from sklearn.ensemble import RandomForestClassifier

    from bakeoff.baselines import skops_files
    from bakeoff.baselines.descriptors import describe
    from bakeoff.params.data import TfrecordParams
    from bakeoff.pictures.decoding import decode
    from bakeoff.pictures.squares import to_record_picture

    folder = root / "models" / name
    folder.mkdir(parents=True, exist_ok=True)
    train = pd.read_csv(root / "data/splits/train.csv")
    params = TfrecordParams(image_side=SIDE)
    pixels = [to_record_picture(decode(root / path, "RGB"), params) for path in train["path"]]
    forest = RandomForestClassifier(10, random_state=seed)
    false = np.random.default_rng(seed).permutation(len(train)) < wrong * len(train)
    forest.fit(
        describe(pixels, ["pixels"], 4), train["label"].map(CLASSES.index) ^ false.astype(np.int64)
    )
    skops_files.save(forest, folder / "model.skops")
    known = {"descriptors": ["pixels"], "pixels_side": 4, "trees": 10}
    metadata = tiny_metadata(name, "forest", classes=CLASSES, side=SIDE, floor=0.05, params=known)
    (folder / "metadata.json").write_text(json.dumps(metadata))
    (folder / "metrics.json").write_text(json.dumps({"accuracy": 1.0, "cohen_kappa": 1.0}))
    (folder / "history.csv").write_text("epoch,val_loss,val_accuracy\n1,0.1,1.0\n")
    return folder
