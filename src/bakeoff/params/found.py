"""The result of a search, as later stages read it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel

from bakeoff.params.block import PARAMS, parse
from bakeoff.runtime.errors import BakeoffError
from bakeoff.runtime.files import read_json, write_json, write_text, writing_folder

BEST, TRIALS, IMPORTANCES = "best.json", "trials.csv", "importances.csv"
COLUMNS = ("number", "state", "cohen_kappa", "best_epoch", "epochs")
"""The first columns of `trials.csv`; one for each searched parameter follows."""

P = TypeVar("P", bound=BaseModel)


@dataclass(frozen=True)
class Found:
    """The values of the best trial, by dotted name; none without a search."""

    trials: int = 0
    values: Mapping[str, Any] = field(default_factory=dict)

    def applied_to(self, params: P) -> P:
        """`params` with the found values instead of the given ones."""
        return with_values(params, self.values)

    def facts(self) -> dict[str, Any]:
        """The search's entries in a model's `params`."""
        return {"searched": sorted(self.values), "trials": self.trials}


def with_values(params: P, values: Mapping[str, Any]) -> P:
    """`params` with other values at some dotted names, validated again.

    Raises:
        BakeoffError: the values do not fit together.
    """
    tree = params.model_dump()
    for path, value in values.items():
        *blocks, key = path.split(".")
        node = tree
        for block in blocks:
            node = node[block]
        node[key] = value
    where = ", ".join(f"{path}: {value}" for path, value in values.items())
    return parse(type(params), tree, where=f"with {where}", path=PARAMS)


def read_found(folder: Path) -> Found:
    """Read `best.json` of a search; BakeoffError if it is missing or damaged."""
    try:
        best = read_json(folder / BEST)
    except (OSError, ValueError):
        raise BakeoffError(
            f"{folder / BEST}: missing or damaged; run `dvc repro tune@{folder.name}`"
        ) from None
    return Found(best["trials"], best["values"]) if best else Found()


def write_no_search(folder: Path) -> Found:
    """Write the outputs of a stage without a search."""
    with writing_folder(folder) as partial:
        write_json(partial / BEST, {})
        write_text(partial / TRIALS, ",".join(COLUMNS) + "\n")
        write_text(partial / IMPORTANCES, "parameter,importance\n")
    return Found()
