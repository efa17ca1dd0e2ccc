"""The stages split, augment and tfrecord as scripts, on pictures of every odd kind."""

import gc
import os
import re
import runpy
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from PIL import Image

from bakeoff.params.data import SplitParams
from bakeoff.runtime.errors import BakeoffError
from bakeoff.runtime.files import read_json, sha256_of_folder, write_json
from bakeoff.runtime.tables import MANIFEST_COLUMNS, PLAN_COLUMNS, read_table, write_table
from bakeoff.sort.census import write_census
from bakeoff.sort.picture_facts import examine
from bakeoff.split.leakage import audit_split, refuse_leaks
from bakeoff.split.split_report import count_table, summarize, write_split_report
from bakeoff.split.splitting import split_manifest
from tests.split.test_duplicates import textured

ROOT = Path(__file__).resolve().parent.parent


def run(stage: str) -> None:
    main = runpy.run_path(str(ROOT / "stages" / f"{stage}.py"))["main"]
    gc.enable()  # as `run_stage` does, once a stage has its imports
    main()


def edit(key: str, value: object) -> None:
    tree = yaml.safe_load(Path("params.yaml").read_text())
    *parents, last = key.split(".")
    node = tree
    for parent in parents:
        node = node[parent]
    node[last] = value
    Path("params.yaml").write_text(yaml.safe_dump(tree))


@pytest.fixture
def interim(tmp_path, monkeypatch):
    """Thirty pictures of two classes, sorted; two of them the same."""
    monkeypatch.chdir(tmp_path)
    Path("params.yaml").write_text((ROOT / "params.yaml").read_text())
    edit("tfrecord.image_side", 24)
    rows = []
    for number in range(30):
        label = "odd" if number % 2 else "even"
        path = Path("data/interim") / label / f"{number:02d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        seed = 8 if number == 10 else number
        textured(seed, 40 + seed).resize((48, 40 + seed)).save(path)
        facts = examine(path.read_bytes(), "RGB", max_pixels=10**6, min_side=8)
        own = {name: getattr(facts, name) for name in MANIFEST_COLUMNS if hasattr(facts, name)}
        group = f"p{number // 2}" if number < 20 else ""
        rows.append({**own, "path": path.as_posix(), "label": label, "group": group})
    manifest = pd.DataFrame(rows).assign(source="", official="")[list(MANIFEST_COLUMNS)]
    write_table(manifest, Path("data/interim/manifest.csv"))
    write_json(Path("data/interim/classes.json"), ["even", "odd"])
    return manifest


def test_three_stages_from_manifest_to_records(interim, capsys):
    for stage in ("split", "augment", "tfrecord"):
        run(stage)
    said = capsys.readouterr().out
    assert "split: " in said
    assert "all read back" in said
    index = read_json(Path("data/processed/index.json"))
    originals = sum(side["originals"] for side in index["splits"].values())
    assert originals == len(interim) == 30
    trips = read_json(Path("reports/tfrecord/roundtrip.json"))
    assert all(trip["pixels_equal"] == trip["records"] for trip in trips.values())
    summary = read_json(Path("reports/split/summary.json"))
    assert summary["exact_duplicate_sets"] == 1
    before = {folder: sha256_of_folder(Path(folder)) for folder in ("data", "reports")}
    for stage in ("split", "augment", "tfrecord"):
        run(stage)
    assert {folder: sha256_of_folder(Path(folder)) for folder in before} == before


def test_copies_are_written_as_pictures_where_asked(interim):
    run("split")
    edit("augment.copies", 1)
    edit("augment.random.rotation", 20)
    edit("augment.materialize", True)
    run("augment")
    plan = read_table(Path("data/augment/plan.csv"), PLAN_COLUMNS)
    pictures = sorted(Path("data/augment/pictures").rglob("*.png"))
    assert len(pictures) == (plan["transform"] != "original").sum() > 0
    mirrored = plan[plan["transform"] == "mirror_horizontal"].iloc[0]
    name = f"{Path(mirrored['path']).stem}-mirror_horizontal.png"
    with Image.open(f"data/augment/pictures/train/{mirrored['label']}/{name}") as copy:
        with Image.open(mirrored["path"]) as original:
            expected = np.asarray(original.convert("RGB"))[:, ::-1]
        assert np.array_equal(np.asarray(copy), expected)


