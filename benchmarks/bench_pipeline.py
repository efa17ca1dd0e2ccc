"""Measure where a whole run spends its time, and what reruns after a change.

    python benchmarks/bench_pipeline.py

In a fresh clone of the last commit, with an empty cache: `dvc repro`; again with nothing to do;
again after the learning rate of one head was edited. A wrapper named `python`, first on the path,
times each stage as DVC runs it.

Overhead is an upper bound in CPU seconds. It is the sum of: start-up (interpreter and imports,
timed separately) of ingest, sort, tfrecord and features; everything in a fit except the fit
itself, which the journal has in wall seconds; a second run of evaluate with a full cache, and
TensorFlow's start-up; all of the other stages and of DVC.
"""

import json
import os
import stat
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path

from figures import record

ROOT = Path(__file__).resolve().parent.parent
EDITED = "vgg16"
# After start-up, these stages only decode and compute.
WORKING = ("ingest", "sort", "tfrecord", "features")
# Heavy packages that a stage imports only when it needs them.
LAZY = {
    "features": ("bakeoff.runtime.tf",),
    "train": ("mlflow",),
    "random_forest": ("mlflow",),
    "evaluate": ("bakeoff.runtime.tf", "mlflow"),
}
SHIM = """#!{python}
import json, os, subprocess, sys, time
before = time.perf_counter()
done = subprocess.run([{python!r}, *sys.argv[1:]])
used = os.times()
with open({log!r}, "a") as log:
    row = [sys.argv[1:], time.perf_counter() - before, used.children_user + used.children_system]
    log.write(json.dumps(row) + "\\n")
sys.exit(done.returncode)
"""

Spent = tuple[float, float]  # wall and CPU seconds


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="bench-pipeline-") as folder:
        pipeline = Pipeline(Path(folder))
        whole, stages = pipeline.reproduce()
        total, fits = pipeline.processor_seconds, pipeline.fit_seconds()
        _, remembering = pipeline.reproduce("--single-item", "--force", "evaluate")
        looks = stages["evaluate"][1] - remembering["evaluate"][1] - pipeline.tensors()
        idle = [pipeline.idle() for _ in range(5)]
        starts = {name: pipeline.start(name) for name in sorted({s.split("@")[0] for s in stages})}
        pipeline.edit()
        edit, again = pipeline.reproduce()
    told = {name: {"wall": wall, "processor": cpu} for name, (wall, cpu) in stages.items()}
    work = arithmetic(stages, starts) + fits + looks
    nothing, bare = (sorted(column)[2] for column in zip(*idle, strict=True))
    show(stages, starts)
    own = whole - sum(wall for wall, _ in stages.values())
    print(f"whole run {whole:.0f} s, {total:.0f} CPU s, of which DVC {own:.0f} s")
    print(f"evaluate: {looks:.0f} CPU s of inspecting models")
    print(f"after an edit of {EDITED}: {edit:.0f} s in {', '.join(again)}")
    print(f"nothing to do {nothing:.1f} s, dvc status of an empty pipeline {bare:.1f} s")
    ratios = {
        "overhead_share_of_processor_time": 1 - work / total,
        "edit_over_whole_run": edit / whole,
        "nothing_to_do_over_empty_status": nothing / bare,
    }
    measured = {
        "seconds": whole,
        "edit_seconds": edit,
        "rerun_after_edit": list(again),
        "stages": told,
        "fit_seconds": fits,
        "processor_seconds": total,
        "look_processor_seconds": looks,
        "start_processor_seconds": {name: cpu for name, (_, cpu) in starts.items()},
    }
    record("pipeline", ratios, measured)


def arithmetic(stages: dict[str, Spent], starts: dict[str, Spent]) -> float:
    """CPU seconds of decoding and of forward passes, a lower bound."""
    beyond = {name: cpu - starts[name.split("@")[0]][1] for name, (_, cpu) in stages.items()}
    return sum(cpu for name, cpu in beyond.items() if name.split("@")[0] in WORKING)


