"""Reading the tensors of a file in PyTorch's legacy format (before 1.6), without PyTorch.

The file is five pickles (magic number, protocol, system, tensors, storage keys) followed by the
storages: for each key its number of elements (int64) and the elements. A tensor is an offset, a
shape and strides into a storage. See `_legacy_save` in `torch/serialization.py`.

A pickle is a program. This one may use the opcodes that PyTorch writes and the four names in
`_NAMES`; anything else is refused before it has an effect.
"""

import io
import math
import pickle
import pickletools
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bakeoff.runtime.errors import BakeoffError

_MAGIC = 0x1950A86A20F9469CFC6C
_PROTOCOL = 1001
_MOST_OPCODES = 50_000  # of one pickle; the largest EfficientNet-Lite here has 13 931
_MOST_AXES = 8  # of a tensor
_OPCODES = frozenset(
    "PROTO STOP MARK GLOBAL REDUCE BUILD BINPERSID BINPUT LONG_BINPUT BINGET LONG_BINGET "
    "NONE NEWTRUE NEWFALSE BININT BININT1 BININT2 LONG1 BINUNICODE TUPLE EMPTY_TUPLE TUPLE1 "
    "TUPLE2 TUPLE3 EMPTY_DICT SETITEM SETITEMS EMPTY_LIST APPEND APPENDS".split()
)


class _Tensor(NamedTuple):
    """The arguments of PyTorch's `_rebuild_tensor_v2`; offset and strides count elements."""

    storage: str
    offset: int
    size: tuple[int, ...]
    stride: tuple[int, ...]
    requires_grad: bool
    backward_hooks: Any


def _rebuild() -> Callable[..., _Tensor]:
    """A new function each time, for a pickle may set attributes of what it is given."""

    def rebuild(*arguments: Any) -> _Tensor:
        return _Tensor(*arguments)

    return rebuild


_NAMES: dict[str, Callable[[], Any]] = {
    "collections.OrderedDict": lambda: OrderedDict,
    "torch._utils._rebuild_tensor_v2": _rebuild,
    "torch.FloatStorage": lambda: "<f4",
    "torch.LongStorage": lambda: "<i8",
}


class _Unpickler(pickle.Unpickler):
    """Knows four names, and notes the storages that are asked for."""

    def __init__(self, content: bytes) -> None:
        super().__init__(io.BytesIO(content))
        self.storages: dict[str, tuple[str, int]] = {}  # key: dtype, number of elements

    def find_class(self, module: str, name: str) -> Any:
        """The stand-in of one of the four names."""
        full_name = f"{module}.{name}"
        if full_name not in _NAMES:
            raise ValueError(f"it asks for {full_name[:60]}")
        return _NAMES[full_name]()

    def persistent_load(self, pid: Any) -> str:
        """The key of a storage."""
        kind, dtype, key, _location, count, view = pid
        if kind != "storage" or dtype not in ("<f4", "<i8") or view is not None:
            raise ValueError("an unknown kind of storage")
        if type(key) is not str or not _is_count(count):
            raise ValueError("a storage without a key or size")
        if self.storages.setdefault(key, (dtype, count)) != (dtype, count):
            raise ValueError("two storages with one key")
        return key


def read_pytorch_file(path: Path) -> dict[str, NDArray[Any]]:
    """The tensors of a state dictionary that `torch.save` wrote before PyTorch 1.6.

    Who needs to know what is in the file checks its hash first.

    Returns:
        Read-only views, float32 or int64, of the shapes the file states, in the file's order;
        strides are those of the file, so few of them are contiguous.

    Raises:
        BakeoffError: the file is missing, damaged, of another format, or asks for any code.
    """
    try:
        return _tensors(path.read_bytes())
    except OSError as error:
        raise BakeoffError(f"{path}: cannot be read ({error.strerror}); make it readable") from None
    except (ValueError, TypeError, LookupError, AttributeError) as error:
        reason = str(error)[:120]
    except (pickle.UnpicklingError, EOFError, OverflowError, RecursionError) as error:
        reason = str(error)[:120]
    raise BakeoffError(
        f"{path}: not a state dictionary in PyTorch's format before 1.6 ({reason}); "
        "replace it with an intact copy"
    )


def _tensors(content: bytes) -> dict[str, NDArray[Any]]:
    stream = io.BytesIO(content)
    magic, protocol, system, described, keys = (_unpickler(stream) for _ in range(5))
    if magic.load() != _MAGIC or protocol.load() != _PROTOCOL:
        raise ValueError("another magic number or protocol")
    if system.load()["little_endian"] is not True:
        raise ValueError("big-endian numbers")
    state = described.load()
    if not isinstance(state, OrderedDict):
        raise ValueError("no dictionary of tensors")
    storages = _storages(content, stream.tell(), keys.load(), described.storages)
    # `items` of the type: the pickle may have given the object another one.
    return {name: _view(name, tensor, storages) for name, tensor in OrderedDict.items(state)}


def _unpickler(stream: io.BytesIO) -> _Unpickler:
    """An unpickler of the stream's next pickle, whose opcodes are all known; nothing is run yet."""
    start = stream.tell()
    for count, (opcode, argument, _) in enumerate(pickletools.genops(stream)):
        if opcode.name not in _OPCODES or count == _MOST_OPCODES:
            raise ValueError(f"opcode {opcode.name} at byte {start}")
        # Python's unpickler allocates as many places as the largest index that is put.
        if opcode.name == "LONG_BINPUT" and int(argument or 0) > _MOST_OPCODES:
            raise ValueError(f"memo index {argument}")
    return _Unpickler(stream.getbuffer()[start : stream.tell()].tobytes())


def _storages(
    content: bytes, start: int, keys: Any, expected: dict[str, tuple[str, int]]
) -> dict[str, tuple[str, memoryview]]:
    """Key to dtype and elements of each storage, which follow each other from byte `start`."""
    if not isinstance(keys, list) or sorted(keys) != sorted(expected):
        raise ValueError("other storages than its tensors ask for")
    storages = {}
    for key in keys:
        dtype, count = expected[key]
        begin = start + 8
        end = begin + count * np.dtype(dtype).itemsize
        if int.from_bytes(content[start:begin], "little") != count or end > len(content):
            raise ValueError("a storage is cut off or has another size than stated")
        storages[key] = dtype, memoryview(content)[begin:end]
        start = end
    if start != len(content):
        raise ValueError(f"{len(content) - start} bytes after its last storage")
    return storages


def _view(
    name: Any, tensor: Any, storages: dict[str, tuple[str, memoryview]]
) -> NDArray[np.float32] | NDArray[np.int64]:
    if type(name) is not str or not isinstance(tensor, _Tensor):
        raise ValueError("an entry that is no named tensor")
    numbers = (tensor.offset, *tensor.size, *tensor.stride)
    proper = len(tensor.size) == len(tensor.stride) <= _MOST_AXES and all(map(_is_count, numbers))
    if not proper:
        raise ValueError(f"no proper size or stride of {name[:60]}")
    dtype, elements = storages[tensor.storage]
    width = np.dtype(dtype).itemsize
    if math.prod(tensor.size) * width > len(elements):
        raise ValueError(f"{name[:60]} is larger than its storage")
    # NumPy refuses offsets and strides that reach beyond the buffer.
    return np.ndarray(
        tensor.size,
        dtype,
        elements,
        tensor.offset * width,
        tuple(step * width for step in tensor.stride),
    )


def _is_count(value: Any) -> bool:
    return type(value) is int and value >= 0
