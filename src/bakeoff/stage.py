"""What every stage script shares: logging, and turning a user's mistake into one sentence."""

import logging
import sys
from collections.abc import Callable

from bakeoff.errors import BakeoffError


def run_stage(name: str, main: Callable[[], None]) -> None:
    """Run a stage's recipe; a `BakeoffError` becomes one line on stderr and exit status 1."""
    logging.basicConfig(format=f"{name}: %(message)s", level=logging.WARNING, stream=sys.stderr)
    logging.getLogger("bakeoff").setLevel(logging.INFO)
    try:
        main()
    except BakeoffError as mistake:
        sys.exit(f"{name}: error: {mistake}")
    except KeyboardInterrupt:
        sys.exit(
            f"{name}: interrupted; nothing half-written was kept, `dvc repro` goes on from here"
        )
