import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bakeoff.ingest.member_names import (
    UnsafeNameError,
    is_junk,
    matches,
    reason_to_leave_out,
    safe_path,
)


@given(st.text(st.characters(blacklist_categories=()), max_size=60))
@example("a/../../b")
@example("\udcff\udcfe/x")
@example("．．/x")
@example("a\\..\\..\\b")
@example("C:x")
def test_a_safe_path_stays_inside_its_folder(name: str) -> None:
    try:
        path = safe_path(name)
    except UnsafeNameError:
        return
    parts = path.split("/") if path else []
    assert not path.startswith("/")
    assert "\\" not in path
    assert not {"", ".", ".."} & set(parts)
    assert not any(ord(character) < 32 for character in path)
    assert safe_path(path) == path


@given(st.lists(st.sampled_from(["..", ".", "a", "b.png", ""]), min_size=1), st.booleans())
def test_a_climbing_path_is_always_refused(parts: list[str], windows: bool) -> None:
    name = ("\\" if windows else "/").join(parts)
    if ".." in parts or name.startswith(("/", "\\")):
        with pytest.raises(UnsafeNameError):
            safe_path(name)
    else:
        assert safe_path(name) == "/".join(part for part in parts if part not in (".", ""))


@pytest.mark.parametrize("name", ["/etc/passwd", "\\\\host\\x", "C:\\x", "c:/x", "\\x"])
def test_absolute_paths_are_refused(name: str) -> None:
    with pytest.raises(UnsafeNameError, match="absolute|drive"):
        safe_path(name)


def test_a_path_a_thousand_deep_is_refused() -> None:
    with pytest.raises(UnsafeNameError, match="64 folders"):
        safe_path("a/" * 1000 + "x.png")


def test_letters_are_composed_and_odd_bytes_written_out() -> None:
    assert safe_path("cafe\u0301.png") == "caf\u00e9.png"
    assert safe_path(b"\xff\xe9.png".decode("utf-8", "surrogateescape")) == "%FF%E9.png"
    assert safe_path("a\nb.png") == "a%0Ab.png"


def test_a_long_name_stays_and_a_longer_path_is_refused() -> None:
    assert safe_path("x" * 300 + ".jpeg") == "x" * 300 + ".jpeg"
    with pytest.raises(UnsafeNameError, match="1024 bytes"):
        safe_path("é" * 512 + "x")


@pytest.mark.parametrize(
    "path", [".DS_Store", "a/__MACOSX/b.png", "a/._b.png", "Thumbs.db", "a/.git/x", "x/desktop.ini"]
)
def test_system_litter_is_known(path: str) -> None:
    assert is_junk(path)
    assert reason_to_leave_out(path, ["*"], []) == "left by an operating system"


def test_globs_match_with_and_without_a_leading_slash() -> None:
    assert matches("train/a.png", ["*/train/*"])
    assert matches("x/train/a.png", ["*/train/*"])
    assert not matches("x/train/a.png", ["train/*"])
    assert reason_to_leave_out("x/other/a.png", ["*/train/*"], []) == "outside 'keep'"
    assert reason_to_leave_out("x/train/a.png", ["*/train/*"], []) is None
    assert reason_to_leave_out("a/1_mask.png", ["*"], ["*_mask.png"]) == "in 'leave_out'"
