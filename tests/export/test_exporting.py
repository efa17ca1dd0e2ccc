"""Each format holds each model it can, its own runtime agrees, and what does not agree is gone."""

import importlib.util
import json

import numpy as np
import pytest
from typer.testing import CliRunner

from bakeoff.cli import app
from bakeoff.export import exporting
from bakeoff.export.exporting import export_model
from bakeoff.export.formats import FORMATS, Name
from bakeoff.runtime.errors import BakeoffError
from bakeoff.serve.predictor import load_predictor
from tests.export.conftest import CLASSES, write_network


def installed(name: Name):
    missing = [m for m in FORMATS[name].modules if importlib.util.find_spec(m) is None]
    extra = FORMATS[name].extra
    return pytest.param(
        name, marks=pytest.mark.skipif(bool(missing), reason=f"uv sync --extra {extra}")
    )


FORMAT_NAMES = [installed(name) for name in FORMATS]


@pytest.mark.parametrize("model", ["net", "logistic_net"])
@pytest.mark.parametrize("name", FORMAT_NAMES)
def test_a_file_gives_the_models_own_probabilities(models, pictures, tmp_path, name, model):
    done = export_model(models / model, name, target=tmp_path / "out", pictures=pictures)
    assert done.proof.pictures == 12
    assert done.proof.difference < 1e-5
    assert done.proof.whole < 0.01  # pictures of other sizes, brought to the square inside
    predictor = load_predictor(models / model)
    squares = np.stack([predictor.picture(p) for p in sorted(pictures.iterdir())])
    given = FORMATS[name].open(done.file)(squares.astype(np.float32))
    np.testing.assert_allclose(given, predictor.classify(squares), atol=1e-5)
    assert np.ptp(given, axis=0).max() > 0.05  # the pictures differ, or this would show nothing
    card = (tmp_path / "out/README.md").read_text()
    assert FORMATS[name].runtime in card
    assert "2. coral" in card
    assert json.loads((tmp_path / "out/labels.json").read_text())["classes"] == CLASSES


@pytest.mark.slow
@pytest.mark.parametrize("name", FORMAT_NAMES[:3])
def test_sixteen_bits_make_half_the_file(models, pictures, tmp_path, name):
    folder = write_network(tmp_path / "models/wide", pictures, filters=256, standardise=False)
    sizes = {}
    for precision in ("float32", "float16"):
        done = export_model(
            folder, name, precision=precision, target=tmp_path / precision, pictures=pictures
        )
        sizes[precision] = sum(p.stat().st_size for p in done.folder.iterdir())
    assert 1e-7 < done.proof.difference < done.proof.bound == 1e-2
    assert sizes["float16"] < 0.6 * sizes["float32"]


@pytest.mark.parametrize("model", ["forest_pixels", "forest_both"])
@pytest.mark.parametrize("name", [installed("onnx")])
def test_a_forest_is_one_graph_with_its_vectors(models, pictures, tmp_path, name, model):
    done = export_model(models / model, name, target=tmp_path / "out", pictures=pictures)
    assert done.proof.difference < 1e-5
    assert done.proof.whole is None
    assert "Bring each picture to 30 x 30 pixels" in (tmp_path / "out/README.md").read_text()


def test_a_network_in_mixed_precision_is_exported_in_float32(pictures, tmp_path):
    folder = write_network(
        tmp_path / "models/mixed", pictures, precision="mixed_bfloat16", temperature=20.0
    )
    done = export_model(folder, "savedmodel", target=tmp_path / "out", pictures=pictures)
    assert 1e-4 < done.proof.difference < done.proof.bound == 0.05


@pytest.mark.parametrize(
    "facts", [{"equalize": "channel"}, {"encoding": "jpeg", "jpeg_quality": 60}]
)
def test_what_no_network_holds_stays_outside(pictures, tmp_path, facts):
    folder = write_network(tmp_path / "models/net", pictures, **facts)
    done = export_model(folder, "savedmodel", target=tmp_path / "out", pictures=pictures)
    assert done.proof.whole is None
    assert not json.loads((done.folder / "labels.json").read_text())["any_size"]


@pytest.mark.parametrize("name", [installed("onnx"), "savedmodel"])
def test_a_file_that_disagrees_is_not_left(models, pictures, tmp_path, monkeypatch, name):
    write_network(tmp_path / "wrong/net", pictures, temperature=1.6)
    honest = exporting.portable
    monkeypatch.setattr(
        exporting, "portable", lambda _, metadata: honest(tmp_path / "wrong/net", metadata)
    )
    with pytest.raises(BakeoffError, match="differ by .* more than 0.0001, so it is removed"):
        export_model(models / "net", name, target=tmp_path / "new/exports/out", pictures=pictures)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["wrong"]


@pytest.mark.parametrize(
    "case",
    [
        ("forest_pixels", ["--format", "savedmodel"], "savedmodel holds no forest; choose"),
        (
            "forest_hog",
            ["--format", "onnx"],
            "its descriptor hog is computed by scikit-image, which no format holds; export one of "
            "forest_both, forest_pixels, logistic_net, net, or use `bakeoff predict`",
        ),
        (
            "forest_hog",
            ["--format", "savedmodel"],
            "holds; export one of logistic_net, net, or use `bakeoff predict`",
        ),
        (
            "net",
            ["--format", "savedmodel", "-o", "notes/out"],
            "notes is a file and holds no others",
        ),
        ("net", ["--format", "savedmodel", "--dtype", "float16"], "leave --dtype float16 out"),
        ("net", ["--format", "savedmodel"], "no data/splits/test.csv"),
        ("net", ["--format", "savedmodel", "-o", "models"], "models exists and is no earlier"),
        ("convnext", ["--format", "onnx"], "ConvNeXtTiny has grouped convolutions"),
        ("absent", ["--format", "savedmodel"], "models/absent is no model"),
    ],
)
def test_what_cannot_be_exported_is_one_sentence(models, pictures, tmp_path, monkeypatch, case):
    model, options, sentence = case
    if "onnx" in options and installed("onnx").marks[0].args[0]:
        pytest.skip("uv sync --extra export")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "models").symlink_to(models)
    (tmp_path / "notes").write_text("a file")
    if model == "convnext":
        write_network(tmp_path / "folder/convnext", pictures)
        path = tmp_path / "folder/convnext/metadata.json"
        path.write_text(path.read_text().replace('"cnn"', '"ConvNeXtTiny"'))
        model = "folder/convnext"
    done = CliRunner().invoke(app, ["export", model, *options])
    assert done.exit_code == 1
    assert sentence in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not (tmp_path / "exports").exists()


def test_a_missing_extra_is_named(models, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(BakeoffError, match="run `uv sync --inexact --extra litert`"):
        export_model(models / "net", "litert")


def test_an_earlier_export_is_replaced_and_the_sample_is_the_test_side(
    models, pictures, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "models").symlink_to(models)
    (tmp_path / "data/splits").mkdir(parents=True)
    rows = [f"{path}" for path in sorted(pictures.iterdir())[:5]]
    (tmp_path / "data/splits/test.csv").write_text("\n".join(["path", *rows]) + "\n")
    for _ in range(2):
        done = CliRunner().invoke(app, ["export", "net", "--format", "savedmodel"])
        assert done.exit_code == 0, done.output
        assert "gives the probabilities of net on 5 pictures" in done.stdout
    assert sorted(p.name for p in (tmp_path / "exports").iterdir()) == ["net_savedmodel"]
