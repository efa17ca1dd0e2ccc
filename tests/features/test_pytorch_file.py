import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bakeoff.features.pytorch_file import read_pytorch_file
from bakeoff.runtime.errors import BakeoffError
from tests import tiny_pytorch as tiny

NUMBERS = np.arange(24, dtype=np.float32)


@pytest.fixture
def read(tmp_path):
    def from_bytes(content):
        (tmp_path / "weights.pth").write_bytes(content)
        return read_pytorch_file(tmp_path / "weights.pth")

    return from_bytes


@pytest.fixture
def refused(read):
    def with_reason(content, reason):
        with pytest.raises(BakeoffError, match=r"weights\.pth: not a state dictionary") as caught:
            read(content)
        assert reason in str(caught.value)
        assert "\n" not in str(caught.value)

    return with_reason


def one(offset, size, stride, numbers=NUMBERS, count=None):
    found = tiny.storage("a", "<f4", numbers.size if count is None else count)
    return tiny.file(tiny.state(x=tiny.tensor(found, offset, size, stride)), {"a": numbers})


def test_strides_and_offsets_are_followed(read):
    tensors = read(tiny.ordinary())
    assert list(tensors) == ["matrix", "count"]
    np.testing.assert_array_equal(tensors["matrix"], [[1, 2, 3], [4, 5, 6]])
    assert (tensors["matrix"].dtype, tensors["count"].dtype) == (np.float32, np.int64)
    assert (tensors["count"].shape, int(tensors["count"])) == ((), 12)
    assert not tensors["matrix"].flags.writeable


@settings(max_examples=50, deadline=None)
@given(axes=st.permutations(range(4)), start=st.integers(0, 3))
def test_any_order_of_axes_is_read_back(tmp_path_factory, axes, start):
    kernel = np.arange(120, dtype=np.float32).reshape(2, 3, 4, 5)
    stored = np.concatenate([np.zeros(start, np.float32), kernel.transpose(axes).ravel()])
    strides = np.empty(4, int)
    strides[list(axes)] = np.array(kernel.transpose(axes).copy().strides) // 4
    path = tmp_path_factory.mktemp("file") / "weights.pth"
    path.write_bytes(one(start, kernel.shape, tuple(map(int, strides)), stored))
    np.testing.assert_array_equal(read_pytorch_file(path)["x"], kernel)


def test_two_tensors_may_share_a_storage(read):
    found = tiny.storage("a", "<f4", 24)
    halves = {
        "low": tiny.tensor(found, 0, (12,), (1,)),
        "high": tiny.tensor(found, 12, (12,), (1,)),
    }
    tensors = read(tiny.file(tiny.state(**halves), {"a": NUMBERS}))
    np.testing.assert_array_equal(np.concatenate([tensors["low"], tensors["high"]]), NUMBERS)


@pytest.mark.parametrize(
    ("offset", "size", "stride"),
    [
        (1, (24,), (1,)),  # one element too far
        (0, (2, 12), (13, 1)),
        (24, (1,), (1,)),
        (0, (2,), (24,)),
        (0, (2**20, 2**20), (0, 0)),  # a petabyte from one number
        (0, (2, 12), (12,)),
        (-1, (2,), (1,)),
        (23, (2,), (-1,)),
        (0, (-1,), (1,)),
        (0, (1,) * 9, (1,) * 9),
        (0, (2,), (2**31 - 1,)),
    ],
)
def test_nothing_outside_the_storage_is_read(refused, offset, size, stride):
    refused(one(offset, size, stride), "")


def test_the_last_element_of_a_storage_can_be_reached(read):
    np.testing.assert_array_equal(read(one(1, (2, 2), (22, 0)))["x"], [[1, 1], [23, 23]])


def test_a_storage_of_another_size_than_stated_is_refused(refused):
    refused(one(0, (2,), (1,), count=23), "another size than stated")
    refused(one(0, (2,), (1,))[:-1], "cut off")
    refused(one(0, (2,), (1,)) + b"x", "1 bytes after its last storage")
    other = tiny.file(tiny.state(), {"a": NUMBERS})
    refused(other, "other storages")