def test_the_data_are_drawn_the_same_twice(interim):
    none = pd.DataFrame(columns=["path", "reason", "detail"])
    Path("reports/data").mkdir(parents=True)
    pictures = interim.assign(brightness=interim["width"].astype(float))
    write_census(Path("reports/data"), pictures, none)
    for stage in ("split", "augment", "tfrecord", "census"):
        run(stage)
    folder = Path("reports/census")
    names = {p.relative_to(folder).as_posix() for p in folder.rglob("*.png")}
    assert names == {
        *("counts.png", "sizes.png", "aspect_ratios.png", "modes.png", "brightness.png"),
        *("balance.png", "copies.png", "records.png", "classes/even.png", "classes/odd.png"),
    }
    before = sha256_of_folder(folder)
    with Image.open(folder / "records.png") as sheet:
        # A row a side: three pairs of the picture as found and its record.
        assert sheet.size == (6 * 180 + 10, 3 * 210 + 10)
        pixels = np.asarray(sheet.convert("L"))
    assert all((pixels[y : y + 40, x : x + 24] < 250).any() for x in (10, 190) for y in (10, 220))
    run("census")
    assert sha256_of_folder(folder) == before


def test_a_class_too_small_leaves_nothing_behind(interim):
    rows = interim.assign(label=interim["label"].mask(interim.index < 2, "rare"))
    write_table(rows, Path("data/interim/manifest.csv"))
    with pytest.raises(BakeoffError, match="fewer: 'rare' has 1"):
        run("split")
    assert not Path("data/splits").exists()
    assert not Path("reports").exists()


def test_a_missing_table_is_named(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("params.yaml").write_text((ROOT / "params.yaml").read_text())
    with pytest.raises(BakeoffError, match=r"manifest.csv: no such file"):
        run("split")
    with pytest.raises(BakeoffError, match=r"train.csv: no such file"):
        run("augment")


@pytest.mark.real_data
@pytest.mark.slow
@pytest.mark.skipif("BAKEOFF_DATA" not in os.environ, reason="BAKEOFF_DATA names no folder")
def test_chest_xrays_split_without_leaks():
    """The archive's 30 sets of exact duplicates, no near ones, and fractions within a picture."""
    rows = []
    with zipfile.ZipFile(Path(os.environ["BAKEOFF_DATA"]) / "chest_xray.zip") as archive:
        names = sorted(n for n in archive.namelist() if n.endswith("jpeg") and "/._" not in n)
        for name in names:
            facts = examine(archive.read(name), "RGB", max_pixels=10**8, min_side=8)
            stem = Path(name).stem
            sick = re.match(r"person\d+_(bacteria|virus)", stem)
            group = sick[0] if sick else re.match(r"(NORMAL2-)?IM-\d+", stem)[0]
            label = sick[1] if sick else "normal"
            official = "test" if "/test/" in name else "train"
            rows.append((facts.image_id, name, label, group, facts.phash, official))
    columns = ["image_id", "path", "label", "group", "phash", "official"]
    manifest = pd.DataFrame(rows, columns=columns)
    split = split_manifest(manifest, SplitParams(), 20)
    refuse_leaks(audit_split(manifest, split.pictures, 8, official_test=False))
    counts = count_table(split)
    summary = summarize(split, counts)
    assert summary["pictures"] == 5840
    assert summary["exact_duplicate_sets"] == 30
    assert summary["near_duplicate_pairs"] == 0
    assert counts["deviation"].abs().max() <= 1


def test_parameters_edited_while_a_stage_runs_are_refused(interim, monkeypatch, capsys):
    def ends_with() -> object:
        with pytest.raises(SystemExit) as ended:
            runpy.run_path(str(ROOT / "stages/split.py"), run_name="__main__")
        return ended.value.code

    def write(*arguments: Any) -> None:
        write_split_report(*arguments)
        edit(*changed)

    monkeypatch.setattr("bakeoff.split.split_report.write_split_report", write)
    changed = ("split.stable", True)
    assert ends_with() == (
        "split: error: 'split' in params.yaml changed while this stage ran with the old value; its "
        "outputs were deleted; run `dvc repro` again"
    )
    assert not Path("data/splits").exists()
    assert not Path("reports/split").exists()
    assert Path("data/interim/manifest.csv").is_file()
    changed = ("models.vgg16.train.epochs", 3)  # what this stage does not read
    runpy.run_path(str(ROOT / "stages/split.py"), run_name="__main__")
    assert Path("data/splits/train.csv").is_file()
