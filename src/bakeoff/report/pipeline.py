"""The stages in a terminal, a line for each kind."""

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from bakeoff.runtime.dvc import outdated_stages
from bakeoff.runtime.plan import Planned, read_plan, read_seconds

_FIRST = "fingerprint"  # every stage depends on it


_WIDE = 150  # columns of a terminal that has room for what each stage does


def show_pipeline() -> None:
    """Print the stages in DVC's order: what they wait for, whether they are up to date, seconds."""
    console = Console(width=max(84, Console().width))
    plan, outdated = read_plan(), set(outdated_stages())
    seconds = read_seconds(plan)
    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False)
    for header in ("number", "stage", "after", "state", "last s"):
        table.add_column(header, justify="right" if header in ("number", "last s") else "left")
    if wide := console.width >= _WIDE:
        table.add_column("what it does")
    numbers = {planned.name: number for number, planned in enumerate(plan, 1)}
    for kind, stages in _by_kind(plan).items():
        stale = sum(stage.name in outdated for stage in stages)
        spent = sum(seconds.get(stage.name, 0.0) for stage in stages)
        first, last = numbers[stages[0].name], numbers[stages[-1].name]
        table.add_row(
            str(first) if first == last else f"{first}-{last}",
            kind if "@" not in stages[0].name else f"{kind}@ ({len(stages)})",
            ", ".join(direct_needs(kind, plan)),
            "up to date" if not stale else f"{stale} of {len(stages)} to run",
            f"{spent:.0f}" if spent else "",
            *([stages[0].desc] if wide else []),
        )
    console.print(table)
    console.print("\n`dvc repro STAGE` runs one with all that it needs, such as features@vgg16")


def _by_kind(plan: list[Planned]) -> dict[str, list[Planned]]:
    kinds: dict[str, list[Planned]] = {}
    for planned in plan:
        kinds.setdefault(planned.kind, []).append(planned)
    return kinds


def direct_needs(kind: str, plan: list[Planned]) -> list[str]:
    """The kinds that a kind waits for, without those that another one of them waits for."""
    needs: dict[str, set[str]] = {}  # all, by kind; stages follow what they need
    for planned in plan:
        named = {name.partition("@")[0] for name in planned.after} - {_FIRST}
        inherited = (needs.get(other, set()) for other in named)
        needs.setdefault(planned.kind, set()).update(named.union(*inherited))
    indirect = set[str]().union(*(needs[other] for other in needs[kind]))
    return [other for other in _by_kind(plan) if other in needs[kind] - indirect]
