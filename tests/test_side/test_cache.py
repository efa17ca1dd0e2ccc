import numpy as np
import pytest

from bakeoff.runtime.fingerprints import code_sha256
from bakeoff.test_side import cache
from bakeoff.test_side.cache import cached, sha256_of_array


@pytest.fixture
def calls(tmp_path, monkeypatch):
    """A function that counts how often it had to compute."""
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    made: list[int] = []

    def compute():
        made.append(1)
        return {"values": np.arange(3) + len(made)}

    return made, compute


def test_equal_inputs_are_computed_once(calls):
    made, compute = calls
    first = cached("things", {"model": "a"}, compute)
    again = cached("things", {"model": "a"}, compute)
    assert np.array_equal(first["values"], again["values"])
    assert len(made) == 1
    cached("things", {"model": "b"}, compute)
    cached("others", {"model": "a"}, compute)
    assert len(made) == 3


def test_other_code_libraries_or_processors_compute_again(calls, monkeypatch):
    made, compute = calls
    cached("things", {}, compute)
    monkeypatch.setattr(cache, "_surroundings", lambda: ["other"])
    cached("things", {}, compute)
    assert len(made) == 2


def test_the_evaluation_code_and_every_library_are_part_of_the_surroundings():
    surroundings = cache._surroundings()
    assert code_sha256("evaluate") in surroundings
    assert {"tensorflow", "keras"} <= {line.partition(" ")[0] for line in surroundings}


@pytest.mark.parametrize("length", [0, 40, -30])
def test_a_damaged_entry_is_made_again(calls, tmp_path, length):
    made, compute = calls
    cached("things", {}, compute)
    (entry,) = tmp_path.rglob("*.npz")
    entry.write_bytes(entry.read_bytes()[:length])
    assert cached("things", {}, compute)["values"][0] == 2
    assert cached("things", {}, compute)["values"][0] == 2
    assert len(made) == 2


def test_arrays_are_distinguished_by_type_shape_and_values():
    values = np.arange(6, dtype=np.uint8)
    others = [values.astype(np.int8), values.reshape(2, 3), values[::-1], values + 1]
    assert len({sha256_of_array(v) for v in [values, *others]}) == 5
    assert sha256_of_array(values[::2]) == sha256_of_array(values[::2].copy())
