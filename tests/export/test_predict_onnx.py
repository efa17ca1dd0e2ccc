"""The example in the docs gives what `bakeoff predict` gives, without importing TensorFlow."""

import io
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from bakeoff.export.exporting import export_model
from bakeoff.serve.picture_files import predict_files
from bakeoff.serve.predictor import load_predictor
from tests.export.conftest import scene, write_network

pytest.importorskip("onnxruntime", reason="uv sync --extra export")
pytest.importorskip("tf2onnx", reason="uv sync --extra export")

EXAMPLE = Path(__file__).parents[2] / "docs/predict_onnx.py"
WITHOUT = (
    "import runpy, sys; sys.modules.update(dict.fromkeys(['tensorflow', 'keras', 'bakeoff'])); "
    "runpy.run_path(sys.argv.pop(1), run_name='__main__')"
)


def predicted(folder: Path, paths: list[Path]) -> pd.DataFrame:
    command = [sys.executable, "-c", WITHOUT, str(EXAMPLE), str(folder), *map(str, paths)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return pd.read_csv(io.StringIO(done.stdout))


def agree(table: pd.DataFrame, folder: Path, paths: list[Path]) -> None:
    expected = predict_files(load_predictor(folder), paths)
    assert list(table["label"]) == list(expected["label"])
    names = [name for name in expected if str(name).startswith("p_")]
    np.testing.assert_allclose(table[names], expected[names].astype(float), atol=1e-4)


@pytest.mark.parametrize(("mode", "fit"), [("RGB", "crop"), ("L", "pad_black")])
def test_the_example_gives_what_predict_gives(pictures, tmp_path, mode, fit):
    folder = write_network(tmp_path / "models/net", pictures, mode=mode, fit=fit)
    export_model(folder, "onnx", target=tmp_path / "out", pictures=pictures)
    turned = Image.Exif()
    turned[0x0112] = 6
    Image.fromarray(scene(5, 60, 90)).save(tmp_path / "turned.jpeg", exif=turned)
    Image.fromarray(scene(4, 50, 33)).convert("CMYK").save(tmp_path / "cmyk.jpeg")
    paths = [*sorted(pictures.iterdir())[:4], tmp_path / "turned.jpeg", tmp_path / "cmyk.jpeg"]
    agree(predicted(tmp_path / "out", paths), folder, paths)


@pytest.mark.slow
@pytest.mark.real_data
def test_the_example_on_real_pictures(tmp_path):
    archive = Path(os.environ.get("BAKEOFF_DATA", "")) / "flipkart.zip"
    if not archive.is_file():
        pytest.skip("BAKEOFF_DATA does not name the folder of real pictures")
    (tmp_path / "pictures").mkdir()
    with zipfile.ZipFile(archive) as held:
        for name in [n for n in sorted(held.namelist()) if n.endswith(".jpg")][::80]:
            (tmp_path / "pictures" / Path(name).name).write_bytes(held.read(name))
    pictures = tmp_path / "pictures"
    folder = write_network(tmp_path / "models/net", pictures, record_side=224, side=64)
    export_model(folder, "onnx", target=tmp_path / "out", pictures=pictures)
    paths = sorted(pictures.iterdir())
    agree(predicted(tmp_path / "out", paths), folder, paths)
