"""Mapping a pure function over shards on a Ray cluster; `parallel` chooses between it and threads.

The cluster is the one that `BAKEOFF_RAY_ADDRESS` names, or else is started for the mapping and
ended after it. The bytes that a stage writes do not depend on any of this, so no stage is rerun
for a change in this module (see `fingerprints`).

Every process on a node first compares itself with this one: it must see the same folder, have the
same versions of the libraries that compute, and give the same digest for a canary batch.
"""

import importlib.metadata
import itertools
import logging
import os
import platform
import secrets
import traceback
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from bakeoff.runtime.cluster_connection import LOCAL, connected
from bakeoff.runtime.errors import BakeoffError, quoted

T = TypeVar("T")
R = TypeVar("R")

log = logging.getLogger(__name__)

_AHEAD = 4  # shards submitted for each that can run at once; nodes that join find work
_LOSSES = 5  # of a shard's process or node, before the mapping fails
_SECONDS = 5.0  # to end tasks
_COMPUTING = ("imagehash", "keras", "numpy", "pandas", "pillow", "scipy", "tensorflow")
_ENVIRONMENT = (
    "start Ray on every node from the environment of `uv sync --locked --inexact --extra ray`"
)
_compared: set[tuple[str, str]] = set()


@dataclass(frozen=True)
class Remote:
    """What a cluster has to know of a mapping."""

    canary: Callable[[], str]  # a digest of the function's arithmetic, computed on a node
    expected: str  # the same digest, computed here
    whole_node: bool = False  # a shard takes a whole node, or one of its GPUs, not one processor


@dataclass(frozen=True)
class _Terms:
    """What each process on a node compares itself with."""

    folder: str
    marker: str  # file in `folder`, as long as the mapping runs
    versions: dict[str, str]
    canary: Callable[[], str]
    expected: str


def each_on_cluster(
    function: Callable[[T], R],
    shards: Sequence[T],
    *,
    describe: str,
    remote: Remote,
    processors: int,
) -> Generator[R]:
    """Yield the result of each shard, in the order of the shards.

    `processors` is the size of a local cluster. Closing the iterator, also by an exception, ends
    the tasks. A shard whose process or node is lost runs again elsewhere.

    Raises:
        BakeoffError: Ray is not installed, there is no cluster, or a node differs from this
            machine; and whatever the function raises, of its own class.
    """
    with connected(processors) as ray, _marker() as marker:
        nodes = ray.nodes()
        share = _share(nodes, whole_node=remote.whole_node)
        terms = _Terms(str(Path.cwd()), marker, versions(), remote.canary, remote.expected)
        task = ray.remote(_run).options(
            num_cpus=share.processors, num_gpus=share.gpus, max_retries=_LOSSES
        )
        work = ray.put((function, terms))
        rest, running = iter(shards), deque[Any]()
        try:
            first = itertools.islice(rest, _AHEAD * share.at_once)
            running.extend(task.remote(work, shard) for shard in first)
            while running:
                result = _result(ray, running[0], describe)
                running.popleft()
                running.extend(task.remote(work, s) for s in itertools.islice(rest, 1))
                yield result
            _tell_losses(describe, nodes, ray.nodes())
        finally:
            _end(ray, list(running))


def _run(work: tuple[Callable[[T], R], _Terms], shard: T) -> tuple[R | None, Exception | None]:
    """On a node: the function's result, or its exception, which Ray would wrap in its own."""
    function, terms = work
    try:
        _compare(terms)
        return function(shard), None
    except Exception as error:
        if not isinstance(error, BakeoffError):
            error.add_note(f"On {_this_node()}:\n{traceback.format_exc()}")
        return None, error


