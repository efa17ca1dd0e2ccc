"""Every fault into every stage of a tiny pipeline: `python -m tests.faults.sweep`.

Prints what was done to each stage, and ends with status 1 where one did not survive. The moments
and the sizes are drawn from `--seed`; `--minutes` bounds the time.
"""

import argparse
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.faults.injuries import FAULTS, CannotInjureError, survive
from tests.faults.laboratory import STAGES, Laboratory


def main() -> None:
    """Run the sweep and print its table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=20)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--stages", nargs="*", default=STAGES)
    parser.add_argument("--faults", nargs="*", default=list(FAULTS))
    parser.add_argument("--reference", type=Path, help="where the undisturbed run is kept")
    asked = parser.parse_args()
    until = time.monotonic() + asked.minutes * 60
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(asked.jobs) as pool:
        print("one undisturbed run ...", flush=True)
        laboratory = Laboratory.build(asked.reference or Path(folder))

        def attempt(case: tuple[str, str]) -> str:
            stage, fault = case
            if time.monotonic() > until:
                outcome = "left out: the time is up"
            else:
                here = Path(folder) / f"{stage} {fault}"
                try:
                    outcome = f"survived, {survive(fault, laboratory, stage, here, asked.seed)}"
                except CannotInjureError as reason:
                    outcome = f"left out: {reason}"
                except AssertionError as error:
                    outcome = f"FAILED: {error}"
            print(f"{stage:<17} {fault:<12} {outcome}", flush=True)
            return outcome

        cases = [(stage, fault) for stage in asked.stages for fault in asked.faults]
        outcomes = list(pool.map(attempt, cases))
    counts = {k: sum(o.startswith(k) for o in outcomes) for k in ("survived", "left out", "FAILED")}
    print(", ".join(f"{count} {kind}" for kind, count in counts.items()))
    sys.exit(1 if counts["FAILED"] else 0)


if __name__ == "__main__":
    main()
