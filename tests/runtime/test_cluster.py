"""A Ray cluster gives the bytes of threads; what goes wrong is one sentence.

The slow tests start clusters: one node, as `BAKEOFF_ENGINE=ray` does it, and four nodes on this
machine.
"""

import os
import pickle
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from bakeoff.runtime.cluster import Remote, _run, _share, _Terms, versions
from bakeoff.runtime.errors import BakeoffError
from bakeoff.runtime.parallel import map_shards
from tests.runtime.clusters import (
    FEATURES,
    INTERIM,
    STAGES,
    Killing,
    digests,
    features,
    several_nodes,
    tfrecord,
    write_raw,
)

ROOT = Path(__file__).parents[2]
# 0: the engine starts its own.
NODES = {"one node": 0, "two nodes": 2, "four nodes": 4, "four nodes, one killed": 4}


def nothing() -> str:
    return "nothing"


REMOTE = Remote(nothing, "nothing")


@pytest.fixture
def on_ray(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("ray")
    monkeypatch.setenv("BAKEOFF_ENGINE", "ray")


def test_an_unknown_engine_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BAKEOFF_ENGINE", "spark")
    with pytest.raises(BakeoffError, match="^BAKEOFF_ENGINE is 'spark'; set it to local or ray$"):
        map_shards(abs, [1], describe="numbers")


def test_ray_that_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BAKEOFF_ENGINE", "ray")
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(BakeoffError, match="`uv sync --inexact --extra ray`"):
        map_shards(abs, [1], describe="numbers", remote=REMOTE)


def test_small_work_stays_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BAKEOFF_ENGINE", "ray")
    monkeypatch.setitem(sys.modules, "ray", None)
    assert map_shards(abs, [-1, 2], describe="numbers") == [1, 2]


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("127.0.0.1:1", "Connection refused"),
        ("ray://head:10001", "it is HOST:PORT"),
        ("head", "it is HOST:PORT"),
    ],
)
def test_a_cluster_that_is_not_there_is_one_sentence(
    on_ray: None, monkeypatch: pytest.MonkeyPatch, address: str, reason: str
) -> None:
    monkeypatch.setenv("BAKEOFF_RAY_ADDRESS", address)
    with pytest.raises(BakeoffError) as caught:
        map_shards(abs, [1], describe="numbers", remote=REMOTE)
    (sentence,) = caught.value.sentences
    assert sentence.startswith(f"BAKEOFF_RAY_ADDRESS {address} cannot be used (")
    assert reason in sentence and "BAKEOFF_ENGINE=local" in sentence


def node(cpus: float, gpus: float = 0, *, alive: bool = True) -> dict[str, object]:
    return {"Alive": alive, "Resources": {"CPU": cpus, "GPU": gpus, "memory": 1e9}}


def test_how_many_shards_run_at_once() -> None:
    nodes = [node(8), node(16), node(64, alive=False), {"Alive": True, "Resources": {}}]
    one = _share(nodes, whole_node=False)
    assert (one.processors, one.gpus, one.at_once) == (1, 0, 24)
    whole = _share(nodes, whole_node=True)
    assert (whole.processors, whole.gpus, whole.at_once) == (8, 0, 3)


def test_a_whole_node_is_one_of_its_gpus() -> None:
    nodes = [node(8), node(16, 4), node(32, 2)]
    whole = _share(nodes, whole_node=True)
    assert (whole.processors, whole.gpus, whole.at_once) == (4, 1, 6)
    assert _share(nodes, whole_node=False).gpus == 0


def test_a_cluster_without_processors_is_refused() -> None:
    with pytest.raises(BakeoffError, match="no node with a processor"):
        _share([node(0)], whole_node=False)


@pytest.fixture
def terms(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> _Terms:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "marker").touch()
    return _Terms(str(tmp_path), "marker", versions(), nothing, "nothing")


def failure(terms: _Terms, function: Callable[[int], object] = abs) -> Exception | None:
    result, error = pickle.loads(pickle.dumps(_run((function, terms), -3)))
    assert error is not None or result == 3
    return error


def two_sentences(_: int) -> None:
    raise BakeoffError("a: wrong; correct it", "b: wrong; correct it")


def divide(_: int) -> None:
    raise ZeroDivisionError("by nothing")


def test_a_node_that_is_alike_computes(terms: _Terms) -> None:
    assert failure(terms) is None


def test_errors_keep_their_class_and_their_sentences(terms: _Terms) -> None:
    error = failure(terms, two_sentences)
    assert type(error) is BakeoffError
    assert error.sentences == ("a: wrong; correct it", "b: wrong; correct it")
    bug = failure(terms, divide)
    assert type(bug) is ZeroDivisionError and bug.args == ("by nothing",)
    assert "in divide" in bug.__notes__[0]  # where on the node


