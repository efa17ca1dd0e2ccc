"""The DAG and DVC's experiments, as the terminal shows them."""

from bakeoff.report.experiments import HEADERS, changes, experiment_rows
from bakeoff.report.pipeline import direct_needs
from bakeoff.runtime.plan import read_plan
from tests.faults.laboratory import ROOT


def test_a_stage_waits_for_what_nothing_between_waits_for():
    plan = read_plan(ROOT)
    assert direct_needs("sort", plan) == ["ingest"]
    assert direct_needs("features", plan) == ["tfrecord"]
    assert direct_needs("train", plan) == ["tune"]
    assert direct_needs("report", plan) == ["evaluate"]
    assert direct_needs("ingest", plan) == []


def test_a_change_is_named_by_its_whole_key():
    before = {"seed": 1, "models": {"vgg16": {"train": {"batch": 16}}, "old": {"a": 1}}}
    after = {"seed": 1, "models": {"vgg16": {"train": {"batch": 32, "epochs": 3}}}}
    assert changes(before, after) == [
        "models.vgg16.train.batch=32",
        "models.vgg16.train.epochs=3",
        "models.old=",
    ]


def described(name: str, batch: int, vgg16: float, rev: str = "1234567890") -> dict[str, object]:
    metrics = {
        "best": {"accuracy": 0.9},
        "vgg16": {"accuracy": vgg16, "cohen_kappa": 0.5, "macro_f1": None, "log_loss": 1.0},
        "random_forest": {"accuracy": 0.7, "cohen_kappa": 0.4, "macro_f1": 0.6, "log_loss": 2.0},
        "majority_class": {"accuracy": 0.99, "cohen_kappa": 0},
    }
    data = {
        "timestamp": "2026-01-02T03:04:05",
        "params": {"params.yaml": {"data": {"batch": batch}}},
        "metrics": {"reports/metrics.json": {"data": metrics}},
    }
    return {"rev": rev, "name": name, "data": data, "experiments": None}


def test_each_experiment_is_compared_with_its_commit():
    commit = described("main", 16, 0.75)
    queued = described("", 64, 0.75, "queued-rev") | {"name": None}
    commit["experiments"] = [
        {"revs": [described("icy-bear", 32, 0.65)], "executor": None},
        {"revs": [queued], "executor": {"state": "queued"}},
    ]
    broken = {"rev": "abc", "name": "old", "data": None, "error": {"msg": "no dvc.lock"}}
    rows = list(experiment_rows([described("", 16, 0.75, "workspace"), commit, broken]))
    assert {len(row) for row in rows} == {len(HEADERS)} == {10}
    workspace, main, bear, waiting, old = rows
    assert workspace[:4] == ("workspace", "2026-01-02 03:04", "", "")
    assert main[4:] == ("vgg16", "0.750", "", "0.500", "", "1.000")
    assert bear[0] == "  icy-bear"
    assert bear[3:7] == ("batch=32", "random_forest", "0.700", "-0.050")
    assert waiting[:4] == ("  queued-", "2026-01-02 03:04", "queued", "batch=64")
    assert old[2:4] == ("failed", "no dvc.lock")
