"""Networks trained on pictures, in folds: a fold is a split of its own.

Its records and features are copied into the three sides of a temporary folder, where such a network
is trained exactly as its `train` stage trains it. That takes as long as the training itself, so one
fold is the default; its frozen twin is scored on the same pictures.
"""

import shutil
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bakeoff.features.sides import Side, read_record_side
from bakeoff.features.stored_backbone import WEIGHTS_FILE
from bakeoff.folds.finished import Arrays, Finished
from bakeoff.folds.out_of_fold import NETWORK, RecipePredictions
from bakeoff.folds.pool import Part, Pool, make_pool
from bakeoff.runtime.devices import start_afresh
from bakeoff.runtime.files import writing_folder
from bakeoff.runtime.fingerprints import code_sha256
from bakeoff.runtime.tables import write_table
from bakeoff.scoring.temperature import fit_temperature, softmax
from bakeoff.tfrecord.index import read_index
from bakeoff.tfrecord.numpy_reading import record_batches
from bakeoff.tfrecord.regrouping import regroup_records
from bakeoff.train.job import Job, finish, job_key
from bakeoff.train.loop import make_predict
from bakeoff.train.model_training import train_model


def read_record_pool(records: Path, folds: pd.DataFrame, *, balanced: bool) -> Pool:
    """The pool of all records; an example's only value is the record's number.

    Numbers count through the sides in the order of the index.
    """
    index = read_index(records)
    sides = [read_record_side(records, split) for split in index.splits]
    ends = np.cumsum([len(side.labels) for side in sides])
    numbered = [
        replace(side, values=np.arange(end - len(side.labels), end, dtype=np.float64)[:, None])
        for side, end in zip(sides, ends, strict=True)
    ]
    return make_pool(numbered, folds, index.classes, balanced=balanced)


def predict_network(pool: Pool, job: Job, parts: list[Part]) -> RecipePredictions:
    """Probabilities (R, n, k) of a network trained on pictures; NaN where a part tests no picture.

    An interrupted run goes on after its last finished part, and in a part after its last epoch. The
    job's seed is of the first repeat.
    """
    inputs = {"job": job_key(job), "pool": pool.sha256, "code": code_sha256("folds")}
    finished = Finished(job.resume / "folds", f"{job.name}-{NETWORK}", inputs)
    probabilities = np.full((pool.repeats, pool.originals, len(pool.classes)), np.nan)
    temperatures = np.full((pool.repeats, pool.count), np.nan)
    for part in parts:
        piece = f"repeat_{part.repeat}_fold_{part.fold}"
        arrays = finished.made(piece, partial(_train, pool, job, part))
        temperature = float(arrays["temperature"])
        temperatures[part.repeat, part.fold] = temperature
        probabilities[part.repeat, part.test] = softmax(arrays["logits"], temperature)
    finished.forget_others()
    listed = [[None if np.isnan(t) else t for t in row] for row in temperatures.tolist()]
    return RecipePredictions(probabilities, {"temperatures": listed})


def _train(pool: Pool, job: Job, part: Part) -> Arrays:
    """Train in one part; the temperature, and the logits (m, k) of its tested pictures."""
    sides = {"train": part.fitted, "val": part.val, "test": part.test}
    place = job.resume / "folds" / f"{job.name}-split"
    with writing_folder(place / "records") as folder:
        _regroup_records(pool, job.records, sides, folder)
    if not job.params.from_scratch:
        with writing_folder(place / "features") as folder:
            _regroup_features(pool, job, sides, folder)
    features = job.features if job.params.from_scratch else place / "features"
    own = replace(job, records=place / "records", features=features, seed=job.seed + part.repeat)
    # As if the process had just begun, whatever was trained in it before.
    start_afresh(own.seed)
    trained, _, val = train_model(own)
    predict = make_predict(trained.network)
    pictures = (batch.images for batch in record_batches(place / "records", "test"))
    logits = predict(pictures)
    temperature = fit_temperature(trained.val_logits, val.originals().labels)
    finish(own)
    shutil.rmtree(place)
    return {"logits": logits, "temperature": np.array(temperature)}


def _numbers(pool: Pool, rows: NDArray[np.intp]) -> NDArray[np.intp]:
    return pool.side.values[rows, 0].astype(np.intp)


def _regroup_records(
    pool: Pool, records: Path, sides: dict[str, NDArray[np.intp]], folder: Path
) -> None:
    count = len(pool.side.labels)
    labels, originals = np.empty(count, np.int64), np.empty(count, bool)
    everything = _numbers(pool, np.arange(count))
    labels[everything] = pool.side.labels
    originals[everything] = np.arange(count) < pool.originals
    numbers = {name: _numbers(pool, rows) for name, rows in sides.items()}
    regroup_records(records, numbers, labels, originals, folder)


def _regroup_features(
    pool: Pool, job: Job, sides: dict[str, NDArray[np.intp]], folder: Path
) -> None:
    """The features of the same examples, in the same order as their records."""
    splits = list(read_index(job.records).splits)
    files = [job.features / f"{name}.npy" for name in splits]
    values = np.concatenate([np.load(file, allow_pickle=False) for file in files])
    for name, rows in sides.items():
        np.save(folder / f"{name}.npy", values[_numbers(pool, rows)])
        write_table(_listed(pool.side.take(rows)), folder / f"{name}.csv")
    for name in ("features.json", WEIGHTS_FILE):
        shutil.copyfile(job.features / name, folder / name)


def _listed(side: Side) -> pd.DataFrame:
    """The columns of a feature table."""
    return pd.DataFrame(
        {
            "image_id": side.image_ids,
            "transform": side.transforms,
            "label": side.labels,
            "group": side.groups,
        }
    )
