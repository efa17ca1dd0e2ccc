"""The recipes that stand on one backbone's features, each in folds."""

from dataclasses import dataclass
from pathlib import Path

from bakeoff.folds.finished import Finished
from bakeoff.folds.forests import predict_forest
from bakeoff.folds.heads import predict_heads
from bakeoff.folds.pool import Pool
from bakeoff.folds.predictions import LearningCurve, Recipe
from bakeoff.folds.regression import predict_regression
from bakeoff.params.block import Block
from bakeoff.params.models import ForestParams, HeadParams, LogisticParams, TrainParams
from bakeoff.runtime.fingerprints import code_sha256
from bakeoff.runtime.progress import progress_bar


@dataclass(frozen=True)
class Recipes:
    """What is trained on a backbone's features in each part of the folds."""

    head: HeadParams
    train: TrainParams
    logistic: LogisticParams
    forest: ForestParams


def predict_backbone(
    pool: Pool, recipes: Recipes, *, name: str, seed: int, kept: Path
) -> tuple[dict[str, Recipe], LearningCurve]:
    """Out-of-fold predictions of every recipe, and the regression's learning curve.

    Args:
        pool: the backbone's features and their folds.
        recipes: how each is trained.
        name: of the backbone's entry.
        seed: of the first repeat.
        kept: where finished parts are kept, so that an interrupted run goes on after them and an
            edited recipe leaves the others' results alone.
    """
    everything = {"pool": pool.sha256, "seed": seed, "code": code_sha256("folds")}

    def finished(recipe: str, *blocks: Block) -> Finished:
        asked = [block.model_dump(mode="json") for block in blocks]
        return Finished(kept, f"{name}-{recipe}", everything | {"params": asked})

    of_head = finished("head", recipes.head, recipes.train)
    of_logistic = finished("logistic", recipes.logistic)
    of_forest = finished("forest", recipes.forest)
    parts = pool.repeats * pool.count
    with progress_bar(parts, f"{name} heads in folds", "folds") as bar:
        head = predict_heads(
            pool, recipes.head, recipes.train, seed=seed, finished=of_head, advance=bar.update
        )
    with progress_bar(parts, f"{name} regressions in folds", "folds") as bar:
        logistic, curve = predict_regression(
            pool, recipes.logistic, seed=seed, finished=of_logistic, advance=bar.update
        )
    with progress_bar(parts, f"{name} forests in folds", "folds") as bar:
        forest = predict_forest(
            pool, recipes.forest, seed=seed, finished=of_forest, advance=bar.update
        )
    for store in (of_head, of_logistic, of_forest):
        store.forget_others()
    return {"head": head, "logistic": logistic, "forest": forest}, curve
