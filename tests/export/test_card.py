"""The card of an exported file says of the model what the page says."""

import keras
import pytest

from bakeoff.export.card import card_text
from bakeoff.export.exporting import labels
from bakeoff.export.formats import FORMATS
from bakeoff.export.portable import Portable
from bakeoff.export.proof import Proof
from bakeoff.serve.metadata import read_metadata
from tests.serve.tiny_page import write_repository

PROOF = Proof(9, 2e-6, 1e-4, 0.004, 1.5, 3.0)


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    folder = tmp_path_factory.mktemp("repository")
    write_repository(folder)
    path = folder / "params.yaml"
    path.write_text(path.read_text().replace("confidence: 0.95", "confidence: 0.9"))
    return folder


def card(folder) -> str:
    facts = labels(read_metadata(folder), Portable(keras.Sequential(), any_size=True))
    form = FORMATS["savedmodel"]
    return card_text(folder, form, "float32", proof=PROOF, facts=facts, size=1_500_000)


def test_data_set_score_and_all_warnings_are_named(root, monkeypatch):
    monkeypatch.chdir(root)
    params = root / "params.yaml"
    params.write_text(params.read_text().replace("dataset: phantom", "dataset: dogs"))
    text = card(root / "models/net")
    assert (
        "Model: VGG16 at 8 pixels, frozen, with a trained head, random (fallback) weights." in text
    )
    assert "examples of phantom." in text  # which the lock file names, not params.yaml
    assert "Right on 80.0 % of 9 test pictures (90 % interval 60.0 to 90.0 %)." in text
    warnings = [line for line in text.splitlines() if line.startswith("> **Warning:**")]
    assert ["medical" in warnings[0], "random weights" in warnings[1]] == [True, True]
    assert "Not shown to be better than always naming the commonest class" in warnings[2]
    assert len(warnings) == 3
    assert "| size | 1.5 MB, weights in float32 |" in text


def test_a_forest_has_no_weights(root, monkeypatch):
    monkeypatch.chdir(root)
    assert "Model: random forest, 10 trees on pixels.\n" in card(root / "models/random_forest")


def test_of_a_model_from_elsewhere_neither_data_set_nor_score_is_known(root, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = card(root / "models/net")
    assert "examples of an unknown data set." in text
    assert "Not scored here." in text
    assert text.count("> **Warning:**") == 1  # its random weights
