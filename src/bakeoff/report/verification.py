"""A reproduction beside the committed one: outputs by hash, scores within a tolerance."""

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bakeoff.runtime.dvc import (
    CLOCKED,
    locked_dataset,
    locked_outputs,
    only_planned,
    outdated_stages,
)
from bakeoff.runtime.errors import BakeoffError
from bakeoff.runtime.git import GitError, git
from bakeoff.runtime.plan import read_plan

LOCK, METRICS = "dvc.lock", "reports/metrics.json"
TOLERANCE = 0.005
"""Largest difference of a score that agrees: half a point of accuracy."""

# A kind is the first whose beginnings fit a path; from the pictures to the conclusions.
_KINDS = {
    "code": ("data/fingerprint",),
    "parameters": ("data/params",),
    "features": ("data/features/",),
    "folds": ("data/folds/",),
    "models": ("models/", "data/search/"),
    "data": ("data/raw", "data/interim", "data/splits", "data/augment", "data/processed",
             "reports/data", "reports/split", "reports/tfrecord", "reports/census"),
    "conclusions": ("data/evaluate", "reports/"),
}  # fmt: skip
_ORDER = ("code", "parameters", "data", "features", "models", "folds", "conclusions")

_MOST = 10  # scores that are listed

# The first kind of these that differs explains the rest.
_BECAUSE = {
    "parameters": "Parameters differ, or which pretrained weights were found: another experiment, "
    "whose results may differ. `git diff params.yaml datasets` and `bakeoff doctor` say more.",
    "code": "The code has changed since that reproduction was committed; results may differ.",
    "data": "The pictures or their split differ, with the same code and parameters: the source has "
    "other content, or a decoding library another version. Expect other scores, and compare the "
    "source's SHA-256 and uv.lock.",
}

Scores = Mapping[str, Mapping[str, float | None]]


@dataclass(frozen=True)
class Apart:
    """A score that differs; None where it is missing or undefined."""

    model: str
    score: str
    here: float | None
    there: float | None

    @property
    def difference(self) -> float:
        """Infinite where only one of the two is a number."""
        if self.here is None or self.there is None:
            return float("inf")
        return abs(self.here - self.there)

    def __str__(self) -> str:
        """The score, here and there, with four digits."""
        here, there = ("none" if v is None else f"{v:.4f}" for v in (self.here, self.there))
        return f"{self.score} of {self.model}: {here} here, {there} there"


@dataclass(frozen=True)
class Verification:
    """What two reproductions share."""

    commit: str  # the abbreviated commit that holds the other one
    outputs: Mapping[str, bool]  # whether each output, by path, has the same hash in both
    scores: int  # the number of scores that were compared
    apart: tuple[Apart, ...]  # scores that are not equal, the largest difference first
    tolerance: float  # the largest difference of scores that agree
    datasets: tuple[str | None, str | None] = (None, None)  # the data set here, and the one there

    @property
    def beyond(self) -> tuple[Apart, ...]:
        """Scores that do not agree."""
        return tuple(a for a in self.apart if a.difference > self.tolerance)

    def differing(self, kind: str) -> list[str]:
        """The outputs of a kind that differ, sorted."""
        return sorted(p for p, same in self.outputs.items() if not same and kind_of(p) == kind)


def kind_of(path: str) -> str:
    """The kind of an output: code, parameters, data, features, models, folds or conclusions."""
    return next((k for k, starts in _KINDS.items() if path.startswith(starts)), "conclusions")


def compare(
    commit: str,
    locks: tuple[str, str],
    metrics: tuple[Scores, Scores],
    tolerance: float = TOLERANCE,
) -> Verification:
    """Compare texts of `dvc.lock` and scores by model; each first here, then in the commit."""
    here, there = map(locked_outputs, locks)
    outputs = {p: here.get(p) == there.get(p) for p in here.keys() | there.keys()}
    one, two = ({(m, s): v for m, row in t.items() for s, v in row.items()} for t in metrics)
    names = sorted(one.keys() | two.keys())
    pairs = [Apart(m, s, one.get((m, s)), two.get((m, s))) for m, s in names]
    apart = sorted((p for p in pairs if p.here != p.there), key=lambda p: -p.difference)
    datasets = locked_dataset(locks[0]), locked_dataset(locks[1])
    return Verification(commit, outputs, len(names), tuple(apart), tolerance, datasets)


