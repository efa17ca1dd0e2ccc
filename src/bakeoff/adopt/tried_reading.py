"""One way to read a place as a data set, and what the sort stage would find in it."""

import logging
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from bakeoff.adopt.listing import Listing
from bakeoff.ingest.member_names import reason_to_leave_out
from bakeoff.params.block import parse
from bakeoff.params.datasets import KINDS, Dataset
from bakeoff.runtime.errors import BakeoffError
from bakeoff.sort.labelled_file import LabelledFile
from bakeoff.sort.labelling import find_labels
from bakeoff.sort.suspicious_classes import warn_of_classes

_WHERE = Path("datasets/new.yaml")


@dataclass(frozen=True)
class Reading:
    """A way to read the files."""

    layout: str  # its name, in a few words
    why: str  # what it was recognised by
    keys: dict[str, Any]  # of the data set's file, but `archive`
    comments: dict[str, str] = field(default_factory=dict)  # to some of these keys
    # values of `params.yaml` that it needs, by dotted key
    params: dict[str, Any] = field(default_factory=dict)
    # the paths that ingestion makes of arrays and tables of pixels; none for pictures
    unpacked: tuple[str, ...] = ()

    def with_key(self, key: str, value: Any, comment: str = "") -> "Reading":
        """The same with one key more."""
        comments = self.comments | ({key: comment} if comment else {})
        return replace(self, keys=self.keys | {key: value}, comments=comments)


@dataclass(frozen=True)
class TriedReading:
    """What the sort stage finds before it opens the pictures."""

    reading: Reading  # that was tried
    # one item for each file that is brought in, then one for each row without a picture
    found: tuple[LabelledFile, ...] = ()
    pictures: frozenset[str] = frozenset()  # files that are named as pictures
    left_out: tuple[str, ...] = ()  # files that `keep` and `leave_out` leave out
    warnings: tuple[str, ...] = ()  # of the sort stage
    refusal: str = ""  # its sentence, where it refuses the reading; "" otherwise

    @cached_property
    def usable(self) -> list[LabelledFile]:
        """Pictures with a class."""
        return [i for i in self.found if i.reason is None and i.path in self.pictures]

    @cached_property
    def strays(self) -> list[str]:
        """Files that lie as if they were pictures of a class."""
        return [i.path for i in self.found if i.reason is None and i.path not in self.pictures]

    @cached_property
    def unlabelled(self) -> list[LabelledFile]:
        """Files that look like pictures and have no class."""
        return [i for i in self.found if i.reason in ("unknown class", "ambiguous class")]

    @cached_property
    def counts(self) -> Counter[str]:
        """Pictures of each class."""
        return Counter(item.label for item in self.usable)

    @cached_property
    def labels(self) -> dict[str, str]:
        """The class of each picture that has one."""
        return {item.path: item.label for item in self.usable}


def dataset_of(reading: Reading, archive: str) -> Dataset:
    """The reading as a checked description; BakeoffError if a key is not allowed."""
    value = {"archive": archive, **reading.keys}
    return parse(KINDS[value["kind"]], value, where="", path=_WHERE)


def try_out(reading: Reading, listing: Listing) -> TriedReading:
    """Label the files as the sort stage does."""
    dataset = dataset_of(reading, str(listing.archive))
    paths: list[str] = []
    left_out: list[str] = []
    for path in reading.unpacked or listing.paths:
        gone = reason_to_leave_out(path, dataset.keep, dataset.leave_out)
        (left_out if gone else paths).append(path)
    with _warnings_of("bakeoff") as warnings:
        try:
            found = find_labels(paths, dataset, lambda path: listing.tables[path], listing.archive)
            warn_of_classes(found, dataset)
        except BakeoffError as error:
            refusal = f"{error} of a data set's file that you write by hand (docs/data.md)"
            return TriedReading(reading, left_out=tuple(left_out), refusal=refusal)
    pictures = frozenset(reading.unpacked or listing.pictures)
    return TriedReading(reading, tuple(found), pictures, tuple(left_out), tuple(warnings))


@contextmanager
def _warnings_of(name: str) -> Iterator[list[str]]:
    """Collect the warnings of a package instead of printing its messages."""
    messages: list[str] = []

    class Collect(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if record.levelno >= logging.WARNING:
                messages.append(record.getMessage())

    logger, handler = logging.getLogger(name), Collect()
    propagate, level = logger.propagate, logger.level
    logger.addHandler(handler)
    logger.propagate = False
    logger.setLevel(logging.WARNING)
    try:
        yield messages
    finally:
        logger.removeHandler(handler)
        logger.propagate = propagate
        logger.setLevel(level)
