"""DVC's experiments in a terminal: ten columns instead of one for each parameter and score."""

from collections.abc import Iterator, Mapping
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from bakeoff.runtime.dvc import dvc_json
from bakeoff.test_side.candidates import MAJORITY

HEADERS = (
    "experiment", "created", "state", "changed", "best model", "accuracy", "minus base", "kappa",
    "macro F1", "log loss",
)  # fmt: skip
_PARAMS, _METRICS = "params.yaml", "reports/metrics.json"
_WORDS, _NUMBERS = HEADERS[:5], HEADERS[5:]
_WIDTH = 130  # columns, of a narrower terminal too


def show_experiments() -> None:
    """Print the experiments of the current commit, and what each changed and reached."""
    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False)
    for header in HEADERS:
        right = header in _NUMBERS
        table.add_column(header, justify="right" if right else "left", overflow="fold")
    for row in experiment_rows(dvc_json("exp", "show")):
        table.add_row(*row)
    console = Console(width=max(_WIDTH, Console().width))
    console.print(table)
    console.print(
        "\nScores of each row's best model. `dvc exp apply NAME` applies one to your workspace."
    )


def experiment_rows(shown: list[dict[str, Any]]) -> Iterator[tuple[str, ...]]:
    """Rows of text under `HEADERS`: the workspace, each commit, and the commit's experiments.

    `shown` is what `dvc exp show --json` prints.
    """
    commits = [entry for entry in shown if entry["rev"] != "workspace"]
    base = commits[0] if commits else {}
    for entry in shown:
        here = entry["rev"] == "workspace"
        name = "workspace" if here else entry["name"] or entry["rev"][:7]
        yield _row(entry, base if here else {}, name, "")
        for experiment in entry.get("experiments") or []:
            state = (experiment.get("executor") or {}).get("state") or "done"
            for revision in experiment["revs"] or []:
                name = revision["name"] or revision["rev"][:7]
                yield _row(revision, entry, f"  {name}", str(state).lower())


def _row(entry: dict[str, Any], base: dict[str, Any], name: str, state: str) -> tuple[str, ...]:
    data = entry.get("data")
    if not data:
        reason = (entry.get("error") or {}).get("msg", "")
        return (name, "", state or "failed", reason, *[""] * (len(HEADERS) - 4))
    best, scores = _best(data)
    changed = changes(_params(base), _params(entry)) if base else []
    _, before = _best(base.get("data") or {})
    return (
        name,
        (data.get("timestamp") or "")[:16].replace("T", " "),
        state,
        "\n".join(changed),
        best,
        _number(scores.get("accuracy")),
        _difference(scores.get("accuracy"), before.get("accuracy")),
        *(_number(scores.get(score)) for score in ("cohen_kappa", "macro_f1", "log_loss")),
    )


def _params(entry: dict[str, Any]) -> Any:
    return ((entry.get("data") or {}).get("params") or {}).get(_PARAMS, {}).get("data") or {}


def _best(data: dict[str, Any]) -> tuple[str, Mapping[str, float | None]]:
    """The most accurate model and its scores."""
    models = (data.get("metrics") or {}).get(_METRICS, {}).get("data") or {}
    trained = {n: m for n, m in models.items() if n not in ("best", MAJORITY)}
    if not trained:
        return "", {}
    name = max(trained, key=lambda n: trained[n].get("accuracy") or 0)
    return name, trained[name]


def changes(before: Any, after: Any, key: str = "") -> list[str]:
    """`key=value` of each parameter that differs; a key that is gone has no value."""
    if not isinstance(before, dict) or not isinstance(after, dict):
        return [] if before == after else [f"{key}={'' if after is None else after}"]
    found = []
    for name in dict.fromkeys([*before, *after]):
        inner = f"{key}.{name}" if key else str(name)
        found += changes(before.get(name), after.get(name), inner)
    return found


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


def _difference(here: float | None, there: float | None) -> str:
    return "" if here is None or there is None else f"{here - there:+.3f}"
