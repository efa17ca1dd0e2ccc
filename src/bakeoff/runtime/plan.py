"""The stages in DVC's order, and how long the rest of a run takes."""

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from bakeoff.runtime import journal

_MARK = re.compile(r"\$\{(key|item)\}")

# Seconds of one stage in the default run on two cores; they only give the proportions.
_USUAL = {
    "ingest": 8, "sort": 3, "split": 2, "augment": 2, "tfrecord": 7, "census": 6, "features": 25,
    "tune": 1, "train": 10, "logistic": 3, "folds": 35, "random_forest": 5, "forest_folds": 8,
    "evaluate": 40, "report": 20,
}  # fmt: skip
_UNUSUAL = "fingerprint"  # may wait for hosts
_OF_MODELS = ("data/features", "data/folds", "data/search", "models")


@dataclass(frozen=True)
class Planned:
    """A stage as `dvc.yaml` describes it, `foreach` expanded."""

    name: str  # as DVC calls it, such as `train@vgg16`
    desc: str  # what it does
    outs: tuple[str, ...]  # paths of its outputs
    after: tuple[str, ...]  # names of the stages that it depends on, in order

    @property
    def kind(self) -> str:
        """The name without the part after `@`."""
        return self.name.partition("@")[0]


def read_plan(root: Path = Path()) -> list[Planned]:
    """All stages in the order of `dvc.yaml`, in which every stage follows those it needs.

    DVC runs them in this order; a test compares the two.
    """
    described = yaml.safe_load((root / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    params = yaml.safe_load((root / "params.yaml").read_text(encoding="utf-8"))
    plan: list[Planned] = []
    for name, block in described.items():
        for item, body in _expanded(name, block, params):
            outs = tuple(_paths(body.get("outs", []) + body.get("metrics", [])))
            deps = tuple(_paths(body.get("deps", [])))
            after = tuple(p.name for p in plan if any(_touch(d, o) for d in deps for o in p.outs))
            plan.append(Planned(item, body.get("desc", ""), outs, after))
    return plan


def _expanded(name: str, block: Any, params: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    if "foreach" not in block:
        yield name, block
        return
    items = block["foreach"]
    if isinstance(items, str):
        items = params[items.strip("${}")]
    for item in items:
        yield f"{name}@{item}", _filled(block["do"], str(item))


def _filled(value: Any, item: str) -> Any:
    match value:
        case str():
            return _MARK.sub(lambda _: item, value)
        case list():
            return [_filled(v, item) for v in value]
        case dict():
            return {_filled(k, item): _filled(v, item) for k, v in value.items()}
    return value


def _paths(entries: list[Any]) -> list[str]:
    return [next(iter(entry)) if isinstance(entry, dict) else entry for entry in entries]


def _touch(one: str, two: str) -> bool:
    """Whether the paths are the same, or one lies in the other."""
    return f"{one}/".startswith(f"{two}/") or f"{two}/".startswith(f"{one}/")


def left_over() -> list[Path]:
    """Folders of models that `params.yaml` no longer has, sorted; DVC keeps what no stage owns."""
    if not Path("dvc.yaml").is_file():
        return []
    owned = {out for planned in read_plan() for out in planned.outs}
    found = [path for parent in _OF_MODELS for path in Path(parent).glob("[!.]*/")]
    return sorted(p for p in found if p.as_posix() not in owned)


def trained_names() -> list[str]:
    """The models that the stages write to `models/`."""
    outs = [Path(out) for planned in read_plan() for out in planned.outs]
    return [out.name for out in outs if out.parent == Path("models")]


def place_in_run(name: str) -> str:
    """Which stage of how many this is, and the time that is left; empty outside of DVC's plan."""
    plan: list[Planned] = []
    with suppress(OSError, yaml.YAMLError, KeyError, TypeError, AttributeError):
        plan = read_plan()
    numbers = {planned.name: number for number, planned in enumerate(plan, 1)}
    if name not in numbers:
        return ""
    left = seconds_left(plan, name, read_seconds(plan))
    time = f", about {_rounded(left)} left" if left else ""
    return f"stage {numbers[name]} of {len(plan)}{time}"


def read_seconds(plan: list[Planned]) -> dict[str, float]:
    """The seconds that each stage took when it last ran on this machine; others are missing."""
    found = {p.name: journal.lookup("stages", p.name).get("seconds") for p in plan}
    return {name: float(seconds) for name, seconds in found.items() if seconds is not None}


def record_seconds(name: str, seconds: float) -> None:
    """Store how long a stage took."""
    journal.record("stages", name, {"seconds": round(seconds, 1)})


def seconds_left(plan: list[Planned], name: str, known: Mapping[str, float]) -> float | None:
    """The seconds of stage `name` and of those after it that wait for it or have no outputs yet.

    None if nothing was measured yet. A stage that never ran here takes as long as its kind did, or
    as usual at the speed of the others.
    """
    kinds = {p.name: p.kind for p in plan}
    measured = {n: s for n, s in known.items() if kinds.get(n) in _USUAL}
    if not measured:
        return None
    speed = sum(measured.values()) / sum(_USUAL[kinds[n]] for n in measured)

    def expected(planned: Planned) -> float:
        alike = [s for n, s in known.items() if kinds.get(n) == planned.kind]
        usual = sum(alike) / len(alike) if alike else speed * _USUAL.get(planned.kind, 5)
        return known.get(planned.name, usual)

    names = [p.name for p in plan]
    running = plan[names.index(name)]
    waiting, total = {name}, expected(running)
    for planned in plan[names.index(name) + 1 :]:
        absent = not all(os.path.lexists(out) for out in planned.outs)
        if absent or waiting & set(planned.after):
            waiting.add(planned.name)
            total += expected(planned)
    return total


def _rounded(seconds: float) -> str:
    if seconds < 90:
        return f"{max(10, round(seconds, -1)):.0f} s"
    return f"{seconds / 60:.0f} min"
