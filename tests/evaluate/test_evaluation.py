"""The whole evaluation on a few tiny pictures, with real models of every kind."""

import html
import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest

from bakeoff.baselines.classical import write_classifier
from bakeoff.baselines.forest import describe_side, fit_forest, forest_metadata
from bakeoff.baselines.logistic import fit_logistic, logistic_metadata
from bakeoff.evaluate.evaluation import evaluate_models
from bakeoff.evaluate.verdict import conclusions
from bakeoff.features.sides import read_feature_side, read_record_side
from bakeoff.params.baselines import ForestParams, LogisticParams
from bakeoff.params.found import Found
from bakeoff.params.training import HeadParams
from bakeoff.report.terminal import show_comparison
from bakeoff.runtime.errors import BakeoffError
from bakeoff.runtime.files import read_json, write_json
from bakeoff.scoring.predictions import read_predictions
from bakeoff.test_side.candidates import FOREST, MAJORITY, Candidate, read_candidates
from bakeoff.test_side.probabilities import Inputs
from bakeoff.test_side.repeats import repeat_head
from bakeoff.tfrecord.index import read_index
from bakeoff.tracking.comparison_run import ComparisonFiles, describe
from bakeoff.train.heads import build_head
from bakeoff.train.network_files import Trained, write_network
from tests.tiny_evidence import NAMES, TRAIN_LABELS, evaluate, in_folds
from tests.tiny_evidence import SMALL as PARAMS
from tests.tiny_records import write_tiny_records


@pytest.fixture(autouse=True)
def own_memory(tmp_path, monkeypatch):
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))


def write_features(folder: Path, records: Path, encoder: keras.Model) -> None:
    folder.mkdir(parents=True)
    for split in ("train", "val", "test"):
        side = read_record_side(records, split, lambda p: encoder(p.astype("float32")).numpy())
        np.save(folder / f"{split}.npy", side.values)
        pd.DataFrame(
            {
                "image_id": side.image_ids,
                "transform": side.transforms,
                "label": side.labels,
                "group": side.groups,
            }
        ).to_csv(folder / f"{split}.csv", index=False)
    facts = {
        "backbone": "Tiny",
        "image_side": 16,
        "pooling": "avg",
        "precision": "float32",
        "parameters": 112,
        "weights": {"kind": "random", "origin": "seed", "sha256": "0" * 64, "fallback": True},
    }
    write_json(folder / "features.json", facts)


def encode(pictures: keras.KerasTensor) -> keras.KerasTensor:
    x = keras.layers.Resizing(16, 16, name="resizing")(pictures)
    x = keras.layers.Rescaling(1 / 127.5, offset=-1.0, name="preprocessing")(x)
    convolution = keras.layers.Conv2D(4, 3, activation="relu")
    x = keras.Sequential([keras.Input((16, 16, 3)), convolution], name="backbone")(x)
    return keras.layers.GlobalAveragePooling2D(name="pooling")(x)


FOUND = Found(3, {"trees": 20, "max_depth": None})
SEARCHED = """number,state,cohen_kappa,best_epoch,epochs,max_depth,trees
0,complete,0.25,1,1,null,300
1,fail,,,1,8,20
2,complete,0.75,1,1,null,20
"""