def _compare(terms: _Terms) -> None:
    """Go to the folder; refuse a node that differs from the machine that submits the shards."""
    if (terms.folder, terms.expected) in _compared:
        return
    try:
        os.chdir(terms.folder)
        shared = Path(terms.marker).exists()
    except OSError:
        shared = False
    if not shared:
        raise BakeoffError(
            f"{_this_node()} does not see the files in {terms.folder}; put the repository on a "
            f"file system that all nodes mount at this path, or: {LOCAL}"
        )
    here = versions()
    for name, version in terms.versions.items():
        if here[name] != version:
            raise BakeoffError(
                f"{_this_node()} has {name} {here[name]}, this machine {version}; "
                f"install the same: {_ENVIRONMENT}"
            )
    if terms.canary() != terms.expected:
        raise BakeoffError(
            f"{_this_node()} computes other bits than this machine (a fixed batch gave another "
            "digest); remove it from the cluster, submit from a node of its kind, or: " + LOCAL
        )
    _compared.add((terms.folder, terms.expected))


def versions() -> dict[str, str]:
    """Versions of Python and of the libraries that compute, and the kind of machine."""
    found = {"Python": platform.python_version(), "the architecture": platform.machine()}
    for name in _COMPUTING:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = "(not installed)"
    return found


def _this_node() -> str:
    return f"the cluster's node {platform.node()}"


def _result(ray: Any, reference: Any, describe: str) -> Any:
    try:
        result, error = ray.get(reference)
    except ray.exceptions.RayTaskError as failed:  # before or after `_run`
        reason = quoted(str(failed).strip().split("\n")[-1])
        raise BakeoffError(
            f"{describe}: a node of the cluster cannot run a shard ({reason}); {_ENVIRONMENT}"
        ) from None
    except ray.exceptions.RayError as lost:
        reason = quoted(str(lost).split("\n")[0])
        raise BakeoffError(
            f"{describe}: the cluster lost a shard {_LOSSES + 1} times ({reason}); give its nodes "
            f"more memory, or: {LOCAL}"
        ) from None
    if error is not None:
        raise error
    return result


def _tell_losses(describe: str, before: list[dict[str, Any]], after: list[dict[str, Any]]) -> None:
    at_start = {node["NodeID"] for node in before if node["Alive"]}
    if lost := at_start - {node["NodeID"] for node in after if node["Alive"]}:
        log.warning(
            "%s: %d of the cluster's %d nodes were lost; their shards ran again on the others",
            *(describe, len(lost), len(at_start)),
        )


def _end(ray: Any, running: list[Any]) -> None:
    """End tasks, and wait for their processes: what they still write would be left behind."""
    with suppress(ray.exceptions.RayError):
        for reference in running:
            ray.cancel(reference, force=True)
        if running:
            ray.wait(running, num_returns=len(running), timeout=_SECONDS)


@dataclass(frozen=True)
class _Share:
    """What one shard takes of a node, and how many run at once."""

    processors: int
    gpus: int
    at_once: int


def _share(nodes: list[dict[str, Any]], *, whole_node: bool) -> _Share:
    """Of nodes as `ray.nodes()` describes them: one processor; or a GPU; or a whole node."""
    alive = [node["Resources"] for node in nodes if node["Alive"]]
    with_gpus = [r for r in alive if r.get("GPU", 0) >= 1 and r.get("CPU", 0) >= 1] * whole_node
    if with_gpus:
        least = min(int(r["CPU"]) // int(r["GPU"]) for r in with_gpus)
        return _Share(max(1, least), 1, sum(int(r["GPU"]) for r in with_gpus))
    sizes = [int(r["CPU"]) for r in alive if r.get("CPU", 0) >= 1]
    if not sizes:
        raise BakeoffError(f"the Ray cluster has no node with a processor to use; {LOCAL}")
    processors = min(sizes) if whole_node else 1
    return _Share(processors, 0, sum(size // processors for size in sizes))


@contextmanager
def _marker() -> Iterator[str]:
    """A file in this folder, by which a node sees that it is the same folder."""
    path = Path(f".cluster-{secrets.token_hex(8)}.partial")
    path.touch()
    try:
        yield path.name
    finally:
        path.unlink(missing_ok=True)
