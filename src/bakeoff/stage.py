"""What every stage script shares: logging, and turning a user's mistake into one sentence."""

import errno
import logging
import sys
from collections.abc import Callable

from bakeoff.errors import BakeoffError

# The disk's refusals, which a person can mend; any other error of the system keeps its traceback.
_REFUSED = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM)


def run_stage(name: str, main: Callable[[], None]) -> None:
    """Run a stage's recipe; a `BakeoffError` becomes one line on stderr and exit status 1.

    So does a disk that is full or may not be written.
    """
    logging.basicConfig(format=f"{name}: %(message)s", level=logging.WARNING, stream=sys.stderr)
    logging.getLogger("bakeoff").setLevel(logging.INFO)
    logging.getLogger("urllib3").setLevel(logging.ERROR)  # its warnings quote whole addresses
    try:
        main()
    except BakeoffError as mistake:
        sys.exit(f"{name}: error: {mistake}")
    except OSError as error:
        if error.errno not in _REFUSED:
            raise
        sys.exit(
            f"{name}: error: {error.filename or 'a file'}: {error.strerror}; nothing half-written "
            "was kept; make room, or make it writable, then `dvc repro` goes on from here"
        )
    except KeyboardInterrupt:
        sys.exit(
            f"{name}: interrupted; nothing half-written was kept, `dvc repro` goes on from here"
        )
