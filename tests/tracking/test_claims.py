"""Hosts that share a database and no lock file: each has a folder, a client and an account."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from bakeoff.tracking import claims
from bakeoff.tracking import facts as fact
from bakeoff.tracking import model_run as mirror
from bakeoff.tracking.claims import claim, find, one_run, process_mark
from bakeoff.tracking.store import open_store

KEY = "a" * 64


@pytest.fixture
def shared(repository, tmp_path, monkeypatch):
    """A store that is not the repository's own."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/shared.db")
    return open_store("phantom")


def create(store):
    return lambda marks: store.client.create_run(store.experiment_id, tags=dict(marks))


def ids(store) -> set[str]:
    return {run.info.run_id for run in mirror.search(store, "")}


@pytest.mark.parametrize("hosts", [2, 5])
def test_of_hosts_that_ask_at_once_one_gets_the_content(shared, hosts):
    asked = {claims._ASKED: KEY}
    runs = [str(create(shared)(asked).info.run_id) for _ in range(hosts)]  # all have asked
    with ThreadPoolExecutor(hosts) as threads:
        won = list(threads.map(lambda run: claim(shared, run, KEY), runs))
    assert sum(won) == 1
    assert ids(shared) == {runs[won.index(True)]} == {min(runs)}
    assert find(shared, KEY).data.tags.keys().isdisjoint({claims._ASKED})


def test_who_looked_before_the_other_asked_keeps_the_content(shared):
    """The later one has the lower identifier, but not the content."""
    runs = sorted(str(create(shared)({}).info.run_id) for _ in range(2))
    assert claim(shared, runs[1], KEY)
    assert not claim(shared, runs[0], KEY)
    assert ids(shared) == {runs[1]}


def test_a_host_that_died_while_it_asked_blocks_nobody(shared, monkeypatch):
    monkeypatch.setattr(claims, "_ASK_SECONDS", 0.5)
    dead = [create(shared)({claims._ASKED: KEY}) for _ in range(8)]
    run = one_run(shared, KEY, create(shared))
    assert run.info.run_id not in {each.info.run_id for each in dead}
    assert ids(shared) == {run.info.run_id} == {find(shared, KEY).info.run_id}


def test_a_run_that_another_host_fills_is_waited_for_and_then_taken_over(shared, monkeypatch):
    monkeypatch.setattr(claims, "_WRITE_SECONDS", 0.5)
    run = create(shared)({fact.KEY: KEY, fact.PROCESS: "elsewhere:1:1"})
    waited: list[float] = []
    monkeypatch.setattr(claims.time, "sleep", waited.append)
    monkeypatch.setattr(claims.time, "monotonic", lambda: 0.3 * len(waited))
    assert one_run(shared, KEY, create(shared)).info.run_id == run.info.run_id
    assert len(waited) == 2
    assert find(shared, KEY).data.tags[fact.PROCESS] == process_mark()
    one_run(shared, KEY, create(shared))  # ours now, so there is nothing to wait for
    assert len(waited) == 2
