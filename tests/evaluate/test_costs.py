import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bakeoff.evaluate.costs import cost_of, pareto_front, record_latency
from bakeoff.runtime import journal
from bakeoff.runtime.files import sha256_of_folder
from bakeoff.test_side import inspection
from bakeoff.test_side.candidates import Candidate
from bakeoff.test_side.inspection import Latency, clock_latency


def test_the_front_by_hand():
    # b is as good as a and cheaper; c is worse but cheapest; d is worse and dearer than b.
    quality, cost = [0.9, 0.9, 0.5, 0.7], [20, 10, 1, 30]
    assert pareto_front(quality, cost) == [False, True, True, False]


points = st.lists(
    st.tuples(st.sampled_from([0.1, 0.5, 0.9]), st.sampled_from([1.0, 2.0, math.nan])), min_size=1
)


@settings(deadline=None, max_examples=50)
@given(points)
def test_nobody_on_the_front_is_beaten_and_everybody_else_is(pairs):
    quality, cost = zip(*pairs, strict=True)
    front = pareto_front(quality, cost)
    for (q, c), first in zip(pairs, front, strict=True):
        better = [
            q2 >= q and c2 <= c and (q2, c2) != (q, c) for q2, c2 in pairs if not math.isnan(c2)
        ]
        assert first == (not math.isnan(c) and not any(better))


def test_a_batch_is_clocked_a_picture(monkeypatch):
    clock = [0.0]
    monkeypatch.setattr(inspection, "perf_counter", lambda: clock[0])

    def predict(pictures):  # 5 ms a call and 2 ms a picture
        clock[0] += 0.005 + 0.002 * len(pictures)

    found = clock_latency(predict, np.zeros((10, 2, 2, 1), np.uint8))
    assert found.one == pytest.approx(7)
    assert found.batch == pytest.approx(2.5)


def test_costs_come_from_journal_and_files(tmp_path, monkeypatch):
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    models, features = tmp_path / "models", tmp_path / "features"
    for name in ("vgg16", "logistic_vgg16"):
        (models / name).mkdir(parents=True)
    (models / "vgg16" / "model.keras").write_bytes(bytes(5_000_000))
    (models / "vgg16" / "head.keras").write_bytes(bytes(1_000_000))
    (models / "logistic_vgg16" / "model.skops").write_bytes(bytes(500_000))
    (features / "vgg16").mkdir(parents=True)
    (features / "vgg16" / "train.npy").write_bytes(b"x")
    journal.record("features", sha256_of_folder(features / "vgg16"), {"feature_seconds": 60})
    facts = {"fit_seconds": 2.5, "peak_memory_mb": 300}
    journal.record("fits", sha256_of_folder(models / "logistic_vgg16"), facts)

    metadata = {"kind": "logistic", "parameters": 10, "backbone_parameters": 100}
    regression = Candidate("logistic_vgg16", models / "logistic_vgg16", metadata)
    clocked = Candidate("vgg16", models / "vgg16", {"kind": "head", "parameters": 7})
    record_latency(clocked, Latency(3, 2))
    cost = cost_of(regression, features)
    assert (cost.fit_seconds, cost.feature_seconds, cost.training_seconds) == (2.5, 60, 62.5)
    assert (cost.predict_ms, cost.predict_ms_batch, cost.peak_memory_mb) == (3, 2, 300)
    assert cost.parameters == 110
    assert cost.megabytes == pytest.approx(0.5 + 5 - 1)

    journal_file = next((tmp_path / "mlruns/journal/latencies").iterdir())
    journal_file.unlink()
    unknown = cost_of(clocked, features)
    assert math.isnan(unknown.predict_ms)
    assert math.isnan(unknown.fit_seconds)
    assert unknown.feature_seconds == 60
    assert unknown.megabytes == 5
