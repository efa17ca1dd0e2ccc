"""The order of the stages, against DVC itself, and the time that is left."""

import pytest
import yaml
from dvc.repo import Repo
from dvc.repo.reproduce import plan_repro

from bakeoff.runtime import plan as planning
from bakeoff.runtime.plan import Planned, place_in_run, read_plan, record_seconds, seconds_left
from tests.faults.laboratory import ROOT


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DVC_ROOT", raising=False)
    return tmp_path


def test_the_plan_is_dvcs_own():
    with Repo(str(ROOT)) as repo:
        graph = repo.index.graph
        order = [stage.addressing for stage in plan_repro(graph)]
        edges = {s.addressing: {d.addressing for d in graph.successors(s)} for s in graph}
    plan = read_plan(ROOT)
    assert [planned.name for planned in plan] == order
    assert {planned.name: set(planned.after) for planned in plan} == edges
    assert {planned.kind for planned in plan} - planning._USUAL.keys() == {planning._UNUSUAL}


def stage(name: str, *after: str) -> Planned:
    return Planned(name, "", (f"data/{name}",), after)


PLAN = [
    stage("fingerprint"),
    stage("features@a"),
    stage("features@b"),
    stage("train@a", "features@a"),
    stage("train@b", "features@b"),
    stage("evaluate", "train@a", "train@b"),
]


@pytest.mark.parametrize(
    ("name", "known", "present", "expected"),
    [
        ("features@a", {}, (), None),
        # As long as its kind took; evaluate and train at twice the usual seconds.
        ("features@b", {"features@a": 50}, ("train@a",), 50 + 2 * (10 + 40)),
        ("features@b", {"features@a": 50}, (), 50 + 2 * (10 + 10 + 40)),
        # With all outputs there, only what waits for train@b.
        ("train@b", {"train@b": 4, "evaluate": 3}, ("features@b", "evaluate"), 7),
        ("train@a", {"train@a": 4, "evaluate": 3}, ("train@b", "evaluate"), 7),
    ],
)
def test_the_time_left_is_that_of_the_stages_that_wait(place, name, known, present, expected):
    for path in present:
        (place / "data" / path).mkdir(parents=True)
    assert seconds_left(PLAN, name, known) == (expected and pytest.approx(expected))


def test_a_stage_knows_its_number_and_uses_measured_seconds(place):
    stages = {"sort": {"outs": ["data/a"]}, "train": {"foreach": "${models}", "do": {}}}
    stages["train"]["do"] = {"deps": ["data/a"], "outs": ["models/${key}"]}
    (place / "dvc.yaml").write_text(yaml.safe_dump({"stages": stages}))
    (place / "params.yaml").write_text("models: {one: 1, two: 2}")
    assert place_in_run("train@one") == "stage 2 of 3"
    record_seconds("sort", 6.04)
    assert place_in_run("train@one") == "stage 2 of 3, about 40 s left"
    record_seconds("train@one", 200)
    assert place_in_run("train@two") == "stage 3 of 3, about 3 min left"
    assert place_in_run("other") == ""
    (place / "params.yaml").unlink()
    assert place_in_run("sort") == ""
