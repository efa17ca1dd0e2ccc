"""A run's data sets as MLflow's data set inputs."""

import json
from typing import TYPE_CHECKING

from bakeoff.runtime import layout
from bakeoff.runtime.files import sha256_of_file
from bakeoff.runtime.tables import read_csv

if TYPE_CHECKING:
    from mlflow.entities import DatasetInput

_DIGEST_LENGTH = 32  # MLflow allows 36
_CONTEXTS = {"train": "training", "val": "validation", "test": "testing"}


def split_inputs(dataset: str) -> "list[DatasetInput]":
    """One input for each existing side of the split, with its fingerprint and counts."""
    from mlflow.entities import Dataset, DatasetInput, InputTag

    inputs = []
    for side, context in _CONTEXTS.items():
        path = layout.SPLITS / f"{side}.csv"
        if not path.is_file():
            continue
        labels = read_csv(path, all_text=True, usecols=["label"])["label"]
        counts = {str(name): int(n) for name, n in labels.value_counts().sort_index().items()}
        described = Dataset(
            name=f"{dataset}_{side}",
            digest=sha256_of_file(path)[:_DIGEST_LENGTH],
            source_type="local",
            source=json.dumps({"uri": path.as_posix()}),
            profile=json.dumps({"pictures": len(labels), "classes": counts}),
        )
        inputs.append(DatasetInput(described, [InputTag("mlflow.data.context", context)]))
    return inputs
