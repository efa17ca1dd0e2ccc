"""Save scikit-learn models without pickle, and load only expected types.

A skops file is a zip of a JSON tree and NumPy arrays. Three parts of it differ from run to run:
dates, memory addresses used as identifiers, and the padding of structured arrays. They are
normalised here, so that equal models give equal files.

Skops imports most of scikit-learn, so it is imported where it is used.
"""

import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from bakeoff.runtime.errors import BakeoffError
from bakeoff.runtime.files import writing_file

# The only type that the models need and skops does not trust by default: the compiled tree.
TRUSTED = ("sklearn.tree._tree.Tree",)

_DATE = (1980, 1, 1, 0, 0, 0)
_SCHEMA = "schema.json"


def save(model: Any, path: Path) -> None:
    """Save a fitted estimator; the bytes depend only on the estimator."""
    import skops.io

    with zipfile.ZipFile(io.BytesIO(skops.io.dumps(model))) as source:
        tree = json.loads(source.read(_SCHEMA))
        renamed = _renumber(tree)
        with writing_file(path) as partial, zipfile.ZipFile(partial, "w") as target:
            for name in sorted(renamed, key=renamed.__getitem__):
                _add(target, f"{renamed[name]}.npy", _without_padding(source.read(name)))
            _add(target, _SCHEMA, json.dumps(tree, indent=1).encode())


def load(path: Path) -> Any:
    """Load an estimator that `save` wrote.

    Raises:
        BakeoffError: the file is not a skops file, or contains a type that `save` does not write.
    """
    import skops.io

    try:
        unknown = sorted(set(skops.io.get_untrusted_types(file=path)) - set(TRUSTED))
        if unknown:
            raise BakeoffError(
                f"{path}: not loaded, since it holds {', '.join(unknown)}, which no model of ours "
                "needs; make it again with `dvc repro`"
            )
        return skops.io.load(path, trusted=list(TRUSTED))
    except (zipfile.BadZipFile, KeyError, json.JSONDecodeError) as error:
        raise BakeoffError(
            f"{path}: not a skops file ({error}); make it again with `dvc repro`"
        ) from None


def _nodes(tree: Any) -> Iterator[dict[str, Any]]:
    """Every JSON object in the tree, outermost first."""
    pending = [tree]
    while pending:
        value = pending.pop()
        if isinstance(value, dict):
            yield value
            pending.extend(reversed(value.values()))
        elif isinstance(value, list):
            pending.extend(reversed(value))


def _renumber(tree: Any) -> dict[str, int]:
    """Number identifiers in order of appearance, in place.

    Returns the old names of the array files and their new numbers.
    """
    numbers: dict[int, int] = {}
    files: dict[str, int] = {}
    for node in _nodes(tree):
        if "__id__" in node:
            node["__id__"] = numbers.setdefault(node["__id__"], len(numbers) + 1)
        if "file" in node:
            node["file"] = f"{files.setdefault(node['file'], len(files) + 1)}.npy"
    return files


def _without_padding(data: bytes) -> bytes:
    """The `.npy` file with zeros as padding between the fields of structured records."""
    array = np.load(io.BytesIO(data), allow_pickle=False)
    if array.dtype.names is None:
        return data
    clean = np.zeros(array.shape, array.dtype)
    for field in array.dtype.names:
        clean[field] = array[field]
    stream = io.BytesIO()
    np.save(stream, clean, allow_pickle=False)
    return stream.getvalue()


def _add(target: zipfile.ZipFile, name: str, data: bytes) -> None:
    entry = zipfile.ZipInfo(name, _DATE)
    entry.external_attr = 0o644 << 16
    entry.compress_type = zipfile.ZIP_DEFLATED
    target.writestr(entry, data, compresslevel=6)
