"""`dvc.yaml` declares what the stages read: their parameters, and the note of their code."""

import ast
from pathlib import Path

import pytest
import yaml

from bakeoff.params.block import TOP_LEVEL

ROOT = Path(__file__).parent.parent
STAGES = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]
READERS = {
    "read_forest_params": {"${item}"},
    "read_forest_tuning": {"${item}"},
    "read_logistic_tuning": {"logistic"},
}
RESOLVED = {
    "resolved_dataset": "data/params/dataset.json",
    "resolved_names": "data/params/models.json",
    "resolved_features": "data/params/${key}/features.json",
    "resolved_model": "data/params/${key}/train.json",
    "resolved_search": "data/params/${key}/tune.json",
}


def called(node: ast.Call) -> str:
    return node.func.attr if isinstance(node.func, ast.Attribute) else ast.unparse(node.func)


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
        name = called(call)
        if name in READERS:
            found |= READERS[name]
        elif name in ("read_key", "read") and call.args:
            key = call.args[0]
            known = isinstance(key, ast.Constant)
            found.add(ast.literal_eval(key) if known else constants[ast.unparse(key)])
    return found


def declared_parameters(stage: str) -> set[str]:
    """The parameters of a stage in `dvc.yaml`."""
    return set(STAGES[stage].get("do", STAGES[stage]).get("params", []))


def leaves(keys: set[str]) -> set[str]:
    """Keys without those that a shorter one of the set covers."""
    return {k for k in keys if not any(k.startswith(f"{other}.") for other in keys)}


@pytest.mark.parametrize("stage", sorted(STAGES))
def test_a_stage_declares_the_parameters_it_reads_and_no_others(stage):
    read = read_parameters(ROOT / f"stages/{stage}.py")
    if stage != "report":  # a switch of tracking changes no output of a training
        read = read - {"tracking"}
    named = {"dataset"} & declared_parameters(stage)  # it stands in messages
    assert leaves(read) | named == declared_parameters(stage)


@pytest.mark.parametrize("stage", sorted(STAGES))
def test_a_stage_depends_on_the_resolved_parameters_it_reads_and_no_others(stage):
    tree = ast.parse((ROOT / f"stages/{stage}.py").read_text())
    calls = {called(node) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    deps = STAGES[stage].get("do", STAGES[stage])["deps"]
    assert {dep for dep in deps if dep.startswith("data/params")} == {
        RESOLVED[name] for name in calls & set(RESOLVED)
    }


def test_a_name_cannot_end_the_command_that_it_stands_in():
    for stage in STAGES.values():
        body = stage.get("do", stage)
        assert "${" not in body["cmd"].replace('"${key}"', "").replace('"${item}"', "")


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
            keys = STAGES[stage]["foreach"] if key == "${item}" else [key.split(".")[0]]
            assert set(keys) <= set(TOP_LEVEL)


def test_every_plot_is_drawn_from_a_table_in_git_by_a_template_that_exists():
    """Without a remote, `dvc plots show` on a fresh clone draws nothing if one file is missing."""
    (entry,) = (o for o in STAGES["report"]["outs"] if isinstance(o, dict))
    assert entry == {"reports/curves": {"cache": False}}
    for plot in yaml.safe_load((ROOT / "dvc.yaml").read_text())["plots"]:
        ((path, described),) = plot.items()
        assert Path(path).parent == Path("reports/curves")
        assert (ROOT / ".dvc/plots" / f"{described['template']}.json").is_file()