def show(stages: dict[str, Spent], starts: dict[str, Spent]) -> None:
    kinds: dict[str, list[Spent]] = defaultdict(list)
    for name, spent in stages.items():
        kinds[name.split("@")[0]].append(spent)
    print(f"{'stage':16}{'runs':>5}{'wall s':>9}{'cpu s':>9}{'start s':>9}")
    for kind, runs in kinds.items():
        wall, cpu = (sum(column) for column in zip(*runs, strict=True))
        start = starts[kind][1] * len(runs)
        print(f"{kind:16}{len(runs):5}{wall:9.1f}{cpu:9.1f}{start:9.1f}")


class Pipeline:
    """A clone whose stages are timed."""

    def __init__(self, folder: Path) -> None:
        """Clone the last commit into `folder`, which is empty."""
        self.tree, self.log = folder / "clone", folder / "stages.jsonl"
        self.processor_seconds = 0.0  # of the last run, DVC and its stages
        self.empty = folder / "empty"
        shims = folder / "bin"
        shims.mkdir()
        shim = shims / "python"
        shim.write_text(SHIM.format(python=sys.executable, log=str(self.log)))
        shim.chmod(shim.stat().st_mode | stat.S_IXUSR)
        path = os.pathsep.join([str(shims), str(Path(sys.executable).parent), os.environ["PATH"]])
        self.environment = os.environ | {"PATH": path, "PYTHONPATH": str(self.tree / "src")}
        subprocess.run(["git", "clone", "-q", str(ROOT), str(self.tree)], check=True)
        self.empty.mkdir()
        for command in (["git", "init", "-q"], ["dvc", "init", "-q"]):
            subprocess.run(command, cwd=self.empty, check=True, capture_output=True)
        (self.empty / "dvc.yaml").write_text("stages: {}\n")

    def reproduce(self, *options: str) -> tuple[float, dict[str, Spent]]:
        """Wall seconds of `dvc repro`, and the time of each stage that ran."""
        self.log.unlink(missing_ok=True)
        before = os.times()
        seconds = self.clock("repro", *options)
        after = os.times()
        self.processor_seconds = sum(after[2:4]) - sum(before[2:4])
        rows = [json.loads(line) for line in self.log.read_text().splitlines()]
        return seconds, {
            "@".join([Path(words[0]).stem, *words[1:]]): (wall, cpu) for words, wall, cpu in rows
        }

    def idle(self) -> Spent:
        """Wall seconds of a `dvc repro` with nothing to do, and of `dvc status` without stages."""
        return self.clock("repro"), self.clock("status", tree=self.empty)

    def fit_seconds(self) -> float:
        """Seconds of all fits together, from the journal."""
        facts = (self.tree / "mlruns/journal/fits").glob("*.json")
        return sum(json.loads(path.read_text())["fit_seconds"] for path in facts)

    def clock(self, *command: str, tree: Path | None = None) -> float:
        """Wall seconds of a DVC command that succeeds."""
        started = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-m", "dvc", *command],
            cwd=tree or self.tree,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise SystemExit(done.stdout + done.stderr)
        return time.perf_counter() - started

    def start(self, stage: str) -> Spent:
        """Seconds that a stage spends before its `main`."""
        program = f"import runpy; runpy.run_path('stages/{stage}.py')"
        return self.python(program + "".join(f"; import {name}" for name in LAZY.get(stage, ())))

    def tensors(self) -> float:
        """CPU seconds of TensorFlow's start-up."""
        return self.python("import bakeoff.runtime.tf")[1] - self.python("import bakeoff")[1]

    def python(self, program: str) -> Spent:
        """Seconds that a one-line program takes."""
        before, started = os.times(), time.perf_counter()
        subprocess.run(
            [sys.executable, "-c", program], cwd=self.tree, env=self.environment, check=True
        )
        after = os.times()
        cpu = after.children_user + after.children_system
        return time.perf_counter() - started, cpu - before.children_user - before.children_system

    def edit(self) -> None:
        """Change the learning rate of one head."""
        params = self.tree / "params.yaml"
        text = params.read_text()
        at = text.index("learning_rate: 0.001", text.index(f"  {EDITED}:"))
        params.write_text(text[:at] + text[at:].replace("0.001", "0.0007", 1))


if __name__ == "__main__":
    main()
