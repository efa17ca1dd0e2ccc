import json
import subprocess
import sys

import pytest

from bakeoff.params.training import FineTuneParams, HeadParams, TrainParams
from bakeoff.runtime.devices import prepare
from bakeoff.runtime.errors import BakeoffError
from bakeoff.train.picture_training import train_on_pictures
from bakeoff.train.progress import Progress
from tests.tiny_records import write_tiny_records
from tests.train import test_picture_training as tiny

SCRIPT = """
import json, sys
from pathlib import Path
import tensorflow as tf
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
from tests.runtime.test_devices import trained
print(json.dumps(trained("mirrored", Path(sys.argv[1]))))
"""


def trained(strategy, folder):
    """Train two epochs of tiny pictures; the batches of 7 are no multiple of 2."""
    write_tiny_records(folder)
    params = tiny.params(
        head=HeadParams(hidden=(12,), dropout=0.0, l2=0.001),
        fine_tune=FineTuneParams(),
        train=TrainParams(epochs=2, batch=7, optimizer="sgd", learning_rate=0.05),
    )
    job = tiny.job(folder, folder / "kept", params, strategy=strategy)
    network, progress, logits = train_on_pictures(job, Progress())
    network.save(folder / "network.keras")
    return {
        "facts": job.compute.facts(),
        "logits": logits.tolist(),
        "objective": [row["objective"] for row in progress.history],
    }


def trained_on_two_devices(folder):
    command = [sys.executable, "-c", SCRIPT, str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_two_logical_devices_learn_what_one_does(tmp_path):
    one, two = trained("single", tmp_path / "one"), trained_on_two_devices(tmp_path / "two")
    assert (one["facts"]["replicas"], two["facts"]["replicas"]) == (1, 2)
    assert two["facts"]["device"] == "2 x CPU"
    # Sums are taken in another order, and the last batch of an epoch is split unevenly.
    assert two["objective"] == pytest.approx(one["objective"], rel=1e-4)
    for a, b in zip(one["logits"], two["logits"], strict=True):
        assert a == pytest.approx(b, abs=1e-3)


def test_mirrored_needs_several_devices():
    with pytest.raises(BakeoffError, match="this machine has one CPU; set it to auto"):
        prepare("mirrored", 1)


def test_auto_is_single_where_there_is_one_device():
    compute = prepare("auto", 1)
    assert compute.replicas == 1
    assert compute.facts()["threads"] >= 1


LIMITED = """
import tensorflow as tf
from bakeoff.runtime.devices import prepare
for threads in (1, 2):
    prepare("single", 0, threads=threads)
    tf.zeros(1) + 1
    print(tf.config.threading.get_intra_op_parallelism_threads())
"""


def test_threads_of_an_operation_are_limited_until_tensorflow_has_started():
    command = [sys.executable, "-c", LIMITED]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["1", "1"]
