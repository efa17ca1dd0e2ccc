"""The folder between `evaluate` and `report`: exact predictions, maps, and the comparison."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import Any, get_type_hints

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter

from bakeoff.evaluate.comparison import Comparison, Contender, scorecards
from bakeoff.evaluate.evaluation import Evaluation
from bakeoff.evaluate.folded import Curve, recipe_metadata
from bakeoff.evaluate.pairings import Pairing
from bakeoff.runtime.errors import BakeoffError
from bakeoff.runtime.files import read_json, write_json
from bakeoff.scoring.predictions import Predictions
from bakeoff.test_side.candidates import Candidate
from bakeoff.test_side.inspection import Inspection
from bakeoff.test_side.repeats import Spread

_CONCLUSIONS, _MAPS = "conclusions.json", "maps.npz"
_OF_CONTENDER = ("intervals", "recalls", "groups_behind")  # slow to compute again
_SEPARATOR = "\n"  # does not occur in names of models and classes


def write_evaluation(folder: Path, evaluation: Evaluation) -> None:
    """Write everything that the report needs to know, without anything clocked, to `folder`."""
    _save(folder / _MAPS, _maps(evaluation.inspections))
    comparisons = {"test": evaluation.test, "folds": evaluation.folds, "clean": evaluation.clean}
    for name, comparison in comparisons.items():
        if comparison:
            _save(folder / f"{name}.npz", _arrays(comparison))
    facts: dict[str, Any] = {name: _facts(c) for name, c in comparisons.items() if c}
    facts["twins"] = plain(evaluation.twins)
    facts["leaking"] = evaluation.leaking
    facts["curves"] = plain(evaluation.curves)
    facts["seeds"] = {name: s.accuracies.tolist() for name, s in evaluation.spreads.items()}
    write_json(folder / _CONCLUSIONS, facts)


def _arrays(comparison: Comparison) -> dict[str, NDArray[Any]]:
    """The tested pictures, and each model's probabilities and temperatures under its name."""
    first = comparison.contenders[0].predictions
    arrays: dict[str, NDArray[Any]] = {"": first.image_ids, _SEPARATOR: first.labels}
    for c in comparison.contenders:
        arrays[c.name] = np.stack([p.probabilities for p in c.repeats])
        arrays[c.name + _SEPARATOR] = np.stack(c.temperatures)
    return arrays


def _facts(comparison: Comparison) -> dict[str, Any]:
    fields = [name for name in get_type_hints(Comparison) if name != "contenders"]
    return {
        "classes": comparison.contenders[0].predictions.classes,
        "comparison": {name: plain(getattr(comparison, name)) for name in fields},
        "contenders": [
            {"name": c.name} | {name: plain(getattr(c, name)) for name in _OF_CONTENDER}
            for c in comparison.contenders
        ],
    }


def read_evaluation(folder: Path, candidates: Sequence[Candidate]) -> Evaluation:
    """Read what `write_evaluation` wrote of these candidates; latencies are not in it.

    Raises:
        BakeoffError: the evaluation is missing, or belongs to other models.
    """
    metadata = recipe_metadata(candidates)
    try:
        facts = read_json(folder / _CONCLUSIONS)
        maps = _load(folder / _MAPS)
        read = {
            name: _comparison(facts[name], _load(folder / f"{name}.npz"), metadata)
            for name in ("test", "folds", "clean")
            if name in facts
        }
    except (OSError, ValueError):
        raise BakeoffError(
            f"{folder}: missing or damaged; run `dvc repro --force evaluate`"
        ) from None
    except KeyError:
        raise BakeoffError(
            f"{folder}: contains other models than models/; run `dvc repro evaluate`"
        ) from None
    return Evaluation(
        test=read["test"],
        folds=read.get("folds"),
        curves={
            name: TypeAdapter(Curve).validate_python(_with_nan(curve))
            for name, curve in facts["curves"].items()
        },
        inspections=_inspections(maps, tuple(facts["test"]["classes"])),
        spreads={name: Spread(np.array(values)) for name, values in facts["seeds"].items()},
        clean=read.get("clean"),
        twins={
            name: TypeAdapter(Pairing).validate_python(_with_nan(pairing))
            for name, pairing in facts["twins"].items()
        },
        leaking=int(facts["leaking"]),
    )


