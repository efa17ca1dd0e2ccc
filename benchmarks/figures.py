"""Store the benchmarks' results and compare them with the last ones.

Seconds depend on the machine. Ratios taken within one run can be compared; each benchmark stores
them under the key "ratios".
"""

import json
import os
import platform
from collections.abc import Mapping
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).resolve().parent / "results.json"


def record(part: str, ratios: Mapping[str, float], measured: Mapping[str, Any]) -> None:
    """Print the ratios beside those of the last run, and store the new ones.

    Args:
        part: the benchmark's name.
        ratios: values that can be compared between runs and machines.
        measured: the seconds, bytes and counts behind the ratios.
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