@pytest.fixture(scope="module")
def workshop(tmp_path_factory) -> Path:
    """Records, features, and a forest, a head, a network from scratch and a regression."""
    root = tmp_path_factory.mktemp("workshop")
    records, features, models = root / "processed", root / "features", root / "models"
    write_tiny_records(records)
    index = read_index(records)
    keras.utils.set_random_seed(3)
    pictures = keras.Input((None, None, 3), name="picture", dtype="float32")
    encoder = keras.Model(pictures, encode(pictures))
    write_features(features / "tiny", records, encoder)
    train, val = (read_feature_side(features / "tiny", split) for split in ("train", "val"))

    metadata = {
        "classes": list(index.classes),
        "backbone": "Tiny",
        "image_side": 16,
        "record_side": 40,
        "channels": 3,
        "fit": "stretch",
        "equalize": "none",
        "precision": "float32",
        "params": {"head": {"hidden": [8]}, "train": {"epochs": 3}},
        "weights": read_json(features / "tiny" / "features.json")["weights"],
    }
    both = [f"{side}{name}" for side in ("", "val_") for name in ("loss", "accuracy")]
    epochs = [{"epoch": e, "phase": "head"} | dict.fromkeys(both, 1 / e) for e in (1, 2)]
    for name, kind in (("tiny", "head"), ("scratch", "from_scratch")):
        head = build_head(4, 3, HeadParams(hidden=(8,), dropout=0.0))
        network = keras.Model(pictures, head(encoder.output))
        trained = Trained(
            network=network,
            head=head if kind == "head" else None,
            history=epochs,
            best_epoch=2,
            monitor="val_accuracy",
            val_logits=head(val.values).numpy(),
            seconds=1.0,
        )
        (models / name).mkdir(parents=True)
        write_network(models / name, trained, train, val, metadata | {"model": name, "kind": kind})

    (models / "logistic_tiny").mkdir()
    regression = fit_logistic(train, val, LogisticParams(), 3)
    facts = read_json(features / "tiny" / "features.json")
    of_regression = logistic_metadata(
        "logistic_tiny", regression, LogisticParams(), index=index, features=facts, found=Found()
    )
    write_classifier(models / "logistic_tiny", regression, train, val, of_regression)

    (root / "search" / FOREST).mkdir(parents=True)
    (root / "search" / FOREST / "trials.csv").write_text(SEARCHED)
    (models / FOREST).mkdir()
    params = ForestParams(trees=20, pixels_side=8)
    seen, held = (describe_side(("pixels",), 8, s, records, features) for s in ("train", "val"))
    forest = fit_forest(seen, held, params, 3, seed=1)
    of_forest = forest_metadata(
        FOREST, forest, params, index=index, features=features, seed=1, found=FOUND
    )
    write_classifier(models / FOREST, forest, seen, held, of_forest)
    return root