def _comparison(
    facts: Mapping[str, Any],
    arrays: Mapping[str, NDArray[Any]],
    metadata: Mapping[str, Mapping[str, Any]],
) -> Comparison:
    contenders = []
    for found in facts["contenders"]:
        name = found["name"]
        repeats = tuple(
            Predictions(tuple(facts["classes"]), arrays[""], arrays[_SEPARATOR], probabilities)
            for probabilities in arrays[name]
        )
        temperatures = tuple(arrays[name + _SEPARATOR])
        card, uncalibrated = scorecards(repeats, temperatures)
        contenders.append(
            Contender(
                name=name,
                metadata=metadata[name],
                repeats=repeats,
                card=card,
                uncalibrated=uncalibrated,
                temperatures=temperatures,
                **_typed(Contender, {field: found[field] for field in _OF_CONTENDER}),
            )
        )
    return Comparison(contenders=tuple(contenders), **_typed(Comparison, facts["comparison"]))


def _typed(kind: type, values: Mapping[str, Any]) -> dict[str, Any]:
    """Values of a dataclass's fields from JSON; null becomes NaN."""
    hints = get_type_hints(kind)
    return {
        name: TypeAdapter(hints[name]).validate_python(_with_nan(value))
        for name, value in values.items()
    }


def plain(value: Any) -> Any:
    """Nested values for JSON: NaN becomes null, NumPy's numbers and arrays become Python's."""
    if is_dataclass(value) and not isinstance(value, type):
        return plain(asdict(value))
    if isinstance(value, Mapping):
        return {str(name): plain(inner) for name, inner in value.items()}
    if isinstance(value, np.ndarray | list | tuple):
        return [plain(inner) for inner in value]
    if isinstance(value, np.generic):
        return plain(value.item())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def _with_nan(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _with_nan(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_with_nan(inner) for inner in value]
    return math.nan if value is None else value


def _maps(inspections: Mapping[str, Inspection]) -> dict[str, NDArray[Any]]:
    """Every map as an array, under kind, model and subject."""
    arrays: dict[str, NDArray[Any]] = {}
    for model, inspection in inspections.items():
        for place, found in inspection.explained.items():
            arrays[_SEPARATOR.join(("explained", model, str(place)))] = found
        for label, found in inspection.mean_maps.items():
            arrays[_SEPARATOR.join(("mean", model, label))] = found
        if inspection.importances is not None:
            arrays[_SEPARATOR.join(("importances", model, ""))] = inspection.importances
    return arrays


def _inspections(
    arrays: Mapping[str, NDArray[Any]], classes: Sequence[str]
) -> dict[str, Inspection]:
    split = {tuple(name.split(_SEPARATOR)): array for name, array in arrays.items()}
    return {
        model: Inspection(
            explained={
                int(key[2]): a for key, a in split.items() if key[:2] == ("explained", model)
            },
            mean_maps={
                name: found
                for name in classes
                if (found := split.get(("mean", model, name))) is not None
            },
            importances=split.get(("importances", model, "")),
        )
        for model in {key[1]: None for key in split}
    }


def _save(path: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Save the arrays under numbers, and their names as one more array."""
    names = np.array(list(arrays), np.str_)
    numbered = {f"{i:06d}": array for i, array in enumerate(arrays.values())}
    np.savez(path, allow_pickle=False, names=names, **numbered)


def _load(path: Path) -> dict[str, NDArray[Any]]:
    with np.load(path, allow_pickle=False) as entry:
        return {str(name): entry[f"{i:06d}"] for i, name in enumerate(entry["names"])}
