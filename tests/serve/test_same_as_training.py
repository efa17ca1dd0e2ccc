"""Prediction from files gives what evaluation gave for the records, however those were made."""

import io
import itertools
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from typer.testing import CliRunner

from bakeoff.baselines.classical import write_classifier
from bakeoff.baselines.forest import describe_side, fit_forest, forest_metadata
from bakeoff.cli import app
from bakeoff.features.sides import read_record_side
from bakeoff.params.baselines import ForestParams
from bakeoff.params.data import RandomTransforms, TfrecordParams
from bakeoff.params.found import Found
from bakeoff.runtime.tables import PLAN_COLUMNS
from bakeoff.scoring.predictions import write_predictions
from bakeoff.serve.mlflow_model import _load_pyfunc
from bakeoff.serve.predictor import load_predictor
from bakeoff.test_side.candidates import Candidate
from bakeoff.test_side.probabilities import Inputs, predict, read_test_side
from bakeoff.tfrecord.index import PICTURE_FACTS, read_index
from bakeoff.tfrecord.numpy_reading import record_batches
from bakeoff.tfrecord.writing import Export, write_records

MODES, CHANNELS = ("RGB", "L"), (1, 3)
FITS, EQUALIZE = ("stretch", "crop", "pad_black", "pad_white"), ("none", "channel", "adaptive")


def scene(seed: int, *shape: int) -> np.ndarray:
    """A smooth coloured gradient with noise, uint8."""
    noise = np.random.default_rng(seed).integers(0, 90, shape)
    ramp = np.linspace(0, 160, shape[1]).astype(np.int64)
    return (noise + ramp.reshape(1, -1, *[1] * (len(shape) - 2))).astype(np.uint8)


def save(folder: Path) -> list[Path]:
    """One picture of each kind that decoding knows; none of them square."""
    turned = Image.Exif()
    turned[0x0112] = 6  # to be turned by a quarter
    deep = scene(1, 31, 47).astype(np.uint16) * 200
    see_through = scene(2, 33, 21, 4)
    pictures = {
        "16-bit.png": (Image.fromarray(deep), {}),
        "rgba.png": (Image.fromarray(see_through, "RGBA"), {}),
        "cmyk.jpeg": (Image.fromarray(scene(3, 40, 28, 4), "CMYK"), {}),
        "turned.jpeg": (Image.fromarray(scene(4, 30, 50, 3)), {"exif": turned}),
        "grey.png": (Image.fromarray(scene(5, 26, 44)), {}),
        "palette.gif": (Image.fromarray(scene(6, 36, 25, 3)).quantize(32), {}),
        "colour.png": (Image.fromarray(scene(7, 29, 37, 3)), {}),
    }
    for name, (picture, how) in pictures.items():
        stream = io.BytesIO()
        picture.save(stream, name.split(".")[1].upper(), **how)
        (folder / name).write_bytes(stream.getvalue())
    return [folder / name for name in pictures]


def plan_of(paths: list[Path]) -> pd.DataFrame:
    """Every picture on every side, as an original."""
    rows = [
        {
            "image_id": f"{number:032x}",
            "path": path.as_posix(),
            "label": ("even", "odd")[number % 2],
            "split": side,
            "transform": "original",
            "seed": 0,
            "group": f"{number}",
        }
        for side in ("train", "val", "test")
        for number, path in enumerate(paths)
    ]
    return pd.DataFrame(rows).reindex(columns=list(PLAN_COLUMNS))


def reproduce(folder: Path, export: Export) -> list[Path]:
    """Records, a forest on their pixels and its test predictions, by the stages' functions."""
    folder.mkdir(exist_ok=True)
    paths = save(folder)
    records, model = folder / "processed", folder / "models/random_forest"
    for each in (records, model):
        each.mkdir(parents=True)
    write_records(plan_of(paths), export, records)
    params = ForestParams(descriptors=("pixels",), pixels_side=8, trees=10)
    train, val = (
        describe_side(params.descriptors, 8, side, records, folder) for side in ("train", "val")
    )
    forest = fit_forest(train, val, params, 2, seed=0)
    index = read_index(records)
    facts = forest_metadata(
        "random_forest", forest, params, index=index, features=folder, seed=0, found=Found()
    )
    write_classifier(model, forest, train, val, facts)
    candidate = Candidate("random_forest", model, json.loads((model / "metadata.json").read_text()))
    inputs = Inputs(records, folder)
    said = predict(candidate, read_test_side(inputs), inputs)
    write_predictions(folder / "reports/predictions/random_forest.csv", said)
    return paths


CASES = [
    (mode, {"channels": channels, "fit": fit, "equalize": equalize, "encoding": "png"})
    for mode, channels, fit, equalize in itertools.product(MODES, CHANNELS, FITS, EQUALIZE)
] + [
    (mode, {"channels": channels, "encoding": "jpeg", "jpeg_quality": 60})
    for mode, channels in itertools.product(MODES, CHANNELS)
]


@pytest.mark.parametrize(
    ("mode", "how"), CASES, ids=[f"{m}-{'-'.join(map(str, how.values()))}" for m, how in CASES]
)
def test_files_records_and_the_pyfunc_agree(tmp_path, monkeypatch, mode, how):
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    params = TfrecordParams.model_validate({"image_side": 24} | how)
    export = Export(params, RandomTransforms(), mode, ("even", "odd"))
    paths = reproduce(tmp_path, export)
    folder = tmp_path / "models/random_forest"

    predictor = load_predictor(folder)
    records = np.concatenate([b.images for b in record_batches(tmp_path / "processed", "test")])
    for path, record in zip(paths, records, strict=True):
        np.testing.assert_array_equal(predictor.picture(path), record)
        np.testing.assert_array_equal(predictor.picture(path.read_bytes()), record)

    reported = pd.read_csv(tmp_path / "reports/predictions/random_forest.csv")
    expected = reported[["p_even", "p_odd"]].to_numpy()
    served = _load_pyfunc(str(folder)).predict([path.read_bytes() for path in paths])
    np.testing.assert_allclose(served[["p_even", "p_odd"]], expected, atol=1e-6)
    told = CliRunner().invoke(app, ["predict", *map(str, paths), "--model", "random_forest"])
    assert told.exit_code == 0, told.output
    table = pd.read_csv(io.StringIO(told.stdout))
    np.testing.assert_allclose(table[["p_even", "p_odd"]], expected, atol=1e-6)


def test_every_model_folder_records_how_its_pictures_were_made(tmp_path):
    """What `read_record_side` reads is decided by these facts, so none may be missing."""
    export = Export(TfrecordParams(image_side=24), RandomTransforms(), "L", ("even", "odd"))
    reproduce(tmp_path, export)
    facts = read_index(tmp_path / "processed").picture_facts()
    assert sorted(facts) == sorted(PICTURE_FACTS)
    assert (facts["mode"], facts["record_side"], facts["jpeg_quality"]) == ("L", 24, None)
    assert read_record_side(tmp_path / "processed", "test").values.shape == (7, 0)
