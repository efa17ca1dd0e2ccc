"""Everything that the report shows: the evaluation, costs, and chosen images."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bakeoff.evaluate.comparison import Comparison
from bakeoff.evaluate.costs import Cost, cost_of
from bakeoff.evaluate.evaluation import Evaluation
from bakeoff.evaluate.label_errors import suspected_labels
from bakeoff.evaluate.table import comparison_table
from bakeoff.params.evidence import EvaluateParams
from bakeoff.test_side.candidates import Candidate
from bakeoff.test_side.galleries import Shown, choose_pictures
from bakeoff.test_side.probabilities import Inputs
from bakeoff.tfrecord.numpy_reading import read_pictures, read_pictures_of


@dataclass(frozen=True)
class Evidence:
    """Everything that is known about the models."""

    comparison: Comparison  # what is concluded from: the folds where there are folds, else `test`
    test: Comparison  # the exported models on the test side, whose images are shown
    evaluation: Evaluation
    costs: Mapping[str, Cost]
    table: pd.DataFrame
    shown: Shown
    pictures: Mapping[int, NDArray[np.uint8]]
    suspects: pd.DataFrame  # suspected label errors; the first are in `suspect_pictures` by id
    suspect_pictures: Mapping[str, NDArray[np.uint8]]


def gather_evidence(
    evaluation: Evaluation,
    candidates: Sequence[Candidate],
    inputs: Inputs,
    params: EvaluateParams,
    paths: Mapping[str, str],
) -> Evidence:
    """Combine the evaluation with the models' costs and the images that `params` choose.

    `paths` are those of the images in `data/interim`, by id.
    """
    comparison, test = evaluation.comparison, evaluation.test
    predictions = {c.name: test.named(c.name).predictions for c in candidates}
    shown = choose_pictures(predictions, params.gallery, params.grad_cam)
    costs = {c.name: cost_of(c, inputs.features) for c in candidates}
    suspects = suspected_labels(comparison, paths)
    return Evidence(
        comparison,
        test,
        evaluation,
        costs,
        comparison_table(comparison, test, costs, evaluation.spreads),
        shown,
        read_pictures(inputs.records, "test", shown.places()),
        suspects,
        read_pictures_of(inputs.records, suspects["image_id"].head(params.gallery).tolist()),
    )
