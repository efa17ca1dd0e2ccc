"""The pages of the models: what MLflow unpacks, and what a browser shows of it."""

import base64
import json
import os
import shutil
import subprocess
import sys
import zlib
from pathlib import Path

import pytest
from PIL import Image

from bakeoff.runtime.errors import BakeoffError
from bakeoff.serve.http import free_socket
from bakeoff.tracking.facts import metric_name
from bakeoff.tracking.pages import showing_pages
from bakeoff.tracking.store import open_store
from bakeoff.tracking.sync import sync
from bakeoff.tracking.view import pages
from tests.tiny_repository import write_model, write_reports

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-sync "
    "--disable-background-networking --disable-component-update"
).split()


@pytest.fixture
def synced(repository, monkeypatch):
    """Three models compared, the best of them a regression, in a real store."""
    monkeypatch.setattr("bakeoff.serve.predictor.can_predict", lambda folder: False)
    right = {"logistic_vgg16": 22, "vgg16": 20, "inceptionv3": 17, "majority_class": 12}
    for name in list(right)[:3]:
        write_model(repository, name)
    reports = write_reports(repository, right)
    for shade, name in enumerate(right):
        (reports / "plots/confusion").mkdir(parents=True, exist_ok=True)
        Image.new("L", (90, 90), 60 * shade).save(reports / f"plots/confusion/{name}.png")
    sync()
    return repository


def test_the_view_is_the_models_best_first(synced):
    store = open_store("phantom")
    (experiment,) = [e for e in store.client.search_experiments() if e.name == "phantom"]
    view = json.loads(experiment.tags["mlflow.sharedViewState.models"])
    packed = view["state"].removeprefix("deflate;")
    state = json.loads(zlib.decompress(base64.b64decode(packed)))
    assert (state["orderByKey"], state["orderByAsc"]) == ("metrics.`score/accuracy`", False)
    found = store.client.search_runs(
        [store.experiment_id], state["searchFilter"], order_by=[f"{state['orderByKey']} DESC"]
    )
    assert [run.info.run_name for run in found] == ["logistic_vgg16", "vgg16", "inceptionv3"]
    shown = state["selectedColumns"]
    assert shown[:2] == ["metrics.`score/accuracy`", "tags.`accuracy interval`"]
    metrics = {f"metrics.`{name}`" for run in found for name in run.data.metrics}
    tags = {f"tags.`{name}`" for run in found for name in run.data.tags}
    # macro F1 is undefined in these reports; every other column has values.
    assert set(shown) - metrics - tags == {"metrics.`score/macro_f1`"}
    first, second = pages([experiment], "http://127.0.0.1:5")
    assert first[0] == "phantom: models of the last comparison"
    assert first[1].endswith("/runs?workflowType=machine_learning&viewStateShareKey=models")
    assert second[1].endswith("viewStateShareKey=all")


def test_writing_the_same_view_again_changes_nothing(synced):
    store = open_store("phantom")
    before = store.client.get_experiment(store.experiment_id).tags
    sync()
    assert store.client.get_experiment(store.experiment_id).tags == before


def test_names_that_differ_stay_different():
    names = ["a+b", "a&b", "a_b", "\u0915\u093f", "\u0915\u0940", "x" * 300, "x" * 301]
    assert len({metric_name(name) for name in names}) == len(names)
    assert metric_name("score/accuracy") == "score/accuracy"
    assert all(len(metric_name(name)) <= 250 for name in names)


def test_a_taken_port_and_a_missing_store_are_one_sentence(synced):
    bound = free_socket(0)
    bound.listen()
    with pytest.raises(BakeoffError, match="choose another with --port"):
        with showing_pages(bound.getsockname()[1]):
            pass
    (synced / "mlruns/mlflow.db").unlink()
    with pytest.raises(BakeoffError, match="`bakeoff sync` first"):
        with showing_pages(0):
            pass


def sync_second_set(root):
    """Another data set, for which two models were trained."""
    shutil.rmtree(root / "models/logistic_vgg16")
    params = root / "params.yaml"
    params.write_text(params.read_text().replace("dataset: phantom", "dataset: second"))
    write_reports(root, {"inceptionv3": 21, "vgg16": 18, "majority_class": 12})
    sync()


@pytest.mark.slow
def test_a_browser_shows_the_models_best_first_and_compares_their_matrices(synced):
    """The real command, the real server, a real browser, two data sets."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if CHROMIUM is None:
        pytest.skip("there is no chromium here")
    sync_second_set(synced)
    bound = free_socket(0)
    port = bound.getsockname()[1]
    bound.close()
    command = [str(Path(sys.executable).with_name("bakeoff")), "ui", "--port", str(port)]
    server = subprocess.Popen(command, env=os.environ, stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        printed = [server.stdout.readline().strip() for _ in range(8)]
        addresses = dict(zip(printed[::2], printed[1::2], strict=True))
        page_of_models = addresses["phantom: models of the last comparison"]
        with playwright.sync_playwright() as play:
            browser = play.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
            page = browser.new_page(viewport={"width": 1600, "height": 900})
            check_table(page, page_of_models)
            check_charts(page, page_of_models)
            check_compare(page, page_of_models)
            check_second_set(page, addresses)
            browser.close()
    finally:
        server.terminate()
        server.wait(120)


def check_table(page, address: str) -> None:
    page.goto(address)
    page.get_by_text("inceptionv3", exact=True).first.wait_for(timeout=60_000)
    names = page.locator(".ag-row a", has_text="v").all_inner_texts()
    assert [n for n in names if n] == ["logistic_vgg16", "vgg16", "inceptionv3"]
    text = page.inner_text("body")
    for shown in ("score/accuracy", "accuracy interval", "0.817 to 1.017", "random (fallback)"):
        assert shown in text
    assert "comparison of" not in text
    assert "Traces 0" not in text


def check_charts(page, address: str) -> None:
    page.goto(f"{address}&compareRunsMode=CHART")
    page.get_by_text("Accuracy against cost").first.wait_for(timeout=60_000)
    bars = page.locator("[data-testid='experiment-view-compare-runs-card'], .js-plotly-plot").first
    bars.wait_for(timeout=60_000)
    assert page.locator(".js-plotly-plot .bars .point").count() >= 3


def check_compare(page, address: str) -> None:
    page.goto(address)
    page.get_by_text("inceptionv3", exact=True).first.wait_for(timeout=60_000)
    for name in ("logistic_vgg16", "vgg16", "inceptionv3"):
        row = page.locator(".ag-row", has=page.get_by_text(name, exact=True)).first
        row.locator("input[type=checkbox]").first.click(force=True)
    page.get_by_role("button", name="Compare").click()
    # The pane of MLflow's assistant lies over the file: it opens by itself the first time.
    page.get_by_text("confusion_matrix.png").first.dispatch_event("click", timeout=60_000)
    pictures = page.locator("img[src^='blob:']")
    pictures.first.wait_for(timeout=60_000)
    page.wait_for_timeout(2000)
    assert len({picture.get_attribute("src") for picture in pictures.all()}) == 3


def check_second_set(page, addresses) -> None:
    for view in ("models of the last comparison", "all models"):
        page.goto(addresses[f"second: {view}"])
        page.get_by_text("vgg16", exact=True).first.wait_for(timeout=60_000)
        names = page.locator(".ag-row a", has_text="v").all_inner_texts()
        assert [n for n in names if n] == ["inceptionv3", "vgg16"]
