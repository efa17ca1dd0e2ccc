import re
from pathlib import Path

from bakeoff.adopt.listing import look
from bakeoff.adopt.proposal import propose, with_samples
from bakeoff.adopt.thumbnails import terminal_row
from tests.adopt import layouts


def test_a_row_of_thumbnails_shows_one_picture_of_each_class(tmp_path: Path) -> None:
    proposal = propose(look(layouts.class_folders(tmp_path)))
    trial, samples = with_samples(proposal.trials[0], proposal.listing)
    *lines, names = terminal_row(trial, samples, 80)
    assert len(lines) == 8
    assert names.split() == ["cat", "dog"]
    for line in lines:
        assert re.sub(r"\x1b\[[\d;]*m", "", line) == "▀" * 16 + " " + "▀" * 16
    assert terminal_row(trial, samples, 20)[-1].split() == ["cat"]
    assert terminal_row(trial, samples, 10) == []
