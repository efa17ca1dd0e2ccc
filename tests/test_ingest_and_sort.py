"""The stages ingest and sort as a user runs them, on small sets and on the real ones."""

import os
import runpy
import subprocess
import sys
import zipfile
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from bakeoff.params.dataset_files import read_chosen_dataset, read_dataset
from bakeoff.params.resolved import ChosenDataset, write_resolved
from bakeoff.runtime.files import read_json, sha256_of_folder
from bakeoff.runtime.layout import PARAMETERS
from bakeoff.runtime.tables import MANIFEST_COLUMNS
from bakeoff.sort.labelling import find_labels

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = "kind: folders\narchive: in.zip\n"
needs_real_data = pytest.mark.skipif("BAKEOFF_DATA" not in os.environ, reason="no BAKEOFF_DATA")


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    (tmp_path / "datasets").mkdir()
    choose(tmp_path, FOLDERS)
    return tmp_path


def choose(root: Path, dataset: str, sort: str = "{}") -> None:
    (root / "datasets/mine.yaml").write_text(dataset, encoding="utf-8")
    (root / "params.yaml").write_text(f"dataset: mine\nsort: {sort}\n", encoding="utf-8")


def pack(root: Path, members: dict[str, bytes]) -> None:
    with zipfile.ZipFile(root / "in.zip", "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)


def png(root: Path, seed: int) -> bytes:
    path = root / "one.png"
    values = np.random.default_rng(seed).integers(0, 256, (40, 40, 3), np.uint8)
    Image.fromarray(values).save(path)
    return path.read_bytes()


def resolve() -> None:
    """Write down the data set, as the first stage does."""
    name, described = read_chosen_dataset()
    chosen = ChosenDataset(name=name, described=described.model_dump(mode="json"))
    write_resolved(PARAMETERS, "dataset", chosen)


def run(stage: str) -> str:
    """Run a stage script; the sentence it ends with, or "" on success."""
    resolve()
    try:
        runpy.run_path(str(ROOT / f"stages/{stage}.py"), run_name="__main__")
    except SystemExit as end:
        assert isinstance(end.code, str)
        return end.code
    return ""


def test_a_small_set_goes_through_both_stages(
    repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pictures = {f"{'cat' if i % 2 else 'dog'}/{i}.png": png(repository, i) for i in range(8)}
    pack(repository, {**pictures, "__MACOSX/cat/._1.png": b"m", "cat/bad.png": b"text"})
    assert run("ingest") == ""
    assert run("sort") == ""
    told = capsys.readouterr().out
    assert "mine: 9 files in data/raw, 1 members left out" in told
    assert "mine: 4 cat, 4 dog" in told
    assert sorted(path.name for path in Path("data/raw").iterdir()) == ["files.zip", "left_out.csv"]
    manifest = pd.read_csv("data/interim/manifest.csv", keep_default_na=False)
    assert list(manifest) == list(MANIFEST_COLUMNS)
    assert set(manifest["source"]) == set(pictures)
    assert all(Path(path).is_file() for path in manifest["path"])
    quarantine = pd.read_csv("data/interim/quarantine.csv", keep_default_na=False)
    assert quarantine["reason"].tolist() == ["left out", "not a picture"]
    assert read_json(Path("data/interim/classes.json")) == ["cat", "dog"]
    assert read_json(Path("reports/data/census.json"))["pictures"] == 8
    first = [sha256_of_folder(Path(folder)) for folder in ("data", "reports")]
    assert run("ingest") == run("sort") == ""
    assert [sha256_of_folder(Path(folder)) for folder in ("data", "reports")] == first


@pytest.mark.parametrize(
    ("members", "told"),
    [
        (None, "ingest: error: datasets/mine.yaml: 'archive' is 'in.zip', and nothing is there"),
        ({}, "ingest: error: datasets/mine.yaml: no file to bring in"),
        ({"../evil.png": b""}, "climbs out of its folder"),
        ({"a/x": b"1", "a/x/y": b"2"}, "both a file and a folder"),
    ],
)
def test_a_refused_archive_leaves_nothing_behind(
    repository: Path, members: dict[str, bytes] | None, told: str
) -> None:
    if members is not None:
        pack(repository, members)
    assert told in run("ingest")
    assert not (repository / "data/raw").exists()
    assert list(repository.rglob("*.partial")) == []


def test_labels_in_any_script_become_classes(repository: Path) -> None:
    labels = ["肺炎", "Übung", "лёгкие", "حصان", "🐱"]
    members = {f"{labels[i % 5]}/{i}.png": png(repository, i) for i in range(10)}
    pack(repository, members)
    assert run("ingest") == run("sort") == ""
    assert read_json(Path("data/interim/classes.json")) == sorted(labels)
    manifest = pd.read_csv("data/interim/manifest.csv", keep_default_na=False)
    assert sorted(manifest["label"]) == sorted(labels * 2)
    assert all(Path(path).is_file() for path in manifest["path"])


HOSTILE = {
    "good.zip": {f"{'cat' if i % 2 else 'dog'}/{i}.png": b"" for i in range(4)},
    "climbing.zip": {"cat/1.png": b"", "../../outside.png": b"x"},
    "absolute.zip": {"/tmp/bakeoff-outside.png": b"x"},
    "odd.zip": {"cat/..\u2024/x.png": b"x", "dog/\u202e.png": b"x", "~/x.png": b"x"},
}


def test_nothing_outside_the_repository_is_written(repository: Path) -> None:
    """Python tells every file that it opens, makes, renames or removes: none is elsewhere."""
    for name, members in HOSTILE.items():
        pack(repository, {k: v or png(repository, i) for i, (k, v) in enumerate(members.items())})
        (repository / "in.zip").rename(repository / name)
    (repository / "temporary").mkdir()
    watched = [sys.executable, "-c", WATCH, str(repository), str(ROOT / "stages")]
    temporary = str(repository / "temporary")
    environment = {**os.environ, "TMPDIR": temporary, "MPLCONFIGDIR": temporary}
    for name in HOSTILE:
        choose(repository, f"kind: folders\narchive: {name}\n")
        resolve()
        done = subprocess.run(watched, env=environment, capture_output=True, text=True, check=False)
        told = "refused" if name in ("climbing.zip", "absolute.zip") else ""
        assert told in done.stderr
        assert "Traceback" not in done.stderr
        assert "written: " in done.stdout, done.stderr
        assert "outside: []" in done.stdout, done.stdout


WATCH = """
import os, runpy, sys
root, stages = sys.argv[1:]
written = set()

def watch(event, arguments):
    if event == "open":
        path, mode, flags = arguments
        if not flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT) or not isinstance(path, str):
            return
        paths = [path]
    elif event in ("os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.symlink", "os.link"):
        paths = [p for p in arguments[:2] if isinstance(p, str)]
    else:
        return
    written.update(os.path.realpath(p) for p in paths)

sys.dont_write_bytecode = True
sys.addaudithook(watch)
for stage in ("ingest", "sort"):
    try:
        runpy.run_path(f"{stages}/{stage}.py", run_name="__main__")
    except SystemExit as end:
        print(end, file=sys.stderr)
        break
inside = os.path.realpath(root) + os.sep
print("written:", len(written))
print("outside:", sorted(p for p in written if not p.startswith((inside, "/dev/null"))))
"""


def test_a_refused_sort_leaves_what_was_there(repository: Path) -> None:
    pack(repository, {f"{'cat' if i % 2 else 'dog'}/{i}.png": png(repository, i) for i in range(4)})
    assert run("ingest") == run("sort") == ""
    before = [sha256_of_folder(Path(folder)) for folder in ("data/interim", "reports")]
    choose(repository, FOLDERS, "{min_side: 50}")
    assert "100% of the files would be quarantined (4 too small" in run("sort")
    assert [sha256_of_folder(Path(folder)) for folder in ("data/interim", "reports")] == before
    assert list(repository.rglob("*.partial")) == []


def test_damaged_raw_files_are_reported_with_the_remedy(repository: Path) -> None:
    pack(repository, {f"{'cat' if i % 2 else 'dog'}/{i}.png": png(repository, i) for i in range(4)})
    assert run("ingest") == ""
    path = Path("data/raw/files.zip")
    path.write_bytes(path.read_bytes()[:-40])
    told = run("sort")
    assert told.startswith("sort: error: data/raw/files.zip: cannot be read (")
    assert "`dvc checkout --force data/raw`" in told
    assert not Path("data/interim").exists()


def shipped(root: Path, name: str, archive: str) -> None:
    """A shipped data set's file, with its archive where the real one is."""
    dataset = (ROOT / f"datasets/{name}.yaml").read_text(encoding="utf-8")
    real = Path(os.environ["BAKEOFF_DATA"]).resolve() / archive
    lines = [f"archive: {real}" if s.startswith("archive:") else s for s in dataset.splitlines()]
    choose(root, "\n".join(lines))


@pytest.mark.real_data
@needs_real_data
def test_hand_signs_for_real(repository: Path) -> None:
    shipped(repository, "hand_signs", "signs.h5")
    assert run("ingest") == run("sort") == ""
    manifest = pd.read_csv("data/interim/manifest.csv")
    names = ["zero", "one", "two", "three", "four", "five"]
    assert manifest["label"].value_counts().to_dict() == dict.fromkeys(names, 20)
    assert set(manifest["width"]) == set(manifest["height"]) == {64}


@pytest.mark.real_data
@needs_real_data
@pytest.mark.parametrize(
    ("name", "archive", "counts", "unusable"),
    [
        ("chest_xray", "chest_xray.zip", {"normal": 1575, "bacteria": 2772, "virus": 1493}, {}),
        (
            "flipkart",
            "flipkart.zip",
            {
                "Baby Care": 149,
                "Beauty and Personal Care": 150,
                "Computers": 150,
                "Home Decor & Festive Needs": 150,
                "Home Furnishing": 148,
                "Kitchen & Dining": 150,
                "Watches": 150,
            },
            {"no picture": 3, "left out": 1},
        ),
    ],
)
def test_the_labels_of_real_archives(
    name: str, archive: str, counts: dict[str, int], unusable: dict[str, int]
) -> None:
    """By their members' names alone, without unpacking the pictures."""
    where = ROOT / f"datasets/{name}.yaml"
    with zipfile.ZipFile(Path(os.environ["BAKEOFF_DATA"]) / archive) as packed:
        names = sorted(packed.namelist())
        found = find_labels(names, read_dataset(where), packed.read, where)
    assert Counter(item.label for item in found if item.reason is None) == counts
    assert Counter(item.reason for item in found if item.reason) == unusable
    if name == "chest_xray":
        assert Counter(item.official for item in found) == {"train": 5216, "test": 624}
        assert all(item.group for item in found)
