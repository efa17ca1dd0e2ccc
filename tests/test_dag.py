"""`dvc.yaml` declares what the stages read: their parameters, and the note of their code."""

import ast
from pathlib import Path

import pytest
import yaml

from bakeoff.params.block import TOP_LEVEL
from bakeoff.params.models import FeatureParams

ROOT = Path(__file__).parent.parent
STAGES = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]
READERS = {
    "read_model_params": {"defaults", "models.${key}"},
    "read_model_tuning": {"defaults", "models.${key}", "tune"},
    "read_forest_tuning": {"random_forest"},
    "read_logistic_tuning": {"logistic"},
    "read_feature_params": {f"models.${{key}}.{key}" for key in FeatureParams.model_fields},
    "read_chosen_dataset": {"dataset", "datasets/${dataset}.yaml"},
    "model_names": {"models"},
}


def read_parameters(script: Path) -> set[str]:
    """The parameters that a stage's script asks for, from its calls."""
    tree = ast.parse(script.read_text())
    constants = {
        ast.unparse(node.targets[0]): ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
    }
    found: set[str] = set()
    for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
        name = call.func.attr if isinstance(call.func, ast.Attribute) else ast.unparse(call.func)
        if name in READERS:
            found |= READERS[name]
        elif name in ("read_key", "read") and call.args:
            key = call.args[0]
            known = isinstance(key, ast.Constant)
            found.add(ast.literal_eval(key) if known else constants[ast.unparse(key)])
    return found


def declared_parameters(stage: str) -> set[str]:
    """The parameters of a stage in `dvc.yaml`; a whole file stands there as a mapping to null."""
    entries = STAGES[stage].get("do", STAGES[stage]).get("params", [])
    return {key for entry in entries for key in ([entry] if isinstance(entry, str) else entry)}


def leaves(keys: set[str]) -> set[str]:
    """Keys without those that a shorter one of the set covers."""
    return {k for k in keys if not any(k.startswith(f"{other}.") for other in keys)}


@pytest.mark.parametrize("stage", sorted(STAGES))
def test_a_stage_declares_the_parameters_it_reads_and_no_others(stage):
    read = read_parameters(ROOT / f"stages/{stage}.py")
    if stage == "features":  # it reads two of the defaults
        assert "defaults" in read
        read = read - {"defaults"} | {
            "defaults.weights_mirror",
            "defaults.weights_unreachable",
        }
    if stage != "report":  # a switch of tracking changes no output of a training
        read = read - {"tracking"}
    assert leaves(read) == declared_parameters(stage)


@pytest.mark.parametrize("stage", sorted(STAGES))
def test_every_stage_is_a_script_of_its_own_name(stage):
    body = STAGES[stage].get("do", STAGES[stage])
    assert body["cmd"].split()[:2] == ["python", f"stages/{stage}.py"]


@pytest.mark.parametrize("stage", sorted(STAGES))
def test_every_stage_depends_on_the_note_of_its_own_code_alone(stage):
    body = STAGES[stage].get("do", STAGES[stage])
    notes = [dep for dep in body["deps"] if dep.startswith(("src", "stages", "data/fingerprint"))]
    assert notes == (
        ["src/bakeoff", "stages"] if stage == "fingerprint" else [f"data/fingerprint/{stage}.json"]
    )


def test_every_script_is_a_stage():
    assert {path.stem for path in (ROOT / "stages").glob("*.py")} == set(STAGES)


def test_declared_parameters_are_top_level_keys_or_files():
    for stage in STAGES:
        for key in declared_parameters(stage):
            assert key.split(".")[0] in TOP_LEVEL or key.startswith("datasets/")
