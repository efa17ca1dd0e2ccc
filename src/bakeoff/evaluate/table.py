"""The comparison as one table, a row per model, best first."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from bakeoff.evaluate.comparison import Comparison, Contender
from bakeoff.evaluate.costs import Cost, pareto_front
from bakeoff.evaluate.pairings import Pairing
from bakeoff.params.found import TRIALS
from bakeoff.runtime.tables import read_csv
from bakeoff.test_side.candidates import Candidate
from bakeoff.test_side.repeats import Spread

_WITH_INTERVAL = (
    "accuracy", "balanced_accuracy", "cohen_kappa", "macro_f1", "macro_auc",
    "macro_average_precision", "log_loss", "brier",
)  # fmt: skip


def comparison_table(
    comparison: Comparison,
    test: Comparison,
    costs: Mapping[str, Cost],
    spreads: Mapping[str, Spread] | None = None,
) -> pd.DataFrame:
    """Build the table; empty cells are unknown or do not apply.

    What is concluded from is `comparison`, in folds or `test` itself; `test` holds the exported
    models on the test side. A model without costs has NaN there; `spreads` are of heads that were
    trained again.
    """
    ranked = comparison.trained
    front = pareto_front(
        [c.card.overall["accuracy"] for c in ranked],
        [costs.get(c.name, Cost()).predict_ms_batch for c in ranked],
    )
    on_front = {c.name for c, first in zip(ranked, front, strict=True) if first}
    rows = [
        _row(contender, comparison, costs.get(contender.name, Cost()))
        | {"pareto": contender.name in on_front}
        | _test_cells(contender.name, test)
        | _spread_cells(contender.name, spreads or {})
        for contender in comparison.contenders
    ]
    table = pd.DataFrame(rows)
    whole = ["n_train", "n_val", "n_test", "groups_test", "image_side", "parameters"]
    table[whole] = table[whole].astype("Int64")
    return table


def _row(contender: Contender, comparison: Comparison, cost: Cost) -> dict[str, object]:
    meta, overall = contender.metadata, contender.card.overall
    row: dict[str, object] = {
        "model": contender.name,
        "kind": meta["kind"],
        "weights": weights_in_words(meta),
        "searched": trials_of(meta),
        "image_side": meta.get("image_side"),
        "n_train": meta.get("n_train"),
        "n_val": meta.get("n_val"),
        "n_test": len(contender.predictions.labels),
        "folds": comparison.folds,
        "repeats": len(contender.repeats),
        "groups_test": comparison.groups,
    }
    for name in _WITH_INTERVAL:
        interval = contender.intervals[name]
        row |= {name: overall[name], f"{name}_low": interval.low, f"{name}_high": interval.high}
    row |= {name: value for name, value in overall.items() if name not in row}
    row |= {
        "calibration_error_before": contender.uncalibrated.overall["calibration_error"],
        "log_loss_before": contender.uncalibrated.overall["log_loss"],
        "temperature": meta.get("temperature", math.nan),
    }
    row |= _pairing_cells("forest", comparison.against_forest, contender.name)
    row |= _pairing_cells("best", comparison.against_best, contender.name)
    row |= _pairing_cells("majority", comparison.against_majority, contender.name)
    return row | asdict(cost)


def _test_cells(model: str, test: Comparison) -> dict[str, object]:
    """The exported model's own test score; empty for a recipe without a model."""
    found = next((c for c in test.contenders if c.name == model), None)
    interval = found.intervals["accuracy"] if found else None
    return {
        "test_accuracy": found.card.overall["accuracy"] if found else np.nan,
        "test_accuracy_low": interval.low if interval else np.nan,
        "test_accuracy_high": interval.high if interval else np.nan,
        "test_pictures": len(test.best.predictions.labels),
        "test_groups": test.groups,
    }


def _spread_cells(model: str, spreads: Mapping[str, Spread]) -> dict[str, object]:
    """Columns that exist only if heads were retrained."""
    if not spreads:
        return {}
    spread = spreads.get(model)
    return {
        "seeds": len(spread.accuracies) if spread else 0,
        "seeds_accuracy_mean": spread.mean if spread else np.nan,
        "seeds_accuracy_deviation": spread.deviation if spread else np.nan,
    }


def _pairing_cells(rival: str, pairings: Sequence[Pairing], model: str) -> dict[str, object]:
    """The columns of one family of tests; the rival itself has none."""
    pairing = next((p for p in pairings if p.model == model), None)
    return {
        f"minus_{rival}": pairing.difference if pairing else np.nan,
        f"minus_{rival}_low": pairing.interval.low if pairing else np.nan,
        f"minus_{rival}_high": pairing.interval.high if pairing else np.nan,
        f"group_p_{rival}": pairing.group_p if pairing else np.nan,
        f"fold_p_{rival}": pairing.fold_p if pairing else np.nan,
        f"adjusted_p_{rival}": pairing.p_adjusted if pairing else np.nan,
        f"detectable_{rival}": pairing.power.least_difference if pairing else np.nan,
        f"against_{rival}": pairing.conclusion if pairing else "",
    }


def weights_in_words(metadata: Mapping[str, object]) -> str:
    """The origin of a backbone's weights: `imagenet`, `random`, `random (fallback)`, a file."""
    weights = metadata.get("weights")
    if not isinstance(weights, Mapping) or weights.get("kind") in (None, "none"):
        return ""
    return "random (fallback)" if weights.get("fallback") else str(weights["kind"])


def trials_of(metadata: Mapping[str, Any]) -> int:
    """The number of trials of a model's search; 0 without a search."""
    return int(metadata.get("params", {}).get("trials", 0))


def searched_values(metadata: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Names and values of the parameters that a search chose."""
    params = metadata.get("params", {})
    return [(path, _value(params, path)) for path in params.get("searched", ())]


def origin_in_words(metadata: Mapping[str, Any]) -> str:
    """The origin of a model's values, in one sentence."""
    values = searched_values(metadata)
    if not values:
        return "Every value was given in params.yaml."
    found = ", ".join(f"{path} {value}" for path, value in values)
    return f"Searched in {trials_of(metadata)} trials: {found}. The rest was given in params.yaml."


def _value(params: Mapping[str, Any], path: str) -> str:
    value: Any = params
    for key in path.split("."):
        value = value[key]
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def read_searches(folder: Path, candidates: Sequence[Candidate]) -> dict[str, pd.DataFrame]:
    """`trials.csv` of the models with a search."""
    searched = [c.name for c in candidates if trials_of(c.metadata)]
    return {name: read_csv(folder / name / TRIALS) for name in searched}
