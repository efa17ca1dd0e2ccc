"""Every layout is recognised, written, and read by the stages' own functions."""

import shutil
from pathlib import Path

import pandas as pd
import pytest
from PIL import Image

from bakeoff.adopt import refusals
from bakeoff.adopt.adopting import adoption, chosen, looked_at, write
from bakeoff.adopt.telling import described
from bakeoff.ingest.sources import bring
from bakeoff.params.block import read_key
from bakeoff.params.data import SortParams, SplitParams
from bakeoff.params.dataset_files import dataset_path, read_chosen_dataset
from bakeoff.runtime.errors import BakeoffError
from bakeoff.sort.sorting import Sorted, sort_pictures
from bakeoff.split.splitting import split_manifest
from tests.adopt import layouts
from tests.adopt.layouts import LAYOUTS, Layout

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    place = tmp_path / "repository"
    (place / "datasets").mkdir(parents=True)
    shutil.copy(ROOT / "params.yaml", place)
    monkeypatch.chdir(place)
    monkeypatch.setenv("DVC_ROOT", str(place))
    return place


def adopt(place: Path, reading: int | None = None, name: str | None = None) -> str:
    """Adopt as the command does with `--yes`; what it prints."""
    proposal = looked_at(place)
    trial, samples = chosen(proposal, reading)
    write(adoption(trial, proposal, name))
    return "\n".join(described(trial, proposal, samples))


def sort_adopted(repository: Path) -> Sorted:
    name, dataset = read_chosen_dataset()
    for folder in ("raw", "interim"):
        (repository / folder).mkdir()
    bring(dataset, dataset_path(name), repository / "raw")
    return sort_pictures(
        repository / "raw",
        repository / "interim",
        dataset=dataset,
        params=SortParams.read("sort"),
        where=dataset_path(name),
        prefix="interim",
    )


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.build.__name__)
def test_a_layout_is_adopted_and_read_by_the_stages(
    layout: Layout, repository: Path, tmp_path: Path
) -> None:
    printed = adopt(layout.build(tmp_path), layout.reading)
    manifest = sort_adopted(repository).manifest
    assert manifest["label"].value_counts().to_dict() == layout.counts
    sides = manifest["official"].value_counts()
    assert tuple(sides.get(side, 0) for side in ("train", "val", "test")) == layout.sides
    groups = manifest["group"].where(manifest["group"] != "", manifest["path"]).nunique()
    assert groups == (layout.groups or len(manifest))
    total = len(manifest)
    assert f"{len(layout.counts)}, {total} pictures" in printed
    assert (f"{total} of {total} names matched, {groups} groups" in printed) == bool(layout.groups)
    for key, value in layout.params.items():
        assert read_key(key) == value
    split = split_manifest(manifest, SplitParams(near_duplicates=None), 20)
    assert set(split.pictures["side"]) == {"train", "val", "test"}


def test_an_ambiguous_layout_names_its_readings_and_writes_nothing(
    repository: Path, tmp_path: Path
) -> None:
    before = Path("params.yaml").read_bytes()
    with pytest.raises(
        BakeoffError, match=r"reading 1: .*4 classes.*; reading 2: .*2 classes"
    ) as e:
        adopt(layouts.superclasses(tmp_path))
    assert "--reading" in str(e.value)
    assert not list(Path("datasets").iterdir())
    assert Path("params.yaml").read_bytes() == before


def test_params_keep_comments_and_all_other_bytes(repository: Path, tmp_path: Path) -> None:
    before = Path("params.yaml").read_text(encoding="utf-8")
    adopt(layouts.class_folders(tmp_path))
    after = Path("params.yaml").read_text(encoding="utf-8")
    assert after == before.replace("dataset: phantom #", "dataset: mine #")
    assert after != before


def test_the_same_place_twice_is_one_data_set_and_another_gets_a_number(
    repository: Path, tmp_path: Path
) -> None:
    place = layouts.class_folders(tmp_path)
    adopt(place)
    text = dataset_path("mine").read_bytes()
    adopt(place)
    assert dataset_path("mine").read_bytes() == text
    other = layouts.class_folders(tmp_path / "elsewhere")
    with pytest.raises(BakeoffError, match="give another --name"):
        adopt(other, name="mine")
    adopt(other)
    assert {path.name for path in Path("datasets").iterdir()} == {"mine.yaml", "mine_2.yaml"}
    assert read_key("dataset") == "mine_2"


def raw(root: Path) -> Path:
    for name in ("cat/1.nef", "cat/2.nef", "dog/1.nef"):
        (root / "mine" / name).parent.mkdir(parents=True, exist_ok=True)
        (root / "mine" / name).write_bytes(b"MM")
    return root / "mine"


def nameless(root: Path) -> Path:
    return layouts.put(root / "mine", [f"{n:04d}.png" for n in range(9)])


