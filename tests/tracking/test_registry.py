import base64
import io
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from PIL import Image

from bakeoff import tracking
from bakeoff.params.evidence import TrackingParams
from bakeoff.runtime.files import write_json
from bakeoff.serve.predictor import load_predictor
from bakeoff.tracking.gate import group_numbers
from bakeoff.tracking.prune import delete, superseded
from bakeoff.tracking.registry import version_with
from bakeoff.tracking.store import open_store
from tests.tiny_repository import (
    CLASSES,
    picture,
    real_predictions,
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
    assert champion.description.endswith("The gate: promoted: the first version.")


def test_a_better_model_replaces_the_champion(repository):
    reproduce(repository, "first", 8, seed=1)
    store = reproduce(repository, "second", 24, seed=2)
    champion = version_with(store, "champion")
    assert champion.version == 2
    assert champion.tags["gate"].startswith("promoted: accuracy +0.667 on the same 24")
    assert champion.tags["gate_look"] == "1"


def test_every_newcomer_is_another_look_but_the_same_contest_is_not(repository):
    reproduce(repository, "first", 20, seed=1)
    for number, model in enumerate(("second", "third"), start=2):
        for _ in range(2):  # the same comparison again
            store = reproduce(repository, model, 21, seed=number)
        challenger = version_with(store, "challenger")
        assert challenger.version == number
        assert challenger.tags["gate_look"] == str(number - 1)


def test_a_model_that_is_not_shown_to_be_better_stays_challenger(repository):
    reproduce(repository, "first", 20, seed=1)
    store = reproduce(repository, "second", 21, seed=2)
    assert version_with(store, "champion").version == 1
    challenger = version_with(store, "challenger")
    assert challenger.version == 2
    assert challenger.tags["gate"].startswith("not promoted: accuracy +0.042")
    assert "against version 1 (first)" in challenger.tags["gate"]


def compete(root: Path, model: str, seed: int, wrong: float = 0.0, margin: float = 0.0):
    """Fit a real forest, let it predict the test pictures, and put it to the gate."""
    for old in (root / "models").glob("*/*"):
        old.unlink()
    write_forest(root, model, seed, wrong=wrong)
    said = real_predictions(root, model)
    write_reports(root, {model: said})
    edited = yaml.safe_load(Path("params.yaml").read_text())
    edited["evaluate"]["promote_margin"] = margin
    Path("params.yaml").write_text(yaml.safe_dump(edited))
    tracking.log_comparison(Path("reports"), Path("models"), TrackingParams())
    return open_store("phantom"), float(said.right.mean())


def test_real_models_a_weak_champion_falls_and_a_good_one_stays(repository):
    _, weak = compete(repository, "weak", seed=3, wrong=0.5)
    store, good = compete(repository, "good", seed=2, margin=0.9)
    assert weak < 0.7
    assert good > 0.9
    assert version_with(store, "champion").version == 1  # better, but not by more than 0.9
    gate = version_with(store, "challenger").tags["gate"]
    assert gate.startswith(f"not promoted: accuracy {good - weak:+.3f} on the same 24")
    assert "not shown to be better by more than 0.9, against version 1 (weak)" in gate
    compete(repository, "good", seed=2)
    assert version_with(store, "champion").version == 2
    compete(repository, "other", seed=5)
    assert version_with(store, "champion").version == 2
    gate = version_with(store, "challenger").tags["gate"]
    assert gate.startswith("not promoted: accuracy +0.000")
    assert gate.endswith("against version 2 (good)")


def test_real_models_a_champion_is_loaded_and_asked_about_new_test_pictures(repository):
    compete(repository, "weak", seed=3, wrong=0.5)
    write_pictures(repository, 30, first=6)  # six pictures gone, twelve new ones
    weak = real_predictions(repository, "weak")
    store, good = compete(repository, "good", seed=2)
    gate = version_with(store, "champion").tags["gate"]
    gain = good - float(weak.right.mean())
    assert 0.3 < gain < 1
    assert gate.startswith(f"promoted: accuracy {gain:+.3f} on the same 30 test pictures")


def test_a_superseded_version_without_alias_goes_with_its_run(repository):
    compete(repository, "weak", seed=3, wrong=0.5)
    store, _ = compete(repository, "good", seed=2)
    assert superseded(store, 1) == []  # either is the newest of its name
    compete(repository, "weak", seed=4)  # no champion, but the newest of that name
    going = superseded(store, 1)
    compared, weak = sorted(run.name for run in going)
    assert compared.startswith("comparison of phantom, ")
    assert weak == "weak"
    (old,) = [version for run in going for version in run.versions]
    assert (old.version, old.tags["model"]) == (1, "weak")
    held = sum(path.is_file() for path in Path("mlruns/artifacts").rglob("*"))
    assert delete(store, going)
    kept = store.client.search_model_versions("name = 'phantom'")
    assert sorted(version.version for version in kept) == [2, 3]
    assert version_with(store, "champion").version == 2
    assert not list(Path("mlruns/artifacts").glob(f"**/{old.model_id}/**/*.skops"))
    assert sum(path.is_file() for path in Path("mlruns/artifacts").rglob("*")) < held
    assert superseded(store, 1) == []


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


def test_a_champion_is_not_scored_on_its_own_training_pictures(repository):
    reproduce(repository, "first", 20, seed=1)
    splits = repository / "data/splits"
    held = pd.read_csv(splits / "train.csv", dtype=str)
    pd.read_csv(splits / "test.csv", dtype=str).to_csv(splits / "train.csv", index=False)
    held.to_csv(splits / "test.csv", index=False)  # another seed deals the sides anew
    (repository / "models/first").rename(repository / "models/second")
    write_forest(repository, "second", seed=2)
    write_reports(repository, {"second": len(held)})
    tracking.log_comparison(Path("reports"), Path("models"), TrackingParams())
    gate = version_with(open_store("phantom"), "challenger").tags["gate"]
    assert gate.startswith("not promoted: the champion could not be scored")
    assert "every test picture stood in the champion's own training" in gate


def test_a_leaking_test_side_promotes_nobody(repository):
    reproduce(repository, "first", 10, seed=1)
    (repository / "models/first").rename(repository / "models/second")
    write_forest(repository, "second", seed=2)
    write_reports(repository, {"second": 24})
    write_json(repository / "reports/split/leakage.json", {"test_pictures_in_training": 3})
    tracking.log_comparison(Path("reports"), Path("models"), TrackingParams())
    gate = version_with(open_store("phantom"), "challenger").tags["gate"]
    assert gate.startswith("not promoted: the test side leaks from training")


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
    from bakeoff.serve.mlflow_model import package_model

    folder = write_forest(repository)
    package_model(folder, repository / "package")
    pins = (repository / "package/requirements.txt").read_text()
    assert "scikit-learn==" in pins
    assert "tensorflow" not in pins
    assert "dvc" not in pins
    code = {p.name for p in (repository / "package/code/bakeoff").rglob("*.py")}
    assert {"predictor.py", "decoding.py", "mlflow_model.py"} <= code
    assert not (repository / "package/code/bakeoff/cli").exists()
    assert (repository / "package/input_example.json").is_file()
