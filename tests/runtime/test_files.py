"""Files are whole or absent."""

import hashlib
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bakeoff.runtime.files import (
    read_json,
    remove_leftovers,
    replacing_file,
    sha256_of_file,
    sha256_of_folder,
    write_json,
    writing_file,
    writing_folder,
)

hooks: list[Callable[[str, tuple[Any, ...]], object]] = []
# A hook can never be taken away again: this one asks those that are wanted now.
# It keeps the list: at the end of the interpreter the module's names are gone.
sys.addaudithook(lambda *said, hooks=hooks: [hook(*said) for hook in hooks])


def test_a_file_appears_only_when_it_is_whole(tmp_path):
    target = tmp_path / "a" / "table.csv"
    with writing_file(target) as partial:
        partial.write_text("x")
        assert not target.exists()
    assert target.read_text() == "x"
    assert [p.name for p in target.parent.iterdir()] == ["table.csv"]


def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path):
    target = tmp_path / "table.csv"
    target.write_text("old")
    with pytest.raises(RuntimeError), writing_file(target) as partial:
        partial.write_text("half")
        raise RuntimeError
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_a_failure_leaves_the_old_folder_and_nothing_else(tmp_path):
    target = tmp_path / "splits"
    target.mkdir()
    (target / "train.csv").write_text("old")
    with pytest.raises(RuntimeError), writing_folder(target) as partial:
        (partial / "train.csv").write_text("half")
        raise RuntimeError
    assert (target / "train.csv").read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_a_new_folder_replaces_the_old_one_entirely(tmp_path):
    target = tmp_path / "splits"
    target.mkdir()
    (target / "stale.csv").write_text("old")
    with writing_folder(target) as partial:
        (partial / "train.csv").write_text("new")
    assert [p.name for p in target.iterdir()] == ["train.csv"]


def test_a_process_killed_while_replacing_leaves_a_whole_folder_or_none(tmp_path):
    target = tmp_path / "splits"
    for name in ("train", "val", "test"):
        target.mkdir(exist_ok=True)
        (target / name).write_text("old")
    seen = []

    def look(event, arguments):
        if event in ("os.remove", "os.rename", "os.rmdir") and target.is_dir():
            seen.append(sorted((p.name, p.read_text()) for p in target.iterdir()))

    hooks.append(look)
    with writing_folder(target) as partial:
        (partial / "train").write_text("new")
    hooks.remove(look)
    old = [(name, "old") for name in ("test", "train", "val")]
    assert old in seen
    assert [state for state in seen if state not in (old, [("train", "new")])] == []


def test_json_is_sorted_ends_with_a_newline_and_refuses_nan(tmp_path):
    write_json(tmp_path / "x.json", {"b": 1, "a": [1.5]})
    assert (tmp_path / "x.json").read_text() == '{\n  "a": [\n    1.5\n  ],\n  "b": 1\n}\n'
    assert read_json(tmp_path / "x.json") == {"a": [1.5], "b": 1}
    with pytest.raises(ValueError, match="JSON"):
        write_json(tmp_path / "y.json", {"a": float("nan")})
    assert json.loads((tmp_path / "x.json").read_text())
    assert not (tmp_path / "y.json").exists()


def test_file_hash_is_sha256(tmp_path):
    (tmp_path / "x").write_bytes(b"abc" * 700_000)
    assert sha256_of_file(tmp_path / "x") == hashlib.sha256(b"abc" * 700_000).hexdigest()


def test_folder_hash_sees_names_and_contents_but_not_order(tmp_path):
    one, two, renamed, edited = (tmp_path / n for n in ("one", "two", "renamed", "edited"))
    for folder, names in ((one, "ab"), (two, "ba"), (renamed, "ac"), (edited, "ab")):
        folder.mkdir()
        for name in names:
            (folder / name).write_text("same")
    (edited / "b").write_text("other")
    assert sha256_of_folder(one) == sha256_of_folder(two)
    assert len({sha256_of_folder(f) for f in (one, renamed, edited)}) == 3


def test_two_writers_of_one_path_do_not_meet(tmp_path):
    target = tmp_path / "table.csv"
    with writing_file(target) as one, writing_file(target) as two:
        assert one != two
        one.write_text("one")
        two.write_text("two")
    assert target.read_text() == "one"  # the outer one is put in place last
    assert list(tmp_path.iterdir()) == [target]


def test_what_a_killed_writer_left_is_swept_by_the_next(tmp_path):
    killed = (
        "import os, sys; from pathlib import Path\n"
        "from bakeoff.runtime.files import writing_file, writing_folder\n"
        "with writing_file(Path('table.csv')) as f, writing_folder(Path('splits')) as d:\n"
        "    f.write_text('half'); (d / 'train.csv').write_text('half'); os._exit(9)\n"
    )
    subprocess.run([sys.executable, "-c", killed], cwd=tmp_path, check=False)
    assert len(list(tmp_path.glob(".*.partial"))) == 2
    other = tmp_path / ".table.csv.another-machine.1-0.partial"
    other.write_text("another machine's")
    with writing_file(tmp_path / "table.csv") as partial:  # while it is at work, it is left alone
        with writing_file(tmp_path / "table.csv") as again:
            again.write_text("whole")
        partial.write_text("whole")
    with writing_folder(tmp_path / "splits"):
        pass
    assert sorted(p.name for p in tmp_path.iterdir()) == [other.name, "splits", "table.csv"]


def test_a_long_name_leaves_room_for_the_temporary_one(tmp_path):
    target = tmp_path / ("ü" * 120)
    with writing_file(target) as partial:
        partial.write_text("x")
    assert target.read_text() == "x"


def test_a_shard_s_file_is_whole_at_any_time(tmp_path):
    path = tmp_path / "shard"
    path.write_text("first")
    with replacing_file(path) as one, replacing_file(path) as other:
        one.write_text("half")
        other.write_text("second")
        assert path.read_text() == "first"
    assert path.read_text() == "half" and [p.name for p in tmp_path.iterdir()] == ["shard"]
    with pytest.raises(ZeroDivisionError), replacing_file(path) as one:
        one.write_text("never")
        raise ZeroDivisionError
    assert path.read_text() == "half" and [p.name for p in tmp_path.iterdir()] == ["shard"]


def test_leftovers_of_killed_shards_are_removed(tmp_path):
    (tmp_path / "cat").mkdir()
    kept = [tmp_path / "cat/1.partial.png", tmp_path / "a.partial"]
    for path in [*kept, tmp_path / "cat/.0f.partial", tmp_path / ".1f.partial"]:
        path.touch()
    remove_leftovers(tmp_path)
    assert sorted(p for p in tmp_path.rglob("*") if p.is_file()) == sorted(kept)


@pytest.mark.skipif(not Path("/dev/full").is_char_device(), reason="no /dev/full")
@pytest.mark.parametrize("writing", [writing_file, replacing_file, writing_folder])
def test_the_error_of_a_full_disk_names_the_file(tmp_path, writing):
    with pytest.raises(OSError, match="No space left on device: '.*wanted'"):  # noqa: SIM117
        with writing(tmp_path / "wanted"):
            Path("/dev/full").write_text("x")
    assert not list(tmp_path.iterdir())