def test_a_node_that_differs_is_named(terms: _Terms) -> None:
    older = terms.versions | {"numpy": "1.0"}
    for changed, reason in [
        (replace(terms, marker="none", expected="1"), r"does not see the files in"),
        (replace(terms, folder="/no/such/folder"), r"does not see the files in /no/such/folder"),
        (
            replace(terms, versions=older, expected="2"),
            r"has numpy \S+, this machine 1\.0; install",
        ),
        (replace(terms, expected="3"), r"computes other bits than this machine"),
    ]:
        error = failure(changed)
        assert isinstance(error, BakeoffError)
        with pytest.raises(BakeoffError, match=rf"^the cluster's node \S+ {reason}"):
            raise error


@pytest.fixture(scope="module")
def by_threads(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, dict[str, str]]]:
    """The digests of every stage's outputs; the folder with its inputs is the current one."""
    before = Path.cwd()
    os.chdir(tmp_path_factory.mktemp("stages"))
    os.environ.pop("BAKEOFF_ENGINE", None)
    write_raw(600, 220)
    try:
        yield {name: outputs(stage, folder) for name, (stage, folder) in STAGES.items()}
    finally:
        os.chdir(before)


def outputs(stage: Callable[[], None], folder: Path) -> dict[str, str]:
    stage()
    return digests(folder)


def begun(folder: Path) -> Callable[[], bool]:
    """Whether a stage has written something into the folder that will be `folder`."""
    return lambda: any(
        path.is_file() for path in folder.parent.glob(f".{folder.name}.*.partial/**/*")
    )


@pytest.mark.slow
@pytest.mark.parametrize("engine", NODES)
def test_the_bytes_are_those_of_threads(
    on_ray: None,
    by_threads: dict[str, dict[str, str]],
    capfd: pytest.CaptureFixture,
    caplog: pytest.LogCaptureFixture,
    engine: str,
) -> None:
    for name, (stage, folder) in STAGES.items():
        caplog.clear()
        with ExitStack() as stack:
            nodes = NODES[engine]
            cluster = stack.enter_context(several_nodes(nodes)) if nodes else None
            capfd.readouterr()
            killing = Killing(cluster, begun(folder)) if "killed" in engine else None
            if killing:
                stack.enter_context(killing)
            assert outputs(stage, folder) == by_threads[name], name
            if killing:
                assert killing.killed, f"{name} was over before a node was killed"
            logged = [record.getMessage() for record in caplog.records]
            lost = "1 of the cluster's 4 nodes were lost; their shards ran again on the others"
            # Ray needs some seconds to notice; a stage may be over by then.
            assert [line.split(": ")[1] for line in logged] in ([], [lost] * bool(killing))
            printed = capfd.readouterr()
            assert (printed.out, printed.err) == ("", ""), name
    assert not [path for path in Path().rglob("*") if path.name.endswith(".partial")]


@pytest.mark.slow
def test_a_mistake_is_the_same_sentence(
    on_ray: None, by_threads: dict[str, dict[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    picture = sorted(INTERIM.glob("amber/*.png"))[7]
    content = picture.read_bytes()
    sentences = []
    for engine in ("local", "ray"):
        monkeypatch.setenv("BAKEOFF_ENGINE", engine)
        picture.write_bytes(content[:200])
        try:
            with pytest.raises(BakeoffError) as caught:
                tfrecord()
        finally:
            picture.write_bytes(content)
        sentences.append((type(caught.value), caught.value.sentences))
    assert sentences[0] == sentences[1]
    assert "can no longer be read" in str(caught.value)


@pytest.mark.slow
def test_a_node_with_other_arithmetic_is_refused(
    on_ray: None, by_threads: dict[str, dict[str, str]]
) -> None:
    before = digests(FEATURES)
    refused = r"^the cluster's node \S+ computes other bits than this machine"
    with (
        several_nodes(4, env_vars={"TF_ENABLE_ONEDNN_OPTS": "0"}),
        pytest.raises(BakeoffError, match=refused),
    ):
        features()
    assert digests(FEATURES) == before


@pytest.mark.slow
def test_ctrl_c_ends_the_tasks(on_ray: None, tmp_path: Path) -> None:
    """In a terminal it reaches Ray's processes, too."""
    short = Path(tempfile.mkdtemp(dir="/tmp"))  # of temporary files; others are too long for Ray
    program = (
        "from bakeoff.runtime.stage import run_stage\n"
        "from tests.runtime.clusters import sort, write_raw\n"
        "write_raw(2000, 200)\n"
        "run_stage('sort', sort)\n"
    )
    environment = {**os.environ, "TMPDIR": str(short), "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}"}
    stage = subprocess.Popen(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    while not list(tmp_path.glob("data/.interim.*.partial/amber/*.*")):
        assert stage.poll() is None, stage.communicate()
        time.sleep(0.05)
    started = psutil.Process(stage.pid).children(recursive=True)
    assert any("raylet" in process.name() for process in started)
    os.killpg(stage.pid, signal.SIGINT)
    printed, _ = stage.communicate(timeout=60)
    *notices, last = printed.splitlines()
    assert last.endswith("dvc repro` continues from here"), printed
    assert all("is a group of its own" in notice for notice in notices), printed
    assert sorted(path.name for path in (tmp_path / "data").iterdir()) == ["raw"]
    _, alive = psutil.wait_procs(started, timeout=20)
    assert not alive
    assert not list(short.iterdir())
    short.rmdir()
