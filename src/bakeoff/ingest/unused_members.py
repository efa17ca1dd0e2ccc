"""Tell which members of an archive were not brought in, and what would bring them in."""

import logging
from collections import Counter
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from bakeoff.ingest.member_names import REPLACED, is_in_hidden_folder
from bakeoff.ingest.raw_files import LeftOut
from bakeoff.pictures.decoding import SUFFIXES
from bakeoff.runtime.errors import quoted

log = logging.getLogger(__name__)


def tell_of_left_out(left_out: Sequence[LeftOut], inner: Sequence[str], where: Path) -> None:
    """Log the members left out by reason; warn of those that may have been wanted.

    Args:
        left_out: Members that were not brought in.
        inner: Members that are archives and were brought in as they are.
        where: The data set's file.
    """
    if inner:
        log.warning(
            "%d archives in the archive are not unpacked (%s): name those that hold pictures "
            "under 'inner_archives' in %s",
            *(len(inner), quoted(", ".join(inner)), where),
        )
    hidden = [item.path for item in left_out if _is_hidden_picture(item.path)]
    if hidden:
        log.warning(
            "%d pictures in hidden folders are left out, such as '%s': to use them, rename these "
            "folders so that no name begins with a dot",
            *(len(hidden), quoted(hidden[0])),
        )
    replaced = [item.path for item in left_out if item.detail == REPLACED]
    if replaced:
        log.warning(
            "%d members are left out, because a later one has the same name, such as '%s': rename "
            "one of each to use both",
            *(len(replaced), quoted(replaced[0])),
        )
    if left_out:
        reasons = Counter(item.detail for item in left_out)
        shown = ", ".join(f"{count} {reason}" for reason, count in sorted(reasons.items()))
        log.info("%d members left out (%s), listed in quarantine.csv", len(left_out), shown)


def _is_hidden_picture(path: str) -> bool:
    return PurePosixPath(path).suffix.lower() in SUFFIXES and is_in_hidden_folder(path)
