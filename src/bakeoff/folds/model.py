"""One entry of `models` in folds: the recipes on its frozen features, and itself."""

from dataclasses import dataclass
from typing import Literal

import pandas as pd

from bakeoff.folds.backbone_heads import predict_heads
from bakeoff.folds.finished import Finished
from bakeoff.folds.forests import predict_forest
from bakeoff.folds.out_of_fold import NETWORK, LearningCurve, Predicted, RecipePredictions
from bakeoff.folds.picture_networks import predict_network, read_record_pool
from bakeoff.folds.pool import Pool, read_feature_pool
from bakeoff.folds.regression import predict_regression
from bakeoff.params.baselines import ForestParams, LogisticParams
from bakeoff.params.block import Block
from bakeoff.runtime.fingerprints import code_sha256
from bakeoff.runtime.progress_bar import progress_bar
from bakeoff.train.job import Job, kind_of


@dataclass(frozen=True)
class FoldsJob:
    """What is trained in folds for one entry of `models`, and where its inputs are."""

    model: Job  # its seed is of the first repeat; the following ones count up
    logistic: LogisticParams
    forest: ForestParams
    networks: Literal["none", "one", "all"]  # folds of a network trained on pictures
    folds: pd.DataFrame  # `bakeoff.runtime.tables.FOLD_COLUMNS`
    balanced: bool  # `augment.balance`


def predict_in_folds(job: FoldsJob) -> Predicted | None:
    """Out-of-fold predictions of every recipe; None where the entry has none.

    A backbone with frozen features has `head`, `logistic` and `forest` on them. A fine-tuned
    network, or one from scratch, has `network` as well.
    """
    model, recipes = job.model, dict[str, RecipePredictions]()
    curve = pool = None
    if not model.params.from_scratch:
        classes = model.facts["classes"]
        pool = read_feature_pool(model.features, job.folds, classes, balanced=job.balanced)
        recipes, curve = _predict_frozen(job, pool)
    if kind_of(model.params) != "head" and job.networks != "none":
        pool = read_record_pool(model.records, job.folds, balanced=job.balanced)
        parts = pool.parts() if job.networks == "all" else pool.parts()[:1]
        recipes |= {NETWORK: predict_network(pool, model, parts)}
    if pool is None:
        return None
    return Predicted(pool.pictures(), pool.classes, recipes, curve)


def _predict_frozen(
    job: FoldsJob, pool: Pool
) -> tuple[dict[str, RecipePredictions], LearningCurve]:
    """The recipes on frozen features, each with a store and a progress bar of its own."""
    model = job.model
    everything = {"pool": pool.sha256, "seed": model.seed, "code": code_sha256("folds")}

    def finished(recipe: str, *blocks: Block) -> Finished:
        asked = [block.model_dump(mode="json") for block in blocks]
        name = f"{model.name}-{recipe}"
        return Finished(model.resume / "folds", name, everything | {"params": asked})

    head = model.params.head.for_weights(model.facts["weights"]["kind"])
    train = model.params.train
    of_head, of_logistic = finished("head", head, train), finished("logistic", job.logistic)
    of_forest, parts = finished("forest", job.forest), pool.repeats * pool.count
    with progress_bar(parts, f"{model.name} heads in folds", "folds") as bar:
        heads = predict_heads(
            pool, head, train, seed=model.seed, finished=of_head, advance=bar.update
        )
    with progress_bar(parts, f"{model.name} regressions in folds", "folds") as bar:
        logistic, curve = predict_regression(
            pool, job.logistic, seed=model.seed, finished=of_logistic, advance=bar.update
        )
    with progress_bar(parts, f"{model.name} forests in folds", "folds") as bar:
        forest = predict_forest(
            pool, job.forest, seed=model.seed, finished=of_forest, advance=bar.update
        )
    for store in (of_head, of_logistic, of_forest):
        store.forget_others()
    return {"head": heads, "logistic": logistic, "forest": forest}, curve
