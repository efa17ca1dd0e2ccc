import subprocess
import sys
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from bakeoff.ingest.archives import Limits, MemberRules, extract
from bakeoff.ingest.member_names import UnsafeNameError, safe_path
from bakeoff.ingest.raw_files import (
    FILES,
    LeftOut,
    read_left_out,
    read_raw_file,
    reading_raw_files,
    write_left_out,
    writing_raw_files,
)
from bakeoff.runtime.errors import BakeoffError
from tests.tiny_raw import contents, fill


def safe(name: str) -> str:
    try:
        path = safe_path(name)
    except UnsafeNameError:
        path = ""
    assume(path)
    return path


NAMES = st.text(min_size=1, max_size=60).map(safe)


@given(st.lists(st.tuples(NAMES, st.binary(max_size=300)), max_size=8))
def test_what_is_read_is_what_was_written_last(written: list[tuple[str, bytes]]) -> None:
    with TemporaryDirectory() as name:
        folder = Path(name)
        with writing_raw_files(folder) as create:
            for path, content in written:
                with create(path, len(content)) as file:
                    file.write(content[:100])
                    file.write(content[100:])
        with reading_raw_files(folder) as files:
            assert files.names() == sorted(dict(written))
            for path, content in dict(written).items():
                assert files.place(path).size == len(content)
                assert files.read(path) == content
                assert read_raw_file(folder, files.place(path)) == content


def test_the_bytes_depend_on_contents_and_order_alone(tmp_path: Path) -> None:
    files = {"cat/1.png": b"one", "cat/Übung.png": b"", "notes": b"n" * 5000}
    zips = []
    for name in ("a", "b", "reversed"):
        fill(tmp_path / name, dict(reversed(files.items())) if name == "reversed" else files)
        zips.append((tmp_path / name / FILES).read_bytes())
    assert zips[0] == zips[1] != zips[2]
    with zipfile.ZipFile(tmp_path / "a" / FILES) as archive:
        for info in archive.infolist():
            assert info.date_time == (1980, 1, 1, 0, 0, 0)
            assert info.compress_type == zipfile.ZIP_STORED
            assert info.external_attr >> 16 == 0o100644


def test_a_replaced_file_is_in_no_tool_s_way(tmp_path: Path) -> None:
    with writing_raw_files(tmp_path) as create:
        for name, content in [("a", b"old"), ("b/c", b"2"), ("a", b"newer"), ("a", b"newest")]:
            with create(name) as file:
                file.write(content)
    assert contents(tmp_path) == {"a": b"newest", "b/c": b"2"}
    with zipfile.ZipFile(tmp_path / FILES) as archive:
        assert archive.namelist() == ["b/c", "a"]
        assert archive.testzip() is None
    command = [sys.executable, "-m", "zipfile", "-e", FILES, "out"]
    subprocess.run(command, cwd=tmp_path, check=True, stdin=subprocess.DEVNULL)
    assert (tmp_path / "out/a").read_bytes() == b"newest"


def test_its_own_zip_can_be_brought_in_again(tmp_path: Path) -> None:
    fill(tmp_path / "one", {"cat/1.png": b"one", "Übung/2.png": b"two"})
    (tmp_path / "two").mkdir()
    with writing_raw_files(tmp_path / "two") as create:
        extract(
            tmp_path / "one" / FILES, create, rules=MemberRules(), limits=Limits(), where=tmp_path
        )
    assert contents(tmp_path / "two") == contents(tmp_path / "one")


def test_several_threads_may_read(tmp_path: Path) -> None:
    expected = {f"{i % 7}/{i}.png": i.to_bytes(2, "big") * (i * 40) for i in range(200)}
    fill(tmp_path, expected)
    with reading_raw_files(tmp_path) as files, ThreadPoolExecutor(8) as pool:
        names = files.names() * 5
        for name, content in zip(names, pool.map(files.read, names), strict=True):
            assert content == expected[name]


