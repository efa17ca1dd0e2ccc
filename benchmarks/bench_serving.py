"""Load-test a served model: 1000 requests from 8 clients over HTTP on loopback.

    python benchmarks/bench_serving.py models/vgg16 [requests] [clients]

Packages the model, serves it with `mlflow models serve`, sends the test pictures of
`data/splits/test.csv` as base64, and compares every answer with the first one for that picture
and, if it exists, with `reports/predictions/<model>.csv`. Prints lost requests, requests per
second, latencies, and the server's memory. Before that it measures, in this process, one picture's
bytes through the registered model relative to the direct model call on its pixels.
"""

import base64
import itertools
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
import psutil
import requests
from mlflow import pyfunc

from bakeoff.runtime.tables import read_csv
from bakeoff.scoring.predictions import read_predictions
from bakeoff.serve.mlflow_model import package_model, packaged_folder
from bakeoff.serve.predictor import load_predictor
from figures import record

PORT = 5071
URL = f"http://127.0.0.1:{PORT}"


def main() -> None:
    folder = Path(sys.argv[1])
    count, clients = (int(a) for a in [*sys.argv[2:], "1000", "8"][:2])
    with tempfile.TemporaryDirectory() as scratch:
        package = Path(scratch) / "package"
        package_model(folder, package)
        medians = measure_ratio(package)
        ratio = medians["registered model"] / medians["bare call"]
        record("serving", {f"{folder.name}_over_bare_call": ratio}, {"seconds": medians})
        server = start(package)
        try:
            load(server, folder.name, count, clients)
            bad_picture()
        finally:
            for process in [*psutil.Process(server.pid).children(recursive=True), server]:
                process.terminate()


def measure_ratio(package: Path, rounds: int = 200) -> dict[str, float]:
    """One picture from bytes to table, relative to the direct model call on prepared pixels."""
    served = pyfunc.load_model(str(package))
    predictor = load_predictor(packaged_folder(package))
    source = Path(
        read_csv(Path("data/splits/test.csv"), all_text=True)["path"].iloc[0]
    ).read_bytes()
    pixels = predictor.picture(source)[None]
    steps: dict[str, Callable[[], object]] = {
        "bare call": lambda: predictor.classify(pixels),
        "decoding and resizing": lambda: predictor.picture(source),
        "registered model": lambda: served.predict([source]),
    }
    seconds: dict[str, list[float]] = {name: [] for name in steps}
    for number in range(rounds + 10):
        for name, step in steps.items():
            started = time.perf_counter()
            step()
            if number >= 10:
                seconds[name].append(time.perf_counter() - started)
    medians = {name: float(np.median(times)) for name, times in seconds.items()}
    return medians


def start(package: Path) -> subprocess.Popen[bytes]:
    command = ["-m", "mlflow", "models", "serve", "--model-uri", str(package)]
    command += ["--env-manager", "local", "--host", "127.0.0.1", "--port", str(PORT)]
    environment = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "2", "MLFLOW_DISABLE_TELEMETRY": "true"}
    environment["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment["MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR"] = "false"
    server = subprocess.Popen([sys.executable, *command], env=environment)
    started = time.perf_counter()
    while time.perf_counter() - started < 180:
        try:
            requests.get(f"{URL}/ping", timeout=1)
        except requests.RequestException:
            time.sleep(0.5)
        else:
            print(f"answers after {time.perf_counter() - started:.0f} s")
            return server
    sys.exit("the server did not start")


def load(server: subprocess.Popen[bytes], model: str, count: int, clients: int) -> None:
    table = read_csv(Path("data/splits/test.csv"), all_text=True)
    bodies = [
        {"inputs": [base64.b64encode(Path(path).read_bytes()).decode()]} for path in table["path"]
    ]
    sessions = [requests.Session() for _ in range(clients)]
    lost: list[str] = []
    answers: dict[int, dict[str, object]] = {}
    different = 0

    def ask(task: tuple[int, requests.Session]) -> float:
        nonlocal different
        number, session = task
        which = number % len(bodies)
        started = time.perf_counter()
        answer = session.post(f"{URL}/invocations", json=bodies[which], timeout=60)
        seconds = time.perf_counter() - started
        if answer.status_code != 200:
            lost.append(answer.text[:200])
        else:
            said = answer.json()["predictions"][0]
            different += answers.setdefault(which, said) != said
        return seconds

    tasks = list(zip(range(count), itertools.cycle(sessions)))
    ask(tasks[0])
    seconds: list[float] = []
    began = time.perf_counter()
    with ThreadPoolExecutor(clients) as pool:
        for start_ in range(0, count, max(1, count // 5)):
            seconds += pool.map(ask, tasks[start_ : start_ + max(1, count // 5)])
            print(f"{len(seconds):5d} requests, server holds {memory(server):.0f} MB")
    took = time.perf_counter() - began
    p50, p99 = np.percentile(seconds, [50, 99])
    print(f"{len(lost)} lost, {different} answers changed, {count / took:.1f} requests/s")
    print(f"median {p50 * 1e3:.0f} ms, 99th percentile {p99 * 1e3:.0f} ms")
    agree(model, table, answers)


def agree(model: str, table: pd.DataFrame, answers: dict[int, dict[str, object]]) -> None:
    """Compare with the predictions that `evaluate` wrote for the same pictures."""
    path = Path("reports/predictions") / f"{model}.csv"
    if not path.is_file():
        return
    said = read_predictions(path)
    place = {str(image_id): row for row, image_id in enumerate(said.image_ids)}
    gaps = [
        abs(float(str(answer[f"p_{name}"])) - said.probabilities[place[table["image_id"][n]], k])
        for n, answer in answers.items()
        for k, name in enumerate(said.classes)
    ]
    print(f"{len(answers)} pictures, largest gap to {path}: {max(gaps):.2g}")


def memory(server: subprocess.Popen[bytes]) -> float:
    """Resident memory of the server and its children, in units of 10^6 bytes."""
    process = psutil.Process(server.pid)
    family = [process, *process.children(recursive=True)]
    return sum(p.memory_info().rss for p in family) / 1e6


def bad_picture() -> None:
    body = {"inputs": [base64.b64encode(b"no picture").decode()]}
    answer = requests.post(f"{URL}/invocations", json=body, timeout=60)
    print(f"no picture: {answer.status_code} {answer.json()['message']}")


if __name__ == "__main__":
    main()
