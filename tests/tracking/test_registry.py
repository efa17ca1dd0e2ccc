import base64
import io
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from bakeoff import tracking
from bakeoff.params.evidence import TrackingParams
from bakeoff.serve.predictor import load_predictor
from bakeoff.tracking.champion import group_numbers
from bakeoff.tracking.registry import version_with
from bakeoff.tracking.store import open_store
from tests.tiny_repository import (
    CLASSES,
    picture,
    write_forest,
    write_pictures,
    write_reports,
)


def reproduce(root: Path, model: str, right: int, seed: int):
    """A forest called `model`, said to have `right` of 24 test pictures right."""
    for old in (root / "models").glob("*/*"):
        old.unlink()
    write_forest(root, model, seed)
    write_reports(root, {model: right})
    tracking.log_comparison(Path("reports"), Path("models"), TrackingParams())
    return open_store("phantom")


def test_the_first_model_is_champion_with_signature_scores_and_example(repository):
    store = reproduce(repository, "first", 20, seed=1)
    champion = version_with(store, "champion")
    assert champion.version == version_with(store, "challenger").version == 1
    assert champion.tags["gate"] == "promoted: the first version"
    assert champion.tags["accuracy"] == "0.8333"
    from mlflow.artifacts import download_artifacts
    from mlflow.models import Model

    packaged = Model.load(download_artifacts(champion.source))
    assert [c.name for c in packaged.signature.outputs] == ["label", "p_dark", "p_light"]
    assert packaged.saved_input_example_info["artifact_path"] == "input_example.json"
    assert "accuracy 0.8333 (0.7333 to 0.9333) on 24 test pictures" in champion.description


def test_a_better_model_replaces_the_champion(repository):
    reproduce(repository, "first", 12, seed=1)
    store = reproduce(repository, "second", 24, seed=2)
    champion = version_with(store, "champion")
    assert champion.version == 2
    assert champion.tags["gate"].startswith("promoted: accuracy +0.500 on the same 24")


def test_a_model_that_is_not_shown_to_be_better_stays_challenger(repository):
    reproduce(repository, "first", 20, seed=1)
    store = reproduce(repository, "second", 21, seed=2)
    assert version_with(store, "champion").version == 1
    challenger = version_with(store, "challenger")
    assert challenger.version == 2
    assert challenger.tags["gate"].startswith("not promoted: accuracy +0.042")
    assert "against version 1 (first)" in challenger.tags["gate"]


def test_the_same_model_again_makes_no_second_version(repository):
    reproduce(repository, "first", 20, seed=1)
    store = reproduce(repository, "first", 20, seed=1)
    assert len(store.client.search_model_versions("name = 'phantom'")) == 1


def test_the_champion_is_scored_anew_when_the_test_side_changed(repository):
    reproduce(repository, "first", 20, seed=1)
    write_pictures(repository, 30, first=6)  # six pictures gone, twelve new ones
    (repository / "models/first").rename(repository / "models/second")
    write_forest(repository, "second", seed=2)
    true = load_predictor(repository / "models/second")
    write_reports(repository, {"second": 30})
    tracking.log_comparison(Path("reports"), Path("models"), TrackingParams())
    store = open_store("phantom")
    gate = version_with(store, "challenger").tags["gate"]
    # The real first forest has all 30 right, as its files show, whatever was said of it before.
    table = pd.read_csv("data/splits/test.csv")
    paths = [Path(path) for path in table["path"]]
    assert (true.table(paths)["label"] == table["label"]).all()
    assert gate.startswith("not promoted: accuracy +0.000 on the same 30 test pictures")


def test_groups_are_numbered_in_the_order_of_the_pictures(repository):
    ids = pd.read_csv("data/splits/test.csv", dtype=str)["image_id"].to_numpy()
    groups = group_numbers(ids[::-1])
    assert len(set(groups)) == 12
    assert groups[0] == groups[1] != groups[2]


@pytest.fixture
def served(repository):
    """The registered champion, loaded as anybody loads it."""
    from mlflow import pyfunc

    store = reproduce(repository, "first", 20, seed=1)
    source = version_with(store, "champion").source
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_URI", store.uri)
        yield pyfunc.load_model(source), load_predictor(repository / "models/first")


def png(pixels: np.ndarray) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG")
    return stream.getvalue()


def test_every_form_of_a_picture_gives_the_same_answer(served):
    model, predictor = served
    pixels = picture(1, seed=7)
    expected = predictor.table([pixels])
    text = base64.b64encode(png(pixels)).decode()
    forms = [
        png(pixels),
        [png(pixels)],
        text,
        [text],
        f"data:image/png;base64,{text}",
        [pixels.tolist()],
        pd.DataFrame({"picture": [png(pixels)]}),
        pd.DataFrame({"picture": [pixels]}),
    ]
    for form in forms:
        pd.testing.assert_frame_equal(model.predict(form), expected)
    assert list(expected) == ["label", "p_dark", "p_light"]
    assert expected["label"][0] == "light"
    assert expected.iloc[0, 1:].sum() == pytest.approx(1)


def test_many_pictures_keep_their_order(served):
    model, _ = served
    labels = [i % 2 for i in range(40)]
    said = model.predict([png(picture(label, i)) for i, label in enumerate(labels)])
    assert list(said["label"]) == [CLASSES[label] for label in labels]


@pytest.mark.parametrize(
    ("request_", "sentence"),
    [
        ({"inputs": ["AAAA"]}, "picture 1"),
        ({"inputs": ["no base64!"]}, "not base64"),
        ({"inputs": []}, ""),
        ({"inputs": [[[1, 2], [3]]]}, "picture 1"),
        ({"inputs": [[[[300, 0, 0]]]]}, "0 to 255"),
        ({"dataframe_split": {"columns": ["a", "b"], "data": [["x", "y"]]}}, ""),
    ],
)
def test_a_bad_request_gets_a_400_and_one_sentence(served, request_, sentence):
    from mlflow.exceptions import MlflowException
    from mlflow.pyfunc.scoring_server import invocations

    model, _ = served
    schema = model.metadata.get_input_schema()
    with pytest.raises(MlflowException) as caught:
        invocations(json.dumps(request_), "application/json", model, schema)
    assert caught.value.get_http_status_code() == 400
    if sentence:
        answer = json.loads(caught.value.serialize_as_json())["message"]
        assert sentence in answer
        assert len(answer) < 200
        assert "\n" not in answer


def test_the_package_carries_its_code_and_pins_only_what_predicting_needs(repository):
    from bakeoff.serve.serving import package_model

    folder = write_forest(repository)
    package_model(folder, repository / "package")
    pins = (repository / "package/requirements.txt").read_text()
    assert "scikit-learn==" in pins
    assert "tensorflow" not in pins
    assert "dvc" not in pins
    code = {p.name for p in (repository / "package/code/bakeoff").rglob("*.py")}
    assert {"predictor.py", "pictures.py", "serving.py"} <= code
    assert "cli.py" not in code
    assert (repository / "package/input_example.json").is_file()