def test_a_file_over_the_old_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 2 GiB, here of 1000 bytes: its length stands in a header written before it is known."""
    monkeypatch.setattr(zipfile, "ZIP64_LIMIT", 1000)
    files = {"a.tiff": b"a", "long.tiff": b"long" * 1000, "z.tiff": b"z"}
    with writing_raw_files(tmp_path) as create:
        for name, content in files.items():
            with create(name, len(content)) as file:
                file.write(content)
    monkeypatch.undo()
    assert contents(tmp_path) == files
    with reading_raw_files(tmp_path) as opened:
        assert {name: read_raw_file(tmp_path, opened.place(name)) for name in files} == files


def flip(content: bytes, at: int) -> bytes:
    return content[:at] + bytes([content[at] ^ 0xFF]) + content[at + 1 :]


DAMAGE = {
    "gone": lambda whole: None,
    "empty": lambda whole: b"",
    "cut": lambda whole: whole[:-30],
    "beginning lost": lambda whole: whole[40:],
    "end lost": lambda whole: whole[: len(whole) // 2],
    "contents": lambda whole: flip(whole, whole.index(b"contents of")),
    "local header": lambda whole: flip(whole, 0),
    "directory": lambda whole: flip(whole, whole.index(b"PK\1\2")),
    "comment": lambda whole: flip(whole, len(whole) - 1),
    "a name": lambda whole: flip(whole, whole.rindex(b"dog")),
    "other text": lambda whole: b"version https://git-lfs.github.com/spec/v1\n",
}


def test_no_damaged_byte_changes_or_hides_a_file(tmp_path: Path) -> None:
    files = {"cat/1.png": b"contents of a picture", "dog/Übung.png": b"another"}
    fill(tmp_path, files)
    path = tmp_path / FILES
    whole = path.read_bytes()
    told = 0
    for at in range(len(whole)):
        path.write_bytes(flip(whole, at))
        try:
            assert contents(tmp_path) == files, at
        except BakeoffError:
            told += 1
    assert told > len(whole) / 2


def test_damage_after_the_directory_was_read_is_noticed(tmp_path: Path) -> None:
    fill(tmp_path, {"cat/1.png": b"contents of a picture", "dog/Übung.png": b"another"})
    with reading_raw_files(tmp_path) as opened:
        place = opened.place("dog/Übung.png")
    path = tmp_path / FILES
    whole = path.read_bytes()
    refused = 0
    for at in range(len(whole)):
        path.write_bytes(flip(whole, at))
        try:
            assert read_raw_file(tmp_path, place) == b"another", at
        except BakeoffError:
            refused += 1
    assert refused >= len(b"PK\3\4") + len(b"another")
    path.write_bytes(whole[: place.header + 31])
    with pytest.raises(BakeoffError, match="bad CRC-32"):
        read_raw_file(tmp_path, place)


@pytest.mark.parametrize("name", DAMAGE)
def test_damage_is_one_sentence_with_the_remedy(tmp_path: Path, name: str) -> None:
    fill(tmp_path, {"cat/1.png": b"contents of a picture", "dog/2.png": b"another"})
    path = tmp_path / FILES
    damaged = DAMAGE[name](path.read_bytes())
    path.unlink()
    if damaged is not None:
        path.write_bytes(damaged)
    with pytest.raises(BakeoffError) as caught:
        contents(tmp_path)
    told = str(caught.value)
    assert told.startswith(f"{path}: cannot be read (")
    assert f"`dvc checkout --force {tmp_path}` restores it" in told
    assert "`dvc repro --force ingest` makes it again" in told
    assert "\n" not in told


def test_what_was_left_out_is_read_as_written(tmp_path: Path) -> None:
    left_out = [LeftOut('a, "b"\n.png', "outside 'keep'"), LeftOut("Übung", "no array file")]
    write_left_out(tmp_path / "left_out.csv", left_out)
    assert read_left_out(tmp_path / "left_out.csv") == left_out
    assert read_left_out(tmp_path / "none.csv") == []