def spreadsheet(root: Path) -> Path:
    nameless(root)
    (root / "mine/labels.ods").write_bytes(b"PK\3\4")
    return root / "mine"


def boxes(root: Path) -> Path:
    nameless(root)
    for n in range(9):
        (root / f"mine/{n:04d}.xml").write_text("<annotation/>", encoding="utf-8")
    return root / "mine"


def nested_json(root: Path) -> Path:
    nameless(root)
    (root / "mine/coco.json").write_text('{"images": [], "categories": []}', encoding="utf-8")
    return root / "mine"


def open_quote(root: Path) -> Path:
    nameless(root)
    (root / "mine/labels.csv").write_text('image,label\n"0001.png,cat\n0002.png,dog\n')
    return root / "mine"


def several_labels(root: Path) -> Path:
    nameless(root)
    rows = [[f"{n:04d}.png", n % 2, 1, n % 3 // 2] for n in range(9)]
    layouts.write_csv(root / "mine/findings.csv", [["image", "a", "b", "c"], *rows])
    return root / "mine"


def pairs(root: Path) -> Path:
    return layouts.put(root / "mine", ["cat/1.png", "cat/2.png", "dog/1.png", "dog/2.png"])


def empty(root: Path) -> Path:
    (root / "mine").mkdir()
    return root / "mine"


def broken(root: Path) -> Path:
    place = layouts.class_folders(root)
    for path in place.rglob("*.png"):
        path.write_bytes(path.read_bytes()[:20])
    return place


@pytest.mark.parametrize(
    ("build", "sentence"),
    [
        (raw, r"3 of 3 pictures are raw camera files, .*convert them to PNG or JPEG"),
        (nameless, r"9 pictures, .* no classes: .* a folder of its own"),
        (spreadsheet, r"'labels.ods' is a spreadsheet; save it as CSV"),
        (boxes, r"'0000.xml' and the like describe objects"),
        (nested_json, r"'coco.json' is no list of rows"),
        (open_quote, r"'labels.csv' cannot be read .*quotation mark in line 2 .*; correct it"),
        (several_labels, r"several of the columns a to c are 1 .* not supported"),
        (pairs, r"2 of 2 classes have fewer than 3 pictures"),
        (empty, r"no file in it"),
        (broken, r"16 of 16 pictures that were opened cannot be used; replace them.*truncated"),
        (lambda root: root / "nowhere", r"nowhere: no such file or folder"),
    ],
)
def test_what_cannot_be_adopted_is_one_sentence(build, sentence, repository, tmp_path) -> None:
    with pytest.raises(BakeoffError, match=sentence) as refused:
        adopt(build(tmp_path))
    assert len(refused.value.sentences) == 1
    assert not list(Path("datasets").iterdir())


def test_small_classes_are_left_out_and_reported(repository: Path, tmp_path: Path) -> None:
    names = [f"{c}/{n}.png" for c, count in (("a", 5), ("b", 5), ("c", 1)) for n in range(count)]
    printed = adopt(layouts.put(tmp_path / "mine", names))
    assert "1 of 3 classes have under 3 groups: 'c' 1" in printed
    assert read_key("sort.min_pictures") == 3
    assert sort_adopted(repository).classes == ["a", "b"]


def test_unlabelled_pictures_among_the_others_do_not_stop_the_run(
    repository: Path, tmp_path: Path
) -> None:
    place = layouts.one_csv(tmp_path)
    layouts.put(place, [f"images/x{n}.png" for n in range(24)])
    adopt(place)
    assert read_key("sort.max_quarantined") > 24 / 40
    assert len(sort_adopted(repository).manifest) == 16


def test_a_workbook_beside_photographs_of_a_telephone(repository: Path, tmp_path: Path) -> None:
    pytest.importorskip("openpyxl")
    pillow_heif = pytest.importorskip("pillow_heif")
    place = layouts.one_csv(tmp_path)
    (table,) = place.glob("*.csv")
    rows = pd.read_csv(table, dtype=str)
    for path in sorted((place / "images").glob("*.png")):
        pillow_heif.from_pillow(Image.open(path)).save(path.with_suffix(".heic"), quality=-1)
        path.unlink()
    renamed = rows.replace(r"\.png$", ".heic", regex=True)
    renamed.to_excel(table.with_suffix(".xlsx"), index=False)
    table.unlink()
    adopt(place)
    found = sort_adopted(repository)
    assert len(found.manifest) == len(rows)
    assert found.manifest["path"].str.endswith(".png").all()


def test_without_the_readers_the_command_is_named(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refusals, "is_installed", lambda kind: False)
    place = raw(tmp_path)
    for path in sorted(place.rglob("*.nef")):
        path.rename(path.with_suffix(".dcm"))
    with pytest.raises(BakeoffError, match="are DICOM, .*run `uv sync --inexact --extra readers`"):
        adopt(place)
