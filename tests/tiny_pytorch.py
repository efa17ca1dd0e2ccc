"""Files in PyTorch's legacy format, byte by byte; PyTorch is not needed."""

import struct

import numpy as np

PROTOCOL = b"\x80\x02"
STOP = b"."
MAGIC = PROTOCOL + b"\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19" + STOP
VERSION = PROTOCOL + b"M\xe9\x03" + STOP
ORDERED_DICT = b"ccollections\nOrderedDict\n"
REBUILD = b"ctorch._utils\n_rebuild_tensor_v2\n"
STORAGES = {"<f4": b"ctorch\nFloatStorage\n", "<i8": b"ctorch\nLongStorage\n"}


def text(value: str) -> bytes:
    encoded = value.encode()
    return b"X" + struct.pack("<I", len(encoded)) + encoded


def number(value: int) -> bytes:
    return b"J" + struct.pack("<i", value)


def sequence(*parts: bytes) -> bytes:
    return b"(" + b"".join(parts) + b"t"


def called(function: bytes, *arguments: bytes) -> bytes:
    return function + sequence(*arguments) + b"R"


def storage(key: str, dtype: str, count: int) -> bytes:
    parts = (text("storage"), STORAGES[dtype], text(key), text("cpu"), number(count), b"N")
    return sequence(*parts) + b"Q"


def tensor(found: bytes, offset: int, size: tuple, stride: tuple) -> bytes:
    shape, strides = sequence(*map(number, size)), sequence(*map(number, stride))
    hooks = called(ORDERED_DICT)
    return called(REBUILD, found, number(offset), shape, strides, b"\x89", hooks)


def state(**entries: bytes) -> bytes:
    """The pickle of an ordered dictionary of named values, each given as opcodes."""
    items = b"".join(text(name) + value for name, value in entries.items())
    return PROTOCOL + called(ORDERED_DICT) + b"(" + items + b"u" + STOP


def file(tensors: bytes, storages: dict[str, np.ndarray], little_endian: bool = True) -> bytes:
    """A whole file: `tensors` is its fourth pickle."""
    truth = b"\x88" if little_endian else b"\x89"
    system = PROTOCOL + b"}" + text("little_endian") + truth + b"s" + STOP
    keys = PROTOCOL + b"](" + b"".join(map(text, storages)) + b"e" + STOP
    data = b"".join(struct.pack("<q", a.size) + a.tobytes() for a in storages.values())
    return MAGIC + VERSION + system + tensors + keys + data


def ordinary() -> bytes:
    """Two entries: a (2, 3) matrix stored column by column after one other number, and a count."""
    numbers = np.array([9, 1, 4, 2, 5, 3, 6], np.float32)
    tensors = state(
        matrix=tensor(storage("a", "<f4", 7), 1, (2, 3), (1, 2)),
        count=tensor(storage("b", "<i8", 1), 0, (), ()),
    )
    return file(tensors, {"a": numbers, "b": np.array([12], np.int64)})
