"""What was recognised, as lines for the terminal."""

from collections import Counter
from collections.abc import Iterator, Sequence

from bakeoff.adopt.proposal import LEAST, Proposal, small_classes
from bakeoff.adopt.samples import Samples
from bakeoff.adopt.tried_reading import TriedReading
from bakeoff.runtime.errors import quoted
from bakeoff.runtime.tables import SIDES

_MOST_CLASSES = 20
_BAR = 30  # characters
_NEEDS = {
    "sort.min_side": "because pictures are smaller than the default allows",
    "sort.min_pictures": "which leaves out the classes that are too small to split",
    "sort.max_quarantined": "because so many pictures have no label",
}


def described(trial: TriedReading, proposal: Proposal, samples: Samples) -> list[str]:
    """Everything about the reading that will be written."""
    reading = trial.reading
    lines = [f"layout     {reading.layout}", f"           {quoted(_why(trial), 200)}"]
    lines += _classes(trial)
    lines += [f"sides      {_sides(trial)}", f"groups     {_groups(trial)}"]
    lines += _table(trial)
    lines += [f"left out   {line}" for line in _left_out(trial, proposal)]
    if not reading.unpacked:
        lines.append(f"pictures   {samples.described()}")
    lines += [f"too small  {line}" for line in _too_small(trial)]
    lines += [f"needs      {key}: {reading.params[key]}, {_NEEDS[key]}" for key in reading.params]
    lines += [f"warning    {quoted(warning, 400)}" for warning in _warnings(trial)]
    lines += [f"unknown    {line}" for line in _unknown(trial)]
    return lines


def _why(trial: TriedReading) -> str:
    first = min(trial.usable, key=lambda item: item.path)
    return trial.reading.why or f"'{first.path}' is '{first.label}'"


def other_readings(trials: Sequence[TriedReading]) -> list[str]:
    """The ways to read the files, numbered."""
    return [f"reading {number}: {_in_short(trial)}" for number, trial in enumerate(trials, start=1)]


def _in_short(trial: TriedReading) -> str:
    counts = trial.counts
    some = ", ".join(quoted(label, 30) for label in sorted(counts)[:4])
    more = ", …" if len(counts) > 4 else ""
    label = trial.reading.keys.get("label_column")
    column = f", column '{label}'" if label else ""
    return f"{trial.reading.layout}{column}: {len(counts)} classes ({some}{more})"


def _classes(trial: TriedReading) -> Iterator[str]:
    counts = trial.counts
    yield f"classes    {len(counts)}, {counts.total()} pictures"
    shown = sorted(counts) if len(counts) <= _MOST_CLASSES else _extremes(counts)
    width = max(len(quoted(label, 40)) for label in shown)
    top = max(counts.values())
    for label in shown:
        bar = "#" * max(1, round(_BAR * counts[label] / top))
        yield f"           {quoted(label, 40):<{width}} {counts[label]:>7} {bar}"
    if len(shown) < len(counts):
        yield f"           … and {len(counts) - len(shown)} classes between these in size"


def _extremes(counts: Counter[str]) -> list[str]:
    ranked = [label for label, _ in sorted(counts.items(), key=lambda item: (-item[1], item[0]))]
    half = _MOST_CLASSES // 2
    return ranked[:half] + ranked[-half:]


def _sides(trial: TriedReading) -> str:
    sides = Counter(item.official for item in trial.usable if item.official)
    if not sides:
        return "none of its own; the split deals new ones"
    counts = ", ".join(f"{sides[side]} {side}" for side in SIDES if sides[side])
    keep = "; 'split.official_test: true' keeps the test side, by default all are dealt anew"
    matched = f"{sides.total()} of {len(trial.usable)} names matched: {counts}"
    return matched + keep * bool(sides["test"])


def _groups(trial: TriedReading) -> str:
    grouped = [item.group for item in trial.usable if item.group]
    if not grouped:
        return "none recognised; identical and nearly identical pictures are kept together anyway"
    alone = len(trial.usable) - len(grouped)
    number = len(set(grouped)) + alone
    keys = trial.reading.keys
    by = f"column '{keys['group_column']}'" if "group_column" in keys else f"'{keys['group']}'"
    return f"{len(grouped)} of {len(trial.usable)} names matched, {number} groups (by {by})"


def _table(trial: TriedReading) -> Iterator[str]:
    if trial.reading.keys["kind"] != "table":
        return
    rows = [item for item in trial.found if item.reason == "no picture"]
    if rows:
        yield f"rows       {len(rows)} name no picture, such as '{quoted(rows[0].path)}'"
    unknown = trial.unlabelled
    if unknown:
        first = f"'{quoted(unknown[0].path)}': {quoted(unknown[0].detail)}"
        yield f"unlabelled {len(unknown)} pictures, such as {first}"


def _left_out(trial: TriedReading, proposal: Proposal) -> Iterator[str]:
    if trial.left_out:
        globs = ", ".join(trial.reading.keys.get("leave_out", ()))
        first = quoted(trial.left_out[0])
        yield f"{len(trial.left_out)} files, such as '{first}' (by {quoted(globs, 120)})"
    if trial.reading.keys["kind"] != "table" and (others := trial.unlabelled):
        yield f"{len(others)} pictures without a class, such as '{quoted(others[0].path)}'"
    rest = [p for p in proposal.listing.others if p not in trial.left_out]
    if rest and not trial.reading.unpacked:
        yield f"{len(rest)} files that are no pictures, such as '{quoted(rest[0])}'"


def _too_small(trial: TriedReading) -> Iterator[str]:
    small = small_classes(trial)
    if small:
        shown = ", ".join(f"'{quoted(label, 30)}' {small[label]}" for label in list(small)[:5])
        more = f" and {len(small) - 5} more" if len(small) > 5 else ""
        count = f"{len(small)} of {len(trial.counts)}"
        yield f"{count} classes have under {LEAST} groups: {shown}{more}"


def _warnings(trial: TriedReading) -> Iterator[str]:
    for warning in trial.warnings:
        if "seems to hold the archive's own sides" not in warning:
            yield warning


def _unknown(trial: TriedReading) -> Iterator[str]:
    if not any(item.group for item in trial.usable):
        yield "whether several pictures show one patient, session or object: then set 'group'"
    yield "whether the labels are right, and whether you may use the pictures ('licence')"
