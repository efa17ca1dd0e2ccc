"""The pages that `bakeoff ui` opens: views of an experiment that MLflow keeps in its tags."""

import base64
import json
import time
import zlib
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from bakeoff.tracking import facts as fact
from bakeoff.tracking.store import Store

if TYPE_CHECKING:
    from mlflow.entities import Experiment

LATEST, ALL = "models", "all"
_TAG = "mlflow.sharedViewState."

# The table's columns, in this order, and their widths in pixels.
_COLUMNS = {
    "metrics.`score/accuracy`": 110,
    f"tags.`{fact.INTERVAL}`": 135,
    "metrics.`score/cohen_kappa`": 140,
    "metrics.`score/macro_f1`": 115,
    "tags.`weights`": 145,
    "metrics.`cost/fit_seconds`": 135,
    "metrics.`cost/predict_ms`": 135,
}
_BAR_CHARTS = ("score/accuracy", "score/cohen_kappa", "score/macro_f1")
_CURVES = ("epoch/val_accuracy", "epoch/val_loss", "epoch/loss")
_COSTS = ("cost/predict_ms", "cost/fit_seconds", "cost/megabytes")
_SHOWN = 100  # runs in a chart


def set_views(store: Store, comparison: str | None) -> None:
    """Write the two views: the models of one comparison, and every model of the experiment.

    `comparison` None leaves the first view as it is.
    """
    models = f"tags.`{fact.ROLE}` = 'model'"
    if comparison is not None:
        member = f"{models} AND tags.`{fact.COMPARISONS}` LIKE '%{comparison}%'"
        _set(store, LATEST, "Models of the last comparison", member)
    _set(store, ALL, "All models", models, extra=("tags.`dvc_experiment`",))


def _set(store: Store, key: str, name: str, searched: str, *, extra: tuple[str, ...] = ()) -> None:
    tag, state = f"{_TAG}{key}", _encoded(_state(searched, (*_COLUMNS, *extra)))
    known = store.client.get_experiment(store.experiment_id).tags.get(tag)
    if known is not None and json.loads(known)["state"] == state:
        return
    now = int(time.time() * 1000)
    view = {"name": name, "createdAt": now, "updatedAt": now, "state": state}
    store.client.set_experiment_tag(store.experiment_id, tag, json.dumps(view))


def _encoded(state: dict[str, Any]) -> str:
    text = json.dumps(state, sort_keys=True).encode()
    return "deflate;" + base64.b64encode(zlib.compress(text, 9)).decode()


def _state(searched: str, columns: tuple[str, ...]) -> dict[str, Any]:
    """What MLflow's page of runs restores: the search, the table's columns, and the charts."""
    charts, sections = _charts()
    return {
        "searchFilter": searched,
        "orderByKey": "metrics.`score/accuracy`",
        "orderByAsc": False,
        "startTime": "ALL",
        "lifecycleFilter": "Active",
        "datasetsFilter": [],
        "modelVersionFilter": "All Runs",
        "selectedColumns": list(columns),
        "columnOrder": list(columns),
        "columnWidths": {name: _COLUMNS.get(name, 150) for name in columns},
        "runsExpanded": {},
        "runsPinned": [],
        "runsHidden": [],
        "runsVisibilityMap": {},
        "runsHiddenMode": "SHOW_ALL",
        "viewMaximized": False,
        "runListHidden": False,
        "isAccordionReordered": True,
        "useGroupedValuesInCharts": True,
        "hideEmptyCharts": True,
        "groupBy": None,
        "groupsExpanded": {},
        "autoRefreshEnabled": True,
        "globalLineChartConfig": {
            "xAxisKey": "step",
            "lineSmoothness": 0,
            "selectedXAxisMetricKey": "",
        },
        "compareRunCharts": charts,
        "compareRunSections": sections,
    }


def _charts() -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Accuracy by model, accuracy against cost, and the curves of training."""
    cards: list[tuple[str, dict[str, Any]]] = [
        ("Scores", {"type": "BAR", "metricKey": name}) for name in _BAR_CHARTS
    ]
    cards += [
        (
            "Accuracy against cost",
            {
                "type": "SCATTER",
                "xaxis": {"key": cost, "type": "METRIC"},
                "yaxis": {"key": "score/accuracy", "type": "METRIC"},
            },
        )
        for cost in _COSTS
    ]
    cards += [
        (
            "Training",
            {
                "type": "LINE",
                "metricKey": name,
                "selectedMetricKeys": [name],
                "xAxisKey": "step",
                "lineSmoothness": 0,
                "scaleType": "linear",
                "xAxisScaleType": "linear",
            },
        )
        for name in _CURVES
    ]
    names = dict.fromkeys(section for section, _ in cards)
    sections = [
        {"uuid": name, "name": name, "display": True, "isReordered": True, "deleted": False}
        for name in names
    ]
    charts = [
        card
        | {
            "uuid": f"chart-{number}",
            "metricSectionId": section,
            "runsCountToCompare": _SHOWN,
            "deleted": False,
            "isGenerated": False,
        }
        for number, (section, card) in enumerate(cards)
    ]
    return charts, sections


def pages(experiments: "list[Experiment]", address: str) -> list[tuple[str, str]]:
    """For every experiment that has models: what its pages show, and where they are."""
    found = []
    for experiment in sorted(experiments, key=lambda e: e.name):
        for key in (LATEST, ALL):
            view = experiment.tags.get(f"{_TAG}{key}")
            if view is not None:
                query = {"workflowType": "machine_learning", "viewStateShareKey": key}
                place = f"{address}/#/experiments/{experiment.experiment_id}/runs"
                title = f"{experiment.name}: {json.loads(view)['name'].lower()}"
                found.append((title, f"{place}?{urlencode(query)}"))
    return found
