"""What every stage script shares: how it starts, and a user's mistake told in one sentence.

It is the first import of each of them, so that Ctrl-C has its one line from then on, also while
the others take their seconds, and so that the others are of the repository that the stage runs in;
no module of the library imports it.

What the imports make, a million objects with TensorFlow, lives as long as the process: Python's
collector is off while they are made, and never looks at them afterwards. Going over them again and
again took a fifth of a start.
"""

import errno
import gc
import logging
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

from bakeoff.runtime.errors import BakeoffError
from bakeoff.runtime.files import replaced
from bakeoff.runtime.interruption import stop_if_interrupted, tell_in_one_line
from bakeoff.runtime.own_sources import use_own_sources
from bakeoff.runtime.readings import changed_readings, forget_readings

# The disk's refusals, which a person can mend; any other error of the system keeps its traceback.
_REFUSED = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM)
_OUTPUTS = ("data", "models", "reports")
_MOST_NAMED = 3
_NEW_OBJECTS = 50_000  # between two collections; Python's own 700 are meant for small programs


def run_stage(name: str, main: Callable[[], None]) -> None:
    """Run a stage's recipe; a `BakeoffError` becomes one line on stderr and exit status 1.

    So does a disk that is full or may not be written.
    """
    logging.basicConfig(format=f"{name}: %(message)s", level=logging.WARNING, stream=sys.stderr)
    logging.getLogger("bakeoff").setLevel(logging.INFO)
    logging.getLogger("urllib3").setLevel(logging.ERROR)  # its warnings quote whole addresses
    stop_if_interrupted()
    gc.freeze()
    gc.set_threshold(_NEW_OBJECTS)
    gc.enable()
    forget_readings()
    replaced.clear()
    try:
        main()
        _refuse_edited_inputs()
    except BakeoffError as mistake:
        sys.exit("\n".join(f"{name}: error: {sentence}" for sentence in mistake.sentences))
    except OSError as error:
        if error.errno not in _REFUSED:
            raise
        sys.exit(
            f"{name}: error: {error.filename or 'a file'}: {error.strerror}; nothing half-written "
            "was kept; make room, or make it writable, then `dvc repro` goes on from here"
        )


def _refuse_edited_inputs() -> None:
    """Delete the outputs of a stage whose parameters were edited while it ran."""
    changed = changed_readings()
    if not changed:
        return
    for path in filter(_is_output, replaced):
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    raise BakeoffError(
        f"{', '.join(changed[:_MOST_NAMED])} changed while this stage ran with the old value; its "
        "outputs were deleted; run `dvc repro` again"
    )


def _is_output(path: Path) -> bool:
    parts = Path(os.path.relpath(path)).parts
    return parts[0] in _OUTPUTS and parts[:2] != ("data", "external")


use_own_sources()
tell_in_one_line()
gc.disable()