def test_every_truncated_file_is_refused(refused):
    content = tiny.ordinary()
    for length in range(len(content)):
        refused(content[:length], "")


DOCTORED = {
    "call": tiny.called(b"cos\nsystem\n", tiny.text("touch ran")),
    "builtin": tiny.called(b"cbuiltins\neval\n", tiny.text("open('ran', 'w')")),
    "dotted": tiny.called(b"ccollections\nOrderedDict.__init__.__globals__\n"),
    "method": b"ctorch._utils\n_rebuild_tensor_v2.__globals__\n",
    "instance": b"(" + tiny.text("touch ran") + b"ios\nsystem\n",
    "object": b"(cos\nsystem\n" + tiny.text("touch ran") + b"o",
    "new": b"cos\nsystem\n" + tiny.sequence(tiny.text("touch ran")) + b"\x81",
    "by name": tiny.text("os") + tiny.text("system") + b"\x93",
    "extension": b"\x82\x01",
    "another torch": tiny.called(b"ctorch.hub\nload\n", tiny.text("a/b"), tiny.text("c")),
}


@pytest.mark.parametrize("doctored", DOCTORED.values(), ids=DOCTORED)
def test_a_file_that_would_run_code_is_refused_and_runs_nothing(
    refused, tmp_path, monkeypatch, doctored
):
    monkeypatch.chdir(tmp_path)
    ran = []
    monkeypatch.setattr("os.system", ran.append)
    monkeypatch.setattr("posix.system", ran.append, raising=False)
    refused(tiny.file(tiny.state(x=doctored), {}), "")
    # In place of the other pickles, too.
    plain = tiny.ordinary()
    refused(tiny.PROTOCOL + doctored + tiny.STOP + plain[len(tiny.MAGIC) :], "")
    refused(tiny.MAGIC + tiny.PROTOCOL + doctored + tiny.STOP, "")
    assert not ran
    assert [path.name for path in tmp_path.iterdir()] == ["weights.pth"]


def test_attributes_that_a_pickle_sets_stay_its_own(read, refused):
    """`b` sets attributes: PyTorch notes versions so; nothing of ours may change by it."""
    hostile = tiny.REBUILD + b"N}" + tiny.text("__defaults__") + tiny.sequence() + b"s\x86b"
    refused(tiny.file(tiny.state(x=hostile), {}), "no named tensor")
    overlaid = tiny.state()[:-1] + b"}" + tiny.text("items") + tiny.ORDERED_DICT + b"sb" + tiny.STOP
    assert read(tiny.file(overlaid, {})) == {}
    refused(tiny.file(tiny.state(x=tiny.ORDERED_DICT + b"N}" + tiny.text("x") + b"Nsb"), {}), "")
    assert list(read(tiny.ordinary())) == ["matrix", "count"]


def test_a_memo_that_would_fill_the_machine_is_refused(refused):
    huge = b"r" + struct.pack("<I", 2**32 - 1)
    refused(tiny.file(tiny.state(x=b"N" + huge), {}), "memo index")
    refused(tiny.file(tiny.state(x=b"\x96" + struct.pack("<Q", 2**40)), {}), "")
    refused(tiny.file(tiny.state(x=b")" + b"\x85" * 60_000), {}), "opcode TUPLE1")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", ""),
        (b"PK\x03\x04" + bytes(60), ""),
        (b"\x89HDF\r\n\x1a\n" + bytes(60), ""),
        (tiny.VERSION + tiny.VERSION + tiny.ordinary()[len(tiny.MAGIC + tiny.VERSION) :], "magic"),
        (tiny.file(tiny.state(), {}, little_endian=False), "big-endian"),
        (tiny.file(tiny.PROTOCOL + b"}" + tiny.STOP, {}), "no dictionary of tensors"),
        (tiny.file(tiny.state(x=tiny.number(3)), {}), "no named tensor"),
        (tiny.file(tiny.state(x=tiny.called(tiny.STORAGES["<f4"])), {}), "not callable"),
    ],
)
def test_other_files_are_refused(refused, content, reason):
    refused(content, reason)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(BakeoffError, match=r"gone\.pth: cannot be read"):
        read_pytorch_file(tmp_path / "gone.pth")