@pytest.fixture(scope="module")
def reports(workshop) -> Path:
    """Made twice from nothing, and once more, without TensorFlow, from what is remembered."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("reports", "again"):
            patch.setenv("DVC_ROOT", str(workshop / "clones" / name))
            evaluate(workshop, name)
    code = (
        "import sys; from pathlib import Path\n"
        "sys.modules |= dict.fromkeys(('tensorflow', 'keras', 'sklearn', 'skimage', 'mlflow'))\n"
        "from tests.tiny_evidence import evaluate\n"
        f"evaluate(Path({str(workshop)!r}), 'remembered')"
    )
    surroundings = os.environ | {"DVC_ROOT": str(workshop / "clones" / "reports")}
    subprocess.run([sys.executable, "-c", code], check=True, env=surroundings)
    return workshop / "reports"


def test_every_model_and_the_majority_are_scored_on_the_test_originals(reports, workshop):
    table = pd.read_csv(reports / "comparison.csv")
    assert set(table["model"]) == {*NAMES, MAJORITY}
    assert (table["n_test"] == 9).all()
    assert (table["n_train"] == 24).all()
    assert table["accuracy"].is_monotonic_decreasing
    test = read_record_side(workshop / "processed", "test")
    for name in [*NAMES, MAJORITY]:
        predictions = read_predictions(reports / "predictions" / f"{name}.csv")
        assert predictions.image_ids.tolist() == test.image_ids.tolist()
        assert np.array_equal(predictions.labels, test.labels)


def test_the_exported_model_gives_the_probabilities_that_were_scored(reports, workshop):
    pictures = []
    for name in ("tiny", "scratch"):
        model = keras.saving.load_model(workshop / "models" / name / "model.keras")
        read_record_side(
            workshop / "processed",
            "test",
            lambda p: pictures.append(p) or np.zeros((len(p), 0), np.float32),
        )
        expected = model(pictures[0].astype("float32")).numpy()
        scored = read_predictions(reports / "predictions" / f"{name}.csv").probabilities
        assert scored == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("other", ["again", "remembered"])
def test_what_holds_no_time_is_the_same_to_the_byte(reports, other):
    again = reports.parent / other
    for kind in ("metrics.json", "evidence.json"):
        assert (reports / kind).read_bytes() == (again / kind).read_bytes()
    for folder in ("predictions", "plots", "cards"):
        files = sorted(p.relative_to(reports) for p in (reports / folder).rglob("*.*"))
        assert files
        for path in files:
            assert (reports / path).read_bytes() == (again / path).read_bytes(), path


def test_what_is_remembered_holds_its_clocked_times_as_well(reports):
    for name in ("comparison.csv", "report.html", "cost.png"):
        first, remembered = reports / name, reports.parent / "remembered" / name
        assert first.read_bytes() == remembered.read_bytes()


def test_only_a_changed_model_is_inspected_again(workshop, reports, tmp_path, monkeypatch, caplog):
    monkeypatch.setenv("DVC_ROOT", str(reports.parent / "clones" / "reports"))
    cache = reports.parent / "clones" / "reports" / "mlruns" / "cache"
    before = set(cache.rglob("*.npz"))
    models = tmp_path / "models"
    shutil.copytree(workshop / "models", models)
    metadata = read_json(models / "scratch" / "metadata.json")
    write_json(models / "scratch" / "metadata.json", metadata | {"seed": 99})
    inputs = Inputs(workshop / "processed", workshop / "features")
    with caplog.at_level("INFO", "bakeoff"):
        evaluate_models(read_candidates(models, NAMES), inputs, TRAIN_LABELS, PARAMS, seed=5)
    assert [m for m in caplog.messages if "inspecting" in m] == ["inspecting scratch"]
    new = set(cache.rglob("*.npz")) - before
    assert sorted(path.parent.name for path in new) == ["networks", "predictions"]


def test_test_images_that_stand_in_training_are_reported_first_and_left_out(
    workshop, reports, monkeypatch
):
    monkeypatch.setenv("DVC_ROOT", str(reports.parent / "clones" / "reports"))
    inputs = Inputs(workshop / "processed", workshop / "features")
    ids = read_record_side(workshop / "processed", "test").image_ids
    evaluation = evaluate_models(
        read_candidates(workshop / "models", NAMES),
        inputs,
        TRAIN_LABELS,
        PARAMS,
        seed=5,
        leaking=frozenset(ids[:3]),
    )
    leaking = int(np.isin(ids, ids[:3]).sum())
    assert 0 < leaking < len(ids)
    assert evaluation.leaking == leaking
    assert evaluation.comparison is evaluation.clean
    assert len(evaluation.clean.best.predictions.labels) == len(ids) - leaking
    said = conclusions(evaluation, {})
    assert said[0].startswith(f"The test side leaks: at least {leaking} of its {len(ids)} images")
    assert f"on the {len(ids) - leaking} test images" in said[2]


def test_metrics_are_numbers_by_model_without_anything_clocked(reports):
    metrics = read_json(reports / "metrics.json")
    assert set(metrics) == {"best", *NAMES, MAJORITY}
    assert set(metrics[FOREST]) == {"accuracy", "cohen_kappa", "macro_f1", "log_loss"}
    assert metrics["best"]["accuracy"] == max(metrics[name]["accuracy"] for name in NAMES)
    text = (reports / "metrics.json").read_text() + (reports / "evidence.json").read_text()
    assert "seconds" not in text
    assert "NaN" not in text
    evidence = read_json(reports / "evidence.json")
    assert set(evidence["test"]["models"]["tiny"]["per_class"]) == {"amber", "blue", "coral"}
    assert len(evidence["test"]["against_forest"]) == len(NAMES) - 1


def test_the_page_holds_all_it_shows(reports):
    page = (reports / "report.html").read_text()
    assert len(page) < 5_000_000
    assert 'src="http' not in page
    assert "@import" not in page
    assert "<script" not in page
    assert "url(http" not in page
    assert "Random weights." in page
    assert "dataset: tiny &lt;b&gt;\nmirror: https://h/w\n" in page
    assert "s3cret" not in page
    for name in NAMES:
        assert f'id="model-{name}"' in page
    assert page.count("data:image/jpeg;base64,") > 10
    grid = page.partition('<section id="confusion">')[2].partition("</section>")[0]
    assert grid.count('<table class="confusion">') == len(NAMES)
    assert "2026-01-02, commit 12345678" in page
    assert "<dt>Kappa</dt><dd>Cohen&#39;s kappa" in page
    assert not re.search(r">\s*(nan|None|<NA>)\b", page)


def test_each_model_has_its_card(reports):
    for name in NAMES:
        card = (reports / "cards" / f"{name}.md").read_text()
        assert card.startswith(f"# {name}\n")
        assert "| accuracy | 0." in card or "| accuracy | 1." in card
        assert "40 x 40 pixels, 3 channels, fit to the square: stretch, equalisation: none." in card
    assert "Random weights" in (reports / "cards" / "tiny.md").read_text()
    assert "Random weights" not in (reports / "cards" / f"{FOREST}.md").read_text()


def test_the_comparison_says_which_values_were_searched(reports):
    table = pd.read_csv(reports / "comparison.csv").set_index("model")
    assert table.loc[FOREST, "searched"] == 3
    assert (table["searched"].drop(FOREST) == 0).all()
    said = "Searched in 3 trials: max_depth None, trees 20. The rest was given in params.yaml."
    given = "Every value was given in params.yaml."
    assert said in (reports / "cards" / f"{FOREST}.md").read_text()
    assert given in (reports / "cards" / "tiny.md").read_text()
    page = (reports / "report.html").read_text()
    assert page.count(said) == 1
    assert page.count(given) == len(NAMES) - 1
    plotted = pd.read_csv(reports / "curves" / "search.csv")
    assert plotted["best"].tolist() == [0.25, 0.25, 0.75]
    assert plotted["cohen_kappa"].isna().tolist() == [False, True, False]


def test_networks_are_looked_at_and_forests_drawn_back(reports):
    plots = reports / "plots"
    assert {p.stem for p in (plots / "grad_cam").iterdir()} == {"tiny", "scratch"}
    assert {p.stem for p in (plots / "mean_maps").iterdir()} == {"tiny", "scratch"}
    assert [p.stem for p in (plots / "importances").iterdir()] == [FOREST]
    cells = pd.read_csv(reports / "curves" / "confusion.csv")
    assert cells.groupby("model")["images"].sum().eq(9).all()
    assert set(cells["model"]) == set(NAMES)


def test_a_model_that_is_not_the_one_evaluated_stops_everything(workshop, tmp_path):
    candidates = read_candidates(workshop / "models", NAMES)
    other = tmp_path / "tiny"
    other.mkdir()
    for path in (workshop / "models" / "tiny").iterdir():
        (other / path.name).write_bytes(path.read_bytes())
    (other / "model.keras").write_bytes(
        (workshop / "models" / "scratch" / "model.keras").read_bytes()
    )
    swapped = [replace(c, folder=other) if c.name == "tiny" else c for c in candidates]
    inputs = Inputs(workshop / "processed", workshop / "features")
    with pytest.raises(BakeoffError, match=r"gives other probabilities.*train@tiny"):
        evaluate_models(swapped, inputs, TRAIN_LABELS, PARAMS, seed=5)


def test_features_of_other_test_pictures_stop_everything(workshop, tmp_path):
    features = tmp_path / "features" / "tiny"
    features.mkdir(parents=True)
    for path in (workshop / "features" / "tiny").iterdir():
        (features / path.name).write_bytes(path.read_bytes())
    test = pd.read_csv(features / "test.csv")
    test.loc[0, "image_id"] = "another"
    test.to_csv(features / "test.csv", index=False)
    candidates: list[Candidate] = read_candidates(workshop / "models", NAMES)
    inputs = Inputs(workshop / "processed", tmp_path / "features")
    with pytest.raises(BakeoffError, match=r"different test pictures.*features@tiny"):
        evaluate_models(candidates, inputs, TRAIN_LABELS, PARAMS, seed=5)


def test_a_head_trained_again_has_a_spread_of_accuracies(workshop):
    head = read_candidates(workshop / "models", ["tiny"])[0]
    spread = repeat_head(head, workshop / "features" / "tiny", 3, seed=20)
    again = repeat_head(head, workshop / "features" / "tiny", 2, seed=20)
    assert spread.shape == (3,)
    assert np.array_equal(spread[:2], again)
    assert set(np.round(spread * 9, 9)) <= set(range(10))


def test_numbers_in_files_are_json_that_any_reader_takes(reports):
    for name in ("metrics.json", "evidence.json"):
        json.loads((reports / name).read_text(), parse_constant=pytest.fail)


RECIPES = [(FOREST, "forest"), ("tiny", "head"), ("tiny", "logistic"), ("tiny", "forest")]

SITUATIONS = {
    "tie": (240, (0.7, 0.72, 0.71, 0.7), "A tie: tiny ("),
    "winner": (240, (0.5, 0.95, 0.6, 0.5), "is better than all 3 other models."),
    "sixty": (60, (0.6, 0.8, 0.75, 0.6), "A tie: tiny ("),
}


@pytest.mark.parametrize("name", SITUATIONS)
def test_page_cards_terminal_and_mlflow_say_the_same(workshop, name, monkeypatch, capsys):
    count, accuracies, expected = SITUATIONS[name]
    monkeypatch.setenv("DVC_ROOT", str(workshop / "clones" / name))
    evaluate(workshop, name, in_folds(count, dict(zip(RECIPES, accuracies, strict=True))))
    reports = workshop / name
    verdict = read_json(reports / "evidence.json")["verdict"]
    assert expected in verdict[0]
    page = html.unescape((reports / "report.html").read_text(encoding="utf-8"))
    page = page.replace("\u00a0", " ")
    assert f"<h1>{verdict[0]}</h1>" in page
    show_comparison(reports)
    terminal = re.sub(r"\s+", " ", capsys.readouterr().out)
    files = ComparisonFiles.read(reports, workshop / "models", workshop / "no params.yaml")
    note = describe(files.verdict, files.table)
    unseen = next(s for s in verdict if "would be found with a chance of 80 %" in s)
    cards = [(reports / "cards" / f"{model}.md").read_text() for model in ("tiny", FOREST)]
    for text in (page, terminal, note, *cards):
        places = [text.index(sentence) for sentence in (verdict[0], verdict[1], unseen)]
        assert places == sorted(places)
    for sentence in verdict:
        start = sentence.split(";")[0].removesuffix(".")  # costs follow on the page
        assert all(start in text for text in (page, terminal, note)), sentence
    # What a card or the page's table says of a model is what the headline says of it.
    pairings = read_json(reports / "evidence.json")["folds"]["against_best"]
    level = {p["model"] for p in pairings if p["conclusion"] == "no difference shown"}
    assert bool(level) == ("A tie" in verdict[0])
    of_forest = f"{FOREST} and tiny are statistically indistinguishable"
    assert (of_forest in cards[1]) == (FOREST in level)
    # Below 500 pictures a calibration error is noise, and is not shown.
    assert "Calibr. error before" not in page
    assert ">Calibr. error<" not in page.replace("<dt>Calibr. error<", "")
    assert "calibration_error" not in cards[0]
