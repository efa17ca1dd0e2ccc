"""A sample of the faults, drawn with a seed; `make faults` puts every one into every stage."""

import os
import random
import signal
import time

import pytest
import yaml

from tests.faults.injuries import FAULTS, CannotInjureError, survive
from tests.faults.laboratory import (
    DATA_STAGES,
    ROOT,
    STAGES,
    Laboratory,
    finished,
    lock_of,
    outs_of,
    repro,
)

SEED = int(os.environ.get("BAKEOFF_SEED", "20"))
SAMPLE = dict(zip(FAULTS, random.Random(SEED).sample(DATA_STAGES, len(FAULTS)), strict=True))


@pytest.fixture(scope="module")
def laboratory(tmp_path_factory) -> Laboratory:
    return Laboratory.build(tmp_path_factory.mktemp("laboratory"), DATA_STAGES)


@pytest.mark.parametrize("fault", FAULTS)
def test_a_disturbed_stage_ends_as_an_undisturbed_one(laboratory, tmp_path, fault):
    try:
        assert survive(fault, laboratory, SAMPLE[fault], tmp_path / "repository", SEED)
    except CannotInjureError as reason:
        pytest.skip(str(reason))


def test_the_sweep_disturbs_every_stage_in_the_order_of_the_pipeline():
    pipeline = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    assert list(dict.fromkeys(stage.partition("@")[0] for stage in STAGES)) == list(pipeline)


def test_two_reproductions_at_once_break_nothing(laboratory, tmp_path):
    """The second finds what it needs in use, says so, and leaves it alone."""
    root = laboratory.copy_before("ingest", tmp_path / "repository")
    first = repro(root, "ingest")
    while not list((root / "data").glob(".raw.*.partial")):
        assert first.poll() is None
        time.sleep(0.002)
    os.killpg(first.pid, signal.SIGSTOP)
    try:
        second = repro(root, "ingest")
        said, _ = second.communicate()
    finally:
        os.killpg(first.pid, signal.SIGCONT)
    assert second.returncode != 0
    assert "data/raw' is busy" in said, said
    assert str(first.pid) in said
    finished(first)
    assert outs_of(lock_of(root)["ingest"]) == outs_of(lock_of(laboratory.reference)["ingest"])
    laboratory.check_recovered(root, "ingest")
