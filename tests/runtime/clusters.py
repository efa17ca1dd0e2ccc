"""Several nodes on this machine, small stages, and what they write."""

import hashlib
import io
import os
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from bakeoff.features.frozen import write_features
from bakeoff.features.weights import resolve_weights
from bakeoff.params.data import RandomTransforms, SortParams, TfrecordParams
from bakeoff.params.datasets import Folders
from bakeoff.params.models import FeatureParams
from bakeoff.runtime.devices import prepare
from bakeoff.runtime.files import write_json, writing_folder
from bakeoff.sort.sorting import sort_pictures
from bakeoff.tfrecord.index import read_index
from bakeoff.tfrecord.writing import Export, write_records
from tests.tiny_raw import fill

# Before Ray is imported, which reads it once: one token for all clusters of this process.
os.environ.setdefault("RAY_AUTH_MODE", "token")
os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))

RAW, INTERIM, PROCESSED = Path("data/raw"), Path("data/interim"), Path("data/processed")
FEATURES = Path("data/features/lite")
CLASSES = ("amber", "blue")


def write_raw(pictures: int, side: int) -> None:
    """Noisy pictures of two classes, JPEG and PNG, and one file that is no picture."""
    rng = np.random.default_rng(4)
    files = {"amber/broken.png": b"no picture"}
    for number in range(pictures):
        stream = io.BytesIO()
        pixels = rng.integers(0, 256, (side, side + number % 7, 3), np.uint8)
        Image.fromarray(pixels).save(stream, "PNG" if number % 3 else "JPEG")
        files[f"{CLASSES[number % 2]}/{number}"] = stream.getvalue()
    fill(RAW, files)


def sort() -> None:
    with writing_folder(INTERIM) as interim:
        found = sort_pictures(
            RAW,
            interim,
            dataset=Folders(kind="folders", archive="x"),
            params=SortParams(),
            where=Path("datasets/mine.yaml"),
            prefix=INTERIM.as_posix(),
        )
        found.manifest.to_csv(interim / "manifest.csv", index=False)
        found.quarantine.to_csv(interim / "quarantine.csv", index=False)


def tfrecord() -> None:
    manifest = pd.read_csv(INTERIM / "manifest.csv", keep_default_na=False)
    split = [("train", "train", "val", "test")[n % 4] for n in range(len(manifest))]
    plan = manifest[["path", "label", "group", "image_id"]].assign(split=split, seed=0)
    copies = plan.assign(transform="random", seed=np.arange(len(plan)))
    plan = pd.concat([plan.assign(transform="original"), copies[copies["split"] == "train"]])
    params = TfrecordParams(image_side=64, shard_megabytes=0.2)
    with writing_folder(PROCESSED) as folder:
        index, checksums = write_records(
            plan, Export(params, RandomTransforms(), "RGB", CLASSES), folder
        )
        assert sum(len(side.shards) for side in index.splits.values()) >= 8
        write_json(folder / "checksums.json", {k: list(v) for k, v in checksums.items()})


def features() -> None:
    params = FeatureParams(backbone="EfficientNetLite0", image_side=64, weights="random")
    prepare("single", 20)
    weights = resolve_weights(params.weights, params.backbone)
    with writing_folder(FEATURES) as folder:
        write_features(folder, params, weights, PROCESSED, read_index(PROCESSED))


STAGES: dict[str, tuple[Callable[[], None], Path]] = {
    "sort": (sort, INTERIM),
    "tfrecord": (tfrecord, PROCESSED),
    "features": (features, FEATURES),
}


def digests(folder: Path) -> dict[str, str]:
    """SHA-256 of each file below a folder, by its path."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@contextmanager
def several_nodes(nodes: int, **more: Any) -> Iterator[Any]:
    """A cluster of nodes with a processor each, which `BAKEOFF_RAY_ADDRESS` names.

    `more` is given to all but the first.
    """
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, **SMALL})
    try:
        for _ in range(nodes - 1):
            cluster.add_node(num_cpus=1, **SMALL, **more)
        os.environ["BAKEOFF_RAY_ADDRESS"] = cluster.address
        yield cluster
    finally:
        os.environ.pop("BAKEOFF_RAY_ADDRESS", None)
        cluster.shutdown()


SMALL: dict[str, Any] = {"object_store_memory": 128 << 20, "include_dashboard": False}


class Killing:
    """Kill a node of a cluster once `begun` holds; `killed` says whether that happened."""

    def __init__(self, cluster: Any, begun: Callable[[], bool]) -> None:
        self._cluster, self._begun = cluster, begun
        self.killed = self._over = False
        self._thread = threading.Thread(target=self._wait)

    def __enter__(self) -> "Killing":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over = True
        self._thread.join()

    def _wait(self) -> None:
        while not self._over:
            if self._begun():
                node = sorted(self._cluster.worker_nodes, key=str)[0]
                self._cluster.remove_node(node, allow_graceful=False)
                self.killed = not self._over
                return
            time.sleep(0.02)
