"""Real backbones as ONNX files, with random weights: preprocessing and normalisation inside."""

import pytest

from bakeoff.export.exporting import export_model
from bakeoff.features.backbones import build_backbone
from tests.export.conftest import write_network

pytest.importorskip("onnxruntime", reason="uv sync --extra export")
pytest.importorskip("tf2onnx", reason="uv sync --extra export")


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [
        "EfficientNetV2B0",
        "EfficientNetB0",
        "EfficientNetLite0",
        "MobileNetV2",
        "VGG16",
        "InceptionV3",
        "ResNet50",
        "DenseNet121",
    ],
)
def test_a_backbone_is_exported_with_its_preprocessing(pictures, tmp_path, name):
    backbone = build_backbone(name, 96)
    folder = write_network(
        tmp_path / name, pictures, backbone, name=name, side=96, record_side=112, temperature=10.0
    )
    done = export_model(folder, "onnx", target=tmp_path / "out", pictures=pictures)
    assert done.proof.difference <= 1e-4
