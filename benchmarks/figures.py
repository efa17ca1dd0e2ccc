"""Where the benchmarks keep their figures, and how they are compared with the last ones.

Seconds belong to one machine. What is compared are ratios taken within one run, which each
benchmark gives under the key "ratios".
"""

import json
import os
import platform
from collections.abc import Mapping
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).resolve().parent / "results.json"


def record(part: str, ratios: Mapping[str, float], measured: Mapping[str, Any]) -> None:
    """Print the ratios beside those of the last run, and keep the new ones.

    Args:
        part: the benchmark's name.
        ratios: what may be compared between runs and machines.
        measured: seconds, bytes and whatever else they come from.
    """
    known = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    print(compare(part, known.get(part, {}).get("ratios", {}), ratios))
    machine = {"processors": os.cpu_count(), "kind": platform.machine()}
    rounded = {name: round(value, 3) for name, value in ratios.items()}
    known[part] = {"machine": machine, "ratios": rounded, "measured": dict(measured)}
    RESULTS.write_text(json.dumps(known, indent=2, sort_keys=True) + "\n")


def compare(part: str, before: Mapping[str, float], after: Mapping[str, float]) -> str:
    """A table of ratios: name, last, now, change."""
    width = max(map(len, after), default=0)
    lines = [f"\n{part:{width}}     last      now"]
    for name, value in after.items():
        last = before.get(name)
        told = f"{last:9.3f}" if last is not None else "         "
        change = f"  x{value / last:.2f}" if last else ""
        lines.append(f"{name:{width}}{told}{value:9.3f}{change}")
    return "\n".join(lines)
