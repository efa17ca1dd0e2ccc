"""One run for one content, also where two hosts mirror it in the same second.

The processes of one repository take turns at a lock file. Hosts that share a server have no such
file, and MLflow has no unique key for runs, so a new run first only asks for its content, in a tag
of its own. Who asks looks for others afterwards: of two that ask, the later one sees the earlier.
The content goes to a run that has it already, else to the asking run with the lowest identifier;
every other is withdrawn. No clock of any host takes part.
"""

import socket
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import psutil

from bakeoff.tracking import facts as fact
from bakeoff.tracking.reasons import own_uri
from bakeoff.tracking.store import Store, StoreUnavailableError

if TYPE_CHECKING:
    from mlflow.entities import Run

_ASKED = "bakeoff.asked"  # content hash that a run asks for; found by no other search
_ASK_SECONDS = 10.0  # for another process to claim or withdraw
_WRITE_SECONDS = 60.0  # for another host to fill its run
_ATTEMPTS = 3


def process_mark() -> str:
    """Identify this process by host, process id and start time."""
    process = psutil.Process()
    return f"{socket.gethostname()}:{process.pid}:{process.create_time():.0f}"


def is_dead(mark: str) -> bool:
    """Whether the process of `mark` ran on this host and has ended."""
    host, _, rest = mark.rpartition(":")[0].rpartition(":")
    started = mark.rpartition(":")[2]
    if host != socket.gethostname() or not rest.isdigit():
        return False
    try:
        return f"{psutil.Process(int(rest)).create_time():.0f}" != started
    except psutil.NoSuchProcess:
        return True


def find(store: Store, key: str) -> "Run | None":
    """The oldest run of the content `key` that is not deleted."""
    return next(iter(_tagged(store, fact.KEY, key)), None)


def one_run(store: Store, key: str, create: Callable[[Mapping[str, str]], "Run"]) -> "Run":
    """The run of the content `key`, which no other host is filling; the caller holds the lock.

    Args:
        store: the opened store.
        key: the content hash.
        create: makes a run with the tags that it is given.

    Raises:
        StoreUnavailableError: other processes asked for the content and never took it.
    """
    for _ in range(_ATTEMPTS):
        run = find(store, key)
        if run is not None:
            return _not_being_written(store, run)
        if store.uri == own_uri():  # the lock file is everybody's
            return create({fact.KEY: key})
        run = create({_ASKED: key, fact.PROCESS: process_mark()})
        if claim(store, str(run.info.run_id), key):
            return run
        deadline = time.monotonic() + _ASK_SECONDS
        while find(store, key) is None and time.monotonic() < deadline:
            time.sleep(0.2)
        if find(store, key) is None:  # they died while they asked
            for stale in _tagged(store, _ASKED, key):
                withdraw(store, str(stale.info.run_id))
    raise StoreUnavailableError("other processes are logging the same model")


def claim(store: Store, run_id: str, key: str) -> bool:
    """Whether the run gets the content `key`; if another one has it, `run_id` is withdrawn."""
    if store.uri != own_uri():
        store.client.set_tag(run_id, _ASKED, key)
        deadline = time.monotonic() + _ASK_SECONDS
        while others := _tagged(store, _ASKED, key, but=run_id):
            if _tagged(store, fact.KEY, key) or min(r.info.run_id for r in others) < run_id:
                break
            if time.monotonic() > deadline:  # they died while they asked
                for other in others:
                    withdraw(store, str(other.info.run_id))
            time.sleep(0.2)
        if others:
            withdraw(store, run_id)
            return False
    if _tagged(store, fact.KEY, key, but=run_id):
        withdraw(store, run_id)
        return False
    store.client.set_tag(run_id, fact.KEY, key)
    if store.uri != own_uri():
        store.client.delete_tag(run_id, _ASKED)
    return True


def withdraw(store: Store, run_id: str) -> None:
    """Delete a run; an account that may not delete marks it KILLED, for `bakeoff prune`."""
    from mlflow.exceptions import MlflowException

    try:
        store.client.delete_run(run_id)
    except MlflowException as error:
        if error.get_http_status_code() != 403:  # noqa: PLR2004
            raise
        store.client.set_terminated(run_id, "KILLED")


def _tagged(store: Store, tag: str, key: str, but: str = "") -> "list[Run]":
    """Runs with the tag, oldest first; of those that ask, only the ones still running."""
    query = f"tags.`{tag}` = '{key}'"
    query += " AND attributes.status = 'RUNNING'" if tag == _ASKED else ""
    order = ["attributes.start_time ASC"]
    found = store.client.search_runs([store.experiment_id], query, order_by=order)
    return [run for run in found if run.info.run_id != but]


def _not_being_written(store: Store, run: "Run") -> "Run":
    """The run once it is complete, or once its writer had time enough; then it is ours."""
    if store.uri == own_uri():
        return run
    deadline = time.monotonic() + _WRITE_SECONDS
    while _another_writes(run) and time.monotonic() < deadline:
        time.sleep(1)
        run = store.client.get_run(run.info.run_id)
    if fact.PROCESS in run.data.tags and run.data.tags.get(fact.COMPLETE) != "true":
        store.client.set_tag(run.info.run_id, fact.PROCESS, process_mark())
    return run


def _another_writes(run: "Run") -> bool:
    mark = run.data.tags.get(fact.PROCESS, "")
    running = run.info.status == "RUNNING" and run.data.tags.get(fact.COMPLETE) != "true"
    return running and mark not in ("", process_mark()) and not is_dead(mark)
