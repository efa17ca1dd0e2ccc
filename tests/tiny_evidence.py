"""Contenders whose accuracy is known, for tests of what is made of them; and a whole evaluation."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from bakeoff.evaluate.comparison import Comparison, Contender, compare, contender
from bakeoff.evaluate.costs import record_latency
from bakeoff.evaluate.evaluation import evaluate_models
from bakeoff.evaluate.evaluation_folder import read_evaluation, write_evaluation
from bakeoff.evaluate.numbers import write_numbers
from bakeoff.evaluate.table import read_searches
from bakeoff.folds.out_of_fold import FoldPredictions
from bakeoff.params.datasets import Dataset
from bakeoff.params.evidence import EvaluateParams
from bakeoff.report.contents import gather_evidence
from bakeoff.report.page import Context
from bakeoff.report.report_folder import read_histories, write_report_files
from bakeoff.scoring.predictions import Predictions
from bakeoff.test_side.candidates import FOREST, read_candidates
from bakeoff.test_side.probabilities import Inputs
from bakeoff.tfrecord.index import read_index

CLASSES = ("amber", "blue", "coral")
COUNT = 240
LABELS = np.arange(COUNT) % 3
GROUPS = np.arange(COUNT) // 2  # two pictures each

# Of the workshop in tests/evaluate/test_evaluation.py.
SMALL = EvaluateParams(bootstrap=200, gallery=4, grad_cam=2)
NAMES = [FOREST, "tiny", "scratch", "logistic_tiny"]
TRAIN_LABELS = {"amber": 8, "blue": 8, "coral": 8}


def answering(accuracy: float, seed: int = 0) -> Predictions:
    """Predictions that are right for exactly the given share of the pictures."""
    generator = np.random.default_rng(seed)
    right = np.zeros(COUNT, bool)
    right[: round(accuracy * COUNT)] = True
    generator.shuffle(right)
    said = np.where(right, LABELS, (LABELS + generator.integers(1, 3, COUNT)) % 3)
    sure = generator.uniform(0.4, 1.0, COUNT)[:, None]
    others = (1 - sure) / 2
    probabilities = np.where(np.eye(3, dtype=bool)[said], sure, others)
    ids = np.array([f"{i:032x}" for i in range(COUNT)])
    return Predictions(CLASSES, ids, LABELS, probabilities)


def contender_of(name: str, accuracy: float, seed: int = 0, **metadata: object) -> Contender:
    """A contender of the given accuracy."""
    known = {
        "kind": "forest" if name == "random_forest" else "head",
        "n_train": 500,
        "n_val": 100,
        "train_ids_sha256": "a" * 64,
        "val_ids_sha256": "b" * 64,
        "temperature": 1.5,
        "backbone": "VGG16",
        "image_side": 224,
        "record_side": 300,
        "channels": 3,
        "fit": "stretch",
        "equalize": "none",
        "parameters": 1000,
        "weights": {"kind": "imagenet", "file": "w.h5", "origin": "Keras", "sha256": "c" * 64},
        "params": {"trees": 10, "descriptors": ["pixels"], "pixels_side": 8},
    }
    predictions = answering(accuracy, seed)
    return contender(name, known | metadata, [predictions], GROUPS, confidence=0.95)


def comparison_of(*models: Contender) -> Comparison:
    """The comparison of some contenders."""
    return compare(models, GROUPS, 0.95, resamples=1000)


def in_folds(count: int, accuracies: Mapping[tuple[str, str], float]) -> list[FoldPredictions]:
    """Predictions of `count` pictures, two a group, in 3 x 5 folds, by model and recipe.

    Every recipe is right for the given share of the pictures in each repeat.
    """
    group, labels = np.arange(count) // 2, np.arange(count) // 2 % 3
    folds = np.stack([(group + repeat * (group // 5)) % 5 for repeat in range(3)])
    found = []
    for number, ((model, recipe), accuracy) in enumerate(accuracies.items()):
        generator = np.random.default_rng(number)
        ranks = generator.random((3, count)).argsort(axis=1)
        said = np.where(ranks < accuracy * count, labels, (labels + 1) % 3)
        probabilities = np.where(np.eye(3, dtype=bool)[said], 0.8, 0.1).astype(np.float32)
        found.append(
            FoldPredictions(
                model,
                recipe,
                CLASSES,
                np.array([f"{i:032x}" for i in range(count)]),
                labels,
                np.array([f"g{g:03d}" for g in group]),
                folds,
                probabilities,
                {"temperatures": [[1.0] * 5] * 3},
            )
        )
    return found


def evaluate(workshop: Path, name: str, folds: Sequence[FoldPredictions] = ()) -> None:
    """Evaluate and report the models in `workshop`, as the stages do, into its folder `name`."""
    candidates = read_candidates(workshop / "models", NAMES)
    inputs = Inputs(workshop / "processed", workshop / "features")
    evaluation = evaluate_models(candidates, inputs, TRAIN_LABELS, SMALL, seed=5, folds=folds)
    for candidate in candidates:
        if candidate.name in evaluation.inspections:
            record_latency(candidate, evaluation.inspections[candidate.name].latency)
    folder = workshop / f"{name}_evaluation"
    folder.mkdir()
    write_evaluation(folder, evaluation)
    shown = [evaluation.test.best, evaluation.comparison.best]
    sources = {i: f"some/{i}.png" for model in shown for i in model.predictions.image_ids}
    write_numbers(workshop / name, evaluation, sources)
    read = read_evaluation(folder, candidates)
    evidence = gather_evidence(read, candidates, inputs, SMALL, {})
    context = Context(
        dataset="tiny",
        described=Dataset(description="Stripes.", licence="CC0", source="https://example.org"),
        index=read_index(workshop / "processed"),
        leakage={"groups": 0, "exact_duplicates": 0, "near_duplicates": 0},
        params=SMALL,
        params_text="dataset: tiny <b>\nmirror: https://anna:s3cret@h/w?token=t0ken\n",
        histories=read_histories(candidates),
        searches=read_searches(workshop / "search", candidates),
        paths={},
        made="2026-01-02, commit 12345678",
    )
    write_report_files(workshop / name, evidence, context)
