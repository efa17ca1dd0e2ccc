"""`bakeoff verify`: in memory, and with real git and real DVC."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from bakeoff.report.verification import compare, in_full, kind_of, meaning, one_line

DATA, FEATURES, MODEL = "data/splits", "data/features/vgg16", "models/vgg16"
SCORES: dict[str, dict[str, float | None]] = {
    "vgg16": {"accuracy": 0.8, "cohen_kappa": None},
    "majority_class": {"accuracy": 0.5},
}


def lock(**changed: str) -> str:
    names = ("data/fingerprint", "data/params", DATA, FEATURES, MODEL, "reports/metrics.json")
    outs = [{"path": p, "md5": changed.get(kind_of(p), "0")} for p in names]
    clocked = [{"path": "reports/report.html", "md5": str(changed)}]
    return yaml.safe_dump({"schema": "2.0", "stages": {"all": {"outs": outs + clocked}}})


def compared(scores=SCORES, **changed: str):
    return compare("abc1234", (lock(**changed), lock()), (scores, SCORES))


def test_equal_reproductions_are_equal_whatever_their_seconds():
    found = compared()
    assert one_line(found) == ("verify: all 6 outputs are identical to those of commit abc1234")
    assert "byte for byte" in meaning(found)


@pytest.mark.parametrize(
    ("accuracy", "beyond", "words"),
    [(0.8, 0, "all 3 scores are equal"), (0.804, 0, "all 3 scores agree"), (0.81, 1, "1 of 3")],
)
def test_a_score_agrees_within_the_tolerance(accuracy, beyond, words):
    scores = SCORES | {"vgg16": {"accuracy": accuracy, "cohen_kappa": None}}
    found = compared(scores, features="1", models="1")
    assert len(found.beyond) == beyond
    assert f"4 of 6 outputs are identical to those of commit abc1234, {words}" in one_line(found)
    assert ("accuracy of vgg16: 0.8100 here, 0.8000 there" in "\n".join(in_full(found))) == beyond
    assert "Another processor" in meaning(found)


def test_a_score_that_only_one_side_has_does_not_agree():
    undefined = SCORES | {"vgg16": {"accuracy": None, "cohen_kappa": None}}
    for scores in (undefined, {"vgg16": SCORES["vgg16"]}):
        (apart,) = compared(scores, models="1").beyond
        assert apart.difference == float("inf")
        assert "undefined here, not there: " in "\n".join(in_full(compared(scores, models="1")))


def test_only_the_largest_differences_are_listed():
    scores = {"vgg16": {f"score{i:02}": 0.1 * i for i in range(20)}}
    zero = {"vgg16": {f"score{i:02}": 0.0 for i in range(20)}}
    said = in_full(compare("abc1234", (lock(models="1"), lock()), (scores, zero)))
    assert sum(" of vgg16: " in line for line in said) == 10
    assert "  and 9 more" in said


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"parameters": "1", "code": "1", "data": "1"}, "Parameters differ"),
        ({"code": "1", "data": "1"}, "The code has changed"),
        ({"data": "1", "features": "1"}, "The pictures or their split differ"),
        ({"models": "1"}, "the scores agree all the same"),
    ],
)
def test_the_first_kind_that_differs_explains_the_rest(changed, words):
    found = compared(**changed)
    assert words in meaning(found)
    assert [kind for kind in changed if found.differing(kind)] == list(changed)


def test_another_data_set_is_reported_first():
    text = "outs: [{path: data/params, md5: %s}], params: {params.yaml: {dataset: %s}}"
    locks = [f"stages: {{sort: {{{text % (d, d)}}}}}" for d in ("dogs", "cats")]
    found = compare("abc1234", (locks[0], locks[1]), (SCORES, SCORES))
    assert meaning(found).startswith("The data set is dogs here and cats there")


STAGE = """
import os, pathlib
bits = os.environ["BITS"]
metrics = '{"vgg16": {"accuracy": ' + bits + "}}"
written = {"data/splits/s": "s", "models/vgg16/m": bits, "reports/metrics.json": metrics}
for name, text in written.items():
    path = pathlib.Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
"""


@pytest.fixture
def committed(tmp_path: Path) -> Path:
    """A repository, reproduced and committed, whose only stage writes the variable BITS."""
    outs = ["data/splits", "models/vgg16", {"reports/metrics.json": {"cache": False}}]
    stage = {"cmd": "python stage.py", "deps": ["stage.py"], "outs": outs}
    (tmp_path / "stage.py").write_text(STAGE)
    (tmp_path / "params.yaml").write_text("seed: 1")
    (tmp_path / "dvc.yaml").write_text(yaml.safe_dump({"stages": {"all": stage}}))
    told(tmp_path, "git", "init", "-q")
    told(tmp_path, "dvc", "init", "-q")
    told(tmp_path, "dvc", "repro", "-q", BITS="0.80")
    told(tmp_path, "git", "add", "-A")
    told(tmp_path, "git", "-c", "user.name=t", "-c", "user.email=t@t.org", "commit", "-qm", "all")
    return tmp_path


def told(root: Path, *command: str, status: int = 0, **extra: str) -> str:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "DVC_NO_ANALYTICS": "1", **extra}
    done = subprocess.run(
        command, cwd=root, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_a_reproduction_is_compared_with_the_commit(committed):
    assert "all 3 outputs are identical" in told(committed, "bakeoff", "verify", "--short")
    told(committed, "dvc", "repro", "-q", "--force", "--no-run-cache", BITS="0.801")
    said = told(committed, "bakeoff", "verify")
    assert "models               0         1  models/vgg16" in said
    assert "scores: 1 of 1 agree within 0.005" in said
    said = told(committed, "bakeoff", "verify", "--tolerance", "0.0001", "--short", status=1)
    assert "1 of 1 scores differ by more than 0.0001" in said


def test_a_stage_that_is_gone_is_no_output_of_here(committed):
    path = committed / "dvc.lock"
    read = yaml.safe_load(path.read_text())
    (out, *_) = read["stages"]["all"]["outs"]
    read["stages"]["gone"] = {"cmd": "x", "outs": [out | {"path": "models/gone"}]}
    path.write_text(yaml.safe_dump(read))
    assert "all 3 outputs are identical" in told(committed, "bakeoff", "verify", "--short")


def test_what_cannot_be_compared_is_one_sentence(committed):
    (committed / "models/vgg16/m").unlink()
    assert "all must run first; run `dvc repro`" in told(committed, "bakeoff", "verify", status=1)
    said = told(committed, "bakeoff", "verify", "nowhere", status=1)
    assert said.startswith("bakeoff: error: there is no committed reproduction")
    assert len(said.splitlines()) == 1
    assert json.loads((committed / "reports/metrics.json").read_text())["vgg16"]["accuracy"] == 0.8