def verify(revision: str, tolerance: float) -> Verification:
    """Compare the working folder with a commit; BakeoffError where it is not reproduced."""
    commit = _committed("rev-parse", "--short", f"{revision}^{{commit}}").strip()
    committed = [_committed("show", f"{commit}:{path}") for path in (LOCK, METRICS)]
    if stale := outdated_stages():
        shown = ", ".join(stale[:3]) + (f" and {len(stale) - 3} more" if len(stale) > 3 else "")
        raise BakeoffError(f"nothing to verify yet: {shown} must run first; run `dvc repro`")
    lock, metrics = (Path(path).read_text(encoding="utf-8") for path in (LOCK, METRICS))
    lock = only_planned(lock, {planned.name for planned in read_plan()})
    scores = json.loads(metrics), json.loads(committed[1])
    return compare(commit, (lock, committed[0]), scores, tolerance)


def _committed(*arguments: str) -> str:
    """The output of git; BakeoffError with its reason where it fails."""
    try:
        return git(*arguments)
    except GitError as reason:
        raise BakeoffError(
            f"there is no committed reproduction to compare with ({reason}); commit one"
        ) from None


def one_line(found: Verification) -> str:
    """The result in one line."""
    total, same = len(found.outputs), sum(found.outputs.values())
    if same == total:
        return f"verify: all {total} outputs are identical to those of commit {found.commit}"
    if found.beyond:
        scores = f"{len(found.beyond)} of {found.scores} scores differ by more than"
    elif found.apart:
        scores = f"all {found.scores} scores agree within"
    else:
        scores = f"all {found.scores} scores are equal, tolerance"
    return (
        f"verify: {same} of {total} outputs are identical to those of commit {found.commit}, "
        f"{scores} {found.tolerance:g}; `bakeoff verify` says more"
    )


def in_full(found: Verification) -> list[str]:
    """The result in lines: outputs of each kind, scores, and what the differences mean."""
    total = Counter(kind_of(path) for path in found.outputs)
    lines = [f"compared with commit {found.commit} ({LOCK}, {METRICS})", ""]
    lines.append(f"{'outputs':<12} {'identical':>9} {'different':>9}")
    for kind in _ORDER:
        differing = found.differing(kind)
        named = ", ".join(differing[:2]) + (", ..." if len(differing) > 2 else "")
        count = f"{kind:<12} {total[kind] - len(differing):>9} {len(differing):>9}  {named}"
        lines.append(count.rstrip())
    lines += [f"not compared, because they report seconds: {', '.join(sorted(CLOCKED))}", ""]
    agreeing, within = found.scores - len(found.beyond), f"within {found.tolerance:g}"
    lines.append(f"scores: {agreeing} of {found.scores} agree {within}")
    lines += _largest(found)
    return [*lines, "", meaning(found)]


def _largest(found: Verification) -> list[str]:
    """The scores that differ most; models that only one side has are named once."""
    lines = []
    for side, place in (("here", "there"), ("there", "here")):
        only = sorted({a.model for a in found.beyond if getattr(a, side) is None})
        lines += [f"  undefined {side}, not {place}: {', '.join(only)}"] if only else []
    apart = [a for a in found.beyond or found.apart[:1] if a.difference < float("inf")]
    lines += [f"  {a}" for a in apart[:_MOST]]
    return lines + ([f"  and {len(apart) - _MOST} more"] if len(apart) > _MOST else [])


def meaning(found: Verification) -> str:
    """What the differences mean, by the first kind of output that differs."""
    if all(found.outputs.values()):
        return "This is the same reproduction, byte for byte."
    here, there = found.datasets
    if here != there:
        return (
            f"The data set is {here} here and {there} there: the scores are of different pictures, "
            "and their differences say nothing about models."
        )
    for kind, because in _BECAUSE.items():
        if found.differing(kind):
            return because
    usual = (
        "The data are the same. Another processor or number of threads rounds differently, in the "
        "last bits of a network's features or of a trained head"
    )
    if found.beyond:
        return (
            f"{usual}; training can amplify this, as it did for the scores above. Compare with "
            "their intervals (`bakeoff show`): a conclusion that rests on less is none."
        )
    return f"{usual}; the scores agree all the same."
