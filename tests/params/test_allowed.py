"""Types and constraints in words."""

from typing import Annotated, Any, Literal

import pytest
from pydantic import Field

from bakeoff.params.allowed import allowed_values
from bakeoff.params.folds import FoldsParams


@pytest.mark.parametrize(
    ("annotation", "words"),
    [
        (int, "a whole number"),
        (Annotated[int, Field(ge=1, le=16)], "a whole number from 1 to 16"),
        (Annotated[float, Field(gt=0, le=1)], "a number above 0 and at most 1"),
        (Annotated[int, Field(ge=1)] | Literal["auto"] | None,
         "a whole number of at least 1, or `auto`, or `null`"),
        (tuple[Annotated[float, Field(ge=0, lt=1)], ...],
         "a list of numbers of at least 0 and below 1"),
        (Annotated[tuple[str, ...], Field(min_length=2)], "a list of 2 or more texts"),
        (Annotated[str, Field(min_length=1)], "text that is not empty"),
        (Annotated[str, Field(min_length=1, max_length=1)], "text of 1 character"),
        (Literal["a", "b", "c"], "`a`, `b` or `c`"),
        (bool, "`true` or `false`"),
        (dict[str, Any], "a mapping"),
        (FoldsParams, "a mapping with keys of `count`, `repeats`, `networks`, `trees`"),
    ],
)  # fmt: skip
def test_words(annotation: Any, words: str) -> None:
    assert allowed_values(annotation) == words
