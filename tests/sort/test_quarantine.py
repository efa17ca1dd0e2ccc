from pathlib import Path

import pytest

from bakeoff.runtime.errors import BakeoffError
from bakeoff.sort.quarantine import Quarantined, quarantine_table, stop_at, what_else
from bakeoff.sort.sampling import UNSAMPLED

WHERE = Path("datasets/mine.yaml")


def bad(count: int, reason: str = "truncated", detail: str = "why") -> list[Quarantined]:
    return [Quarantined(f"{reason}{i}.png", reason, detail) for i in range(count)]  # type: ignore[arg-type]


def test_the_share_counts_all_but_what_is_left_out() -> None:
    refused = bad(10, "unknown class") + bad(500, "left out", "system")
    stop_at(0.2, refused, bad(10), 90, WHERE)  # 20 of 100
    with pytest.raises(BakeoffError) as caught:
        stop_at(0.19, refused, bad(10), 90, WHERE)
    assert str(caught.value) == (
        "datasets/mine.yaml: 20% of the files would be quarantined (10 unknown class, 10 "
        "truncated; the first is 'truncated0.png': why), over 'sort.max_quarantined' 19% in "
        "params.yaml; correct datasets/mine.yaml, or raise that limit"
    )


def test_a_sample_speaks_for_the_whole() -> None:
    # Of 100 files 10 are of no class; of the 90 others 9 are looked at, and 1 is truncated.
    refused = bad(10, "unknown class") + bad(81, "left out", UNSAMPLED)
    stop_at(0.21, refused, bad(1), 9, WHERE)  # 0.1 + 0.9 / 9 = 0.2
    with pytest.raises(BakeoffError, match="20% of the files"):
        stop_at(0.19, refused, bad(1), 9, WHERE)


def test_nothing_at_all_is_no_share() -> None:
    stop_at(0.0, [], [], 0, WHERE)


def test_the_table_is_sorted() -> None:
    table = quarantine_table(bad(2)[::-1] + bad(1, "animated"))
    assert table["path"].tolist() == ["animated0.png", "truncated0.png", "truncated1.png"]
    assert list(table) == ["path", "reason", "detail"]
    assert list(quarantine_table([])) == ["path", "reason", "detail"]


def test_the_hint_names_every_archive_because_only_one_may_hold_the_class() -> None:
    remedy = "an archive; name it under 'inner_archives' to unpack it in its place)"
    assert what_else(["a.zip", "b.csv"]) == f" ('a.zip' is {remedy}"
    assert what_else(["test.zip", "train.zip"]) == f" ('test.zip', 'train.zip': each is {remedy}"
