"""Found first on PYTHONPATH: file systems list folders in any order, so these are shuffled."""

import os
import random

_listdir, _scandir = os.listdir, os.scandir
_chance = random.Random(os.environ.get("BAKEOFF_SHUFFLE", ""))


def listdir(path="."):
    names = _listdir(path)
    _chance.shuffle(names)
    return names


class Shuffled:
    """What `os.scandir` gives, in another order."""

    def __init__(self, path="."):
        with _scandir(path) as entries:
            self._entries = list(entries)
        _chance.shuffle(self._entries)

    def __iter__(self):
        return self

    def __next__(self):
        if not self._entries:
            raise StopIteration
        return self._entries.pop()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self._entries.clear()


for name, shuffled in {"listdir": listdir, "scandir": Shuffled}.items():
    setattr(os, name, shuffled)
