"""Where each stage writes, relative to the repository's root."""

import os
from pathlib import Path

PRESETS = Path("presets")  # of KerasHub; not written by any stage
FINGERPRINTS = Path("data/fingerprint")
PARAMETERS = Path("data/params")
RAW = Path("data/raw")
INTERIM = Path("data/interim")
MANIFEST = INTERIM / "manifest.csv"
SPLITS = Path("data/splits")
FOLD_TABLE = SPLITS / "folds.csv"
LEAKING = SPLITS / "leaking.csv"  # test images that are also in training
PLAN = Path("data/augment/plan.csv")
PROCESSED = Path("data/processed")
FEATURES = Path("data/features")
EVALUATION = Path("data/evaluate")
SEARCH = Path("data/search")
FOLDS = Path("data/folds")
MODELS = Path("models")
REPORTS = Path("reports")


def repository_root() -> Path:
    """The main repository, also in a copy that `dvc exp run --temp` makes."""
    return Path(os.environ.get("DVC_ROOT", Path.cwd())).resolve()


def mlruns() -> Path:
    """The folder of the MLflow store and of the journal."""
    return repository_root() / "mlruns"
