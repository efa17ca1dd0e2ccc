import io
import os
import shutil
import stat
import subprocess
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import pytest

from bakeoff.ingest.archives import Limits, MemberRules, extract
from bakeoff.ingest.raw_files import FILES, writing_raw_files
from bakeoff.runtime.errors import BakeoffError
from tests.tiny_raw import contents

WHERE = Path("datasets/mine.yaml")
KEEP = ("*",)
Mode = Literal["w", "w:gz", "w:xz", "w:bz2"]
MODES: dict[str, Mode] = {"tar": "w", "tar.gz": "w:gz", "tar.xz": "w:xz", "tar.bz2": "w:bz2"}


def unpack(
    archive: Path,
    *,
    keep: tuple[str, ...] = KEEP,
    limits: Limits | None = None,
    rules: MemberRules | None = None,
) -> tuple[dict[str, bytes], list[tuple[str, str]]]:
    target = archive.parent / "out"
    target.mkdir(exist_ok=True)
    rules = rules or MemberRules(keep)
    with writing_raw_files(target) as create:
        written, left_out = extract(
            archive, create, rules=rules, limits=limits or Limits(), where=WHERE
        )
    found = contents(target)
    assert list(found) == written
    return found, [(item.path, item.detail) for item in left_out]


def make_zip(path: Path, members: dict[str, bytes], compression: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def make_tar(path: Path, members: dict[str, bytes], mode: Mode = "w") -> Path:
    with tarfile.open(path, mode) as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return path


MEMBERS = {"cat/1.png": b"one", "dog/2.png": b"two", "cat/Übung 3.png": b"three"}


@pytest.mark.parametrize("kind", ["zip", *MODES, "folder"])
def test_every_container_gives_the_same_files(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"in.{kind}"
    if kind == "zip":
        make_zip(path, MEMBERS)
    elif kind == "folder":
        for name, content in MEMBERS.items():
            (path / name).parent.mkdir(parents=True, exist_ok=True)
            (path / name).write_bytes(content)
    else:
        make_tar(path, MEMBERS, MODES[kind])
    assert unpack(path) == (MEMBERS, [])


def test_what_keep_excludes_is_listed(tmp_path: Path) -> None:
    members = MEMBERS | {"notes.txt": b"n", "__MACOSX/cat/._1.png": b"m"}
    found, left_out = unpack(make_zip(tmp_path / "in.zip", members), keep=("cat/*", "dog/*"))
    assert found == MEMBERS
    assert left_out == [
        ("__MACOSX/cat/._1.png", "left by an operating system"),
        ("notes.txt", "outside 'keep'"),
    ]


def test_the_last_of_several_members_with_one_name_wins(tmp_path: Path) -> None:
    path = tmp_path / "in.tar"
    with tarfile.open(path, "w") as archive:
        for content in (b"old", b"newer"):
            info = tarfile.TarInfo("a/1.png")
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    assert unpack(path) == (
        {"a/1.png": b"newer"},
        [("a/1.png", "replaced by a later member of the same name")],
    )


def test_a_zip_with_utf8_names_but_without_the_flag(tmp_path: Path) -> None:
    # What macOS packs: write placeholder bytes of the same length, then put UTF-8 in their place.
    wanted = "Übung.png".encode()
    path = make_zip(tmp_path / "in.zip", {"x" * len(wanted): b"1"})
    path.write_bytes(path.read_bytes().replace(b"x" * len(wanted), wanted))
    assert unpack(path)[0] == {"Übung.png": b"1"}


def test_a_tar_with_names_that_are_not_utf8(tmp_path: Path) -> None:
    path = tmp_path / "in.tar"
    with tarfile.open(path, "w", format=tarfile.GNU_FORMAT, encoding="latin-1") as archive:
        archive.addfile(tarfile.TarInfo("Übung.png"))
    assert unpack(path)[0] == {"%DCbung.png": b""}


WORDS = {
    "utf-8": "Übung 肺炎",
    "cp437": "Übung ñ",
    "latin-1": "Übung ñ",
    "cp1251": "лёгкие",
    "koi8-r": "лёгкие",
    "shift_jis": "肺炎",
    "euc-jp": "肺炎",
    "gb18030": "肺炎",
    "big5": "肺炎",
    "euc-kr": "폐렴",
}


@pytest.mark.parametrize("kind", ["zip", "tar"])
@pytest.mark.parametrize("encoding", WORDS)
def test_names_in_every_encoding_come_in_and_stay_apart(
    tmp_path: Path, kind: str, encoding: str
) -> None:
    """Nobody says which encoding it is: names may look odd, but none is lost or leads out."""
    names = [f"{WORDS[encoding]}{number}.png".encode(encoding) for number in (1, 2)]
    stand_ins = [bytes([65 + number]) * len(name) for number, name in enumerate(names)]
    members = {text.decode(): b"%d" % number for number, text in enumerate(stand_ins)}
    path = make_zip(tmp_path / "i.zip", members) if kind == "zip" else tmp_path / "i.tar"
    if kind == "tar":
        with tarfile.open(path, "w", encoding="utf-8", errors="surrogateescape") as archive:
            for number, name in enumerate(names):
                info = tarfile.TarInfo(name.decode("utf-8", "surrogateescape"))
                info.size = 1
                archive.addfile(info, io.BytesIO(b"%d" % number))
    content = path.read_bytes()
    for stand_in, name in zip(stand_ins, names, strict=True):
        content = content.replace(stand_in, name)
    path.write_bytes(content)
    found, left_out = unpack(path)
    assert sorted(found.values()) == [b"0", b"1"]
    assert left_out == []
    if encoding == "utf-8" or (kind, encoding) == ("zip", "cp437"):
        assert set(found) == {name.decode(encoding) for name in names}


def test_a_wrong_extension_does_not_mislead(tmp_path: Path) -> None:
    tar = make_tar(tmp_path / "in.zip", MEMBERS, "w:gz")
    assert unpack(tar)[0] == MEMBERS
    shutil.rmtree(tmp_path / "out")
    assert unpack(make_zip(tmp_path / "in.tar.gz", MEMBERS))[0] == MEMBERS
    shutil.rmtree(tmp_path / "out")
    (tmp_path / "picture.zip").write_bytes(b"\x89PNG\r\n\x1a\n")
    with pytest.raises(BakeoffError, match="neither a whole zip"):
        unpack(tmp_path / "picture.zip")


def test_windows_separators_make_folders(tmp_path: Path) -> None:
    assert unpack(make_zip(tmp_path / "in.zip", {"cat\\1.png": b"1"}))[0] == {"cat/1.png": b"1"}


def special(kind: bytes) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        path = folder / "in.tar"
        with tarfile.open(path, "w") as archive:
            info = tarfile.TarInfo("bad")
            info.type, info.linkname = kind, "/etc/passwd"
            archive.addfile(info)
        return path

    return make


def zip_with_mode(mode: int) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        path = folder / "in.zip"
        with zipfile.ZipFile(path, "w") as archive:
            info = zipfile.ZipInfo("bad")
            info.external_attr = mode << 16
            archive.writestr(info, "/etc/passwd")
        return path

    return make


def encrypted(folder: Path) -> Path:
    path = make_zip(folder / "in.zip", {"a.png": b"1"})
    content = bytearray(path.read_bytes())
    content[6] |= 1  # the flag in the local header
    content[content.index(b"PK\1\2") + 8] |= 1  # and in the directory
    path.write_bytes(content)
    return path


def folder_with_link(folder: Path) -> Path:
    path = folder / "in"
    path.mkdir()
    (path / "bad.png").symlink_to("/etc/passwd")
    return path


def folder_with_fifo(folder: Path) -> Path:
    path = folder / "in"
    path.mkdir()
    os.mkfifo(path / "pipe.png")
    return path


def cut(path: Path, keep: int) -> Path:
    path.write_bytes(path.read_bytes()[:keep])
    return path


def flipped_zip(folder: Path) -> Path:
    path = make_zip(folder / "in.zip", {"a.png": b"1234567890"})
    path.write_bytes(path.read_bytes().replace(b"1234567890", b"1234567899"))
    return path


def headless_tar(folder: Path) -> Path:
    """The second member's header is damaged: `tarfile` alone would stop there in silence."""
    path = make_tar(folder / "in.tar", {"a.png": b"1", "b.png": b"2"})
    content = bytearray(path.read_bytes())
    content[1024:1100] = b"\xff" * 76
    path.write_bytes(content)
    return path


def text(folder: Path) -> Path:
    path = folder / "in.7z"
    path.write_bytes(b"7z\xbc\xaf\x27\x1c and so on")
    return path


BAD = {
    "climbing zip": (lambda f: make_zip(f / "i.zip", {"../x": b""}), "climbs out of its folder"),
    "climbing tar": (lambda f: make_tar(f / "i.tar", {"a/../../x": b""}), "climbs out"),
    "climbing backslashes": (lambda f: make_zip(f / "i.zip", {"..\\x": b""}), "climbs out"),
    "absolute zip": (lambda f: make_zip(f / "i.zip", {"/x": b""}), "an absolute path"),
    "absolute drive": (
        lambda f: make_zip(f / "i.zip", {"C:\\x": b""}),
        "begins with a drive, 'C:'",
    ),
    "thousand deep": (lambda f: make_tar(f / "i.tar", {"d/" * 1000 + "x": b""}), "64 folders deep"),
    "thousand deep zip": (lambda f: make_zip(f / "i.zip", {"d/" * 1000: b""}), "64 folders deep"),
    "symbolic link": (special(tarfile.SYMTYPE), "'bad' is a link"),
    "hard link": (special(tarfile.LNKTYPE), "'bad' is a link"),
    "character device": (special(tarfile.CHRTYPE), "'bad' is a device file"),
    "block device": (special(tarfile.BLKTYPE), "'bad' is a device file"),
    "fifo": (special(tarfile.FIFOTYPE), "'bad' is a device file"),
    "link in a zip": (zip_with_mode(stat.S_IFLNK | 0o777), "'bad' is a link"),
    "device in a zip": (zip_with_mode(stat.S_IFCHR | 0o600), "'bad' is a device file"),
    "link in a folder": (folder_with_link, "'bad.png' is a link"),
    "fifo in a folder": (folder_with_fifo, "'pipe.png' is a device file"),
    "encrypted": (encrypted, "'a.png' is encrypted"),
    "cut zip": (lambda f: cut(make_zip(f / "i.zip", MEMBERS), 100), "damaged"),
    "cut tar": (lambda f: cut(make_tar(f / "i.tar", {"a": b"x" * 2000}), 1000), "damaged"),
    "cut tar.gz": (
        lambda f: cut(make_tar(f / "i.tgz", {"a": os.urandom(9999)}, "w:gz"), 5000),
        "damaged",
    ),
    "cut tar.xz": (
        lambda f: cut(make_tar(f / "i.txz", {"a": os.urandom(9999)}, "w:xz"), 5000),
        "damaged",
    ),
    "no end mark": (lambda f: cut(make_tar(f / "i.tar", {"a": b"", "b": b""}), 1024), "damaged"),
    "flipped bit": (flipped_zip, "damaged"),
    "damaged header": (headless_tar, "damaged"),
    "another format": (text, "not unpacked here; unpack it"),
    "file and folder": (
        lambda f: make_tar(f / "i.tar", {"a": b"1", "a/b/c": b"2"}),
        "'a/b/c' is both a file and a folder in it",
    ),
    "folder and file": (
        lambda f: make_tar(f / "i.tar", {"a/b/c": b"2", "a": b"1"}),
        "'a' is both a file and a folder in it",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_archives_get_one_sentence(tmp_path: Path, name: str) -> None:
    make, expected = BAD[name]
    outside = {p for p in tmp_path.parent.iterdir()}
    archive = make(tmp_path)
    with pytest.raises(BakeoffError, match=expected) as caught:
        unpack(archive)
    assert str(caught.value).startswith(str(archive))
    assert "\n" not in str(caught.value)
    assert {p for p in tmp_path.parent.iterdir()} == outside


def test_a_folder_a_thousand_deep_is_refused(tmp_path: Path) -> None:
    deep, home = tmp_path / "in", Path.cwd()
    deep.mkdir()
    try:
        os.chdir(deep)
        for _ in range(1000):  # step by step: no such path could be named
            Path("deep_folder").mkdir()
            os.chdir("deep_folder")
        os.chdir(home)
        with pytest.raises(BakeoffError, match="cannot be unpacked .*name too long"):
            unpack(deep)
    finally:
        os.chdir(home)
        subprocess.run(["rm", "-rf", str(deep)], check=True)  # pytest could not


def test_a_link_that_keep_excludes_does_no_harm(tmp_path: Path) -> None:
    archive = special(tarfile.SYMTYPE)(tmp_path)
    with pytest.raises(BakeoffError, match="no file to bring in, 1 members left out"):
        unpack(archive, keep=("*.png",))


def test_limits_name_the_key_to_raise(tmp_path: Path) -> None:
    bomb = make_zip(tmp_path / "i.zip", {"a": bytes(70 << 20)}, compression=zipfile.ZIP_DEFLATED)
    cases = {
        "max_ratio": Limits(ratio=200),
        "max_gigabytes": Limits(gigabytes=0.01, ratio=1e6),
    }
    for key, limits in cases.items():
        with pytest.raises(BakeoffError, match=f"raise '{key}' in {WHERE}"):
            unpack(bomb, limits=limits)
        assert (tmp_path / "out" / FILES).stat().st_size < 70 << 20
        shutil.rmtree(tmp_path / "out")
    many = make_tar(tmp_path / "many.tar", {f"{i}.png": b"" for i in range(11)})
    with pytest.raises(BakeoffError, match="more than 10 files"):
        unpack(many, limits=Limits(files=10))


def test_a_lying_header_does_not_help(tmp_path: Path) -> None:
    """The directory says 1 byte where 3 MB follow: what is written counts, not what is said."""
    path = make_zip(tmp_path / "i.zip", {"a": bytes(3 << 20)}, compression=zipfile.ZIP_DEFLATED)
    content = path.read_bytes().replace((3 << 20).to_bytes(4, "little"), (1).to_bytes(4, "little"))
    path.write_bytes(content)
    with pytest.raises(BakeoffError, match="damaged"):
        unpack(path)


def test_an_archive_within_an_archive_is_unpacked_in_its_place(tmp_path: Path) -> None:
    inner = make_zip(tmp_path / "train.zip", {"train/cat.0.jpg": b"c", "train/dog.0.jpg": b"d"})
    archive = make_zip(tmp_path / "in.zip", {"set/train.zip": inner.read_bytes(), "read.me": b"r"})
    chosen = MemberRules(("*.jpg",), inner_archives=("*train.zip",))
    assert unpack(archive, rules=chosen) == (
        {"set/train.zip/train/cat.0.jpg": b"c", "set/train.zip/train/dog.0.jpg": b"d"},
        [("read.me", "outside 'keep'")],
    )


def test_a_bomb_within_an_archive_counts_against_the_limits(tmp_path: Path) -> None:
    bomb = make_zip(tmp_path / "bomb.zip", {"a": bytes(2_000_000)})
    archive = make_zip(tmp_path / "in.zip", {"bomb.zip": bomb.read_bytes()})
    chosen = MemberRules(inner_archives=("bomb.zip",))
    with pytest.raises(BakeoffError, match="unpacks to more than 0.001 GB"):
        unpack(archive, rules=chosen, limits=Limits(gigabytes=0.001))


def test_what_leave_out_names_is_listed_and_must_be_there(tmp_path: Path) -> None:
    archive = make_zip(tmp_path / "in.zip", {"a/1.png": b"1", "a/1_mask.png": b"m"})
    found, left_out = unpack(archive, rules=MemberRules(leave_out=("*_mask.png",)))
    assert (found, left_out) == ({"a/1.png": b"1"}, [("a/1_mask.png", "in 'leave_out'")])
    with pytest.raises(BakeoffError, match=r"'\*_maks.png' .* fits no member .* such as 'a/1.png'"):
        unpack(archive, rules=MemberRules(leave_out=("*_maks.png",)))


def test_links_of_a_folder_are_followed_where_asked(tmp_path: Path) -> None:
    folder, store = tmp_path / "in", tmp_path / "store"
    for place in (folder / "cat", store / "dog"):
        place.mkdir(parents=True)
    (store / "1.png").write_bytes(b"1")
    (store / "dog/2.png").write_bytes(b"2")
    (folder / "cat/1.png").symlink_to(store / "1.png")
    (folder / "dog").symlink_to(store / "dog")
    (store / "dog/again").symlink_to(folder)  # a circle
    with pytest.raises(BakeoffError, match="is a link; set 'follow_links: true'"):
        unpack(folder)
    followed = MemberRules(follow_links=True)
    assert unpack(folder, rules=followed) == ({"cat/1.png": b"1", "dog/2.png": b"2"}, [])
    (folder / "cat/3.png").symlink_to(store / "gone.png")
    with pytest.raises(BakeoffError, match="'cat/3.png' is a link"):
        unpack(folder, rules=followed)
