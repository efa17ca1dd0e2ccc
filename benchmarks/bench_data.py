"""Measure the data stages: speed relative to a plain baseline, and growth with the data.

    python benchmarks/bench_data.py            # everything; about half an hour on two cores
    python benchmarks/bench_data.py --quick    # 1 000 and 10 000 synthetic pictures
    python benchmarks/bench_data.py --part speed

speed: sort, split and export of every picture of chest_xray (from the folder in BAKEOFF_DATA,
otherwise of the phantoms) without augmented copies, relative to decoding, resizing and encoding the
same pictures on the same cores, once with the package's functions and PNG settings and once with
plain Pillow. Start-up (interpreter and imports) is listed separately. CPU seconds stand beside wall
seconds, because other load on the machine hardly changes them.

growth: small synthetic pictures, then ten times as many, from ingest to tfrecord: seconds per
picture and peak memory of each stage, and the median of three `dvc status` calls afterwards.

Every stage runs in its own process, as under DVC.
"""

import argparse
import io
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from PIL import Image

from figures import record

ROOT = Path(__file__).resolve().parent.parent
STAGES = ("fingerprint", "ingest", "sort", "split", "augment", "tfrecord")
EXPORT = ("sort", "split", "augment", "tfrecord")  # an export needs its plan


@dataclass(frozen=True)
class Measured:
    """One process: wall seconds, CPU seconds, and peak resident megabytes."""

    seconds: float
    cpu_seconds: float
    peak_megabytes: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a tenth of the synthetic pictures")
    parser.add_argument("--part", choices=("speed", "growth", "all"), default="all")
    parser.add_argument("--bare", choices=("ours", "pillow"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.bare:
        decode_resize_encode(arguments.bare)
        return
    with tempfile.TemporaryDirectory(prefix="bench-data-") as folder:
        if arguments.part in ("speed", "all"):
            speed = measure_speed(Path(folder) / "speed")
            record("data_speed", speed.pop("ratios"), speed)
        if arguments.part in ("growth", "all"):
            growth = measure_growth(Path(folder), 1_000 if arguments.quick else 10_000)
            record("data_growth", growth.pop("ratios"), growth)


def measure_speed(tree: Path) -> dict[str, Any]:
    """Pictures per second of sort, split and export, and of the baselines."""
    data = os.environ.get("BAKEOFF_DATA")
    dataset = "chest_xray" if data else "phantom"
    prepare(tree, dataset, {"archive": f"{data}/{dataset}.zip"} if data else {})
    run(tree, "stages/ingest.py")
    stages = {name: run(tree, f"stages/{name}.py") for name in EXPORT}
    starts = {
        name: run(tree, "-c", f"import runpy; runpy.run_path('stages/{name}.py')")
        for name in EXPORT
    }
    bare = {
        kind: without(run(tree, "benchmarks/bench_data.py", "--bare", kind), start)
        for start in [run(tree, "-c", "import bakeoff.pictures.squares, bakeoff.runtime.tables")]
        for kind in ("ours", "pillow")
    }
    tables = (tree / "data/splits").glob("*.csv")
    pictures = sum(table.read_text().count("\n") - 1 for table in tables)
    whole = total(stages)
    working = without(whole, total(starts))
    print(f"{dataset}: {pictures} pictures of 300 x 300, {os.cpu_count()} processors")
    for name, stage in stages.items():
        print(f"  {name:12}{stage.seconds:7.1f} s, {starts[name].seconds:.1f} s of it imports")
    print(f"  together {whole.seconds:7.1f} s: {pictures / whole.seconds:.0f} pictures/s")
    ratios: dict[str, float] = {}
    for kind, work in bare.items():
        print(
            f"  bare work, {kind}: {work.seconds:.1f} s, {pictures / work.seconds:.0f} pictures/s"
        )
        ratios |= {
            f"{kind}_wall": work.seconds / whole.seconds,
            f"{kind}_wall_without_imports": work.seconds / working.seconds,
            f"{kind}_processor": work.cpu_seconds / whole.cpu_seconds,
            f"{kind}_processor_without_imports": work.cpu_seconds / working.cpu_seconds,
        }
    return {
        "dataset": dataset,
        "pictures": pictures,
        "stages": {name: asdict(stage) for name, stage in stages.items()},
        "imports": {name: asdict(stage) for name, stage in starts.items()},
        "bare": {kind: asdict(work) for kind, work in bare.items()},
        "ratios": ratios,
    }


def total(parts: dict[str, Measured]) -> Measured:
    """The sum of several processes that run one after the other."""
    return Measured(
        sum(part.seconds for part in parts.values()),
        sum(part.cpu_seconds for part in parts.values()),
        max(part.peak_megabytes for part in parts.values()),
    )


def without(whole: Measured, part: Measured) -> Measured:
    """The process without the time of a part."""
    return Measured(
        whole.seconds - part.seconds, whole.cpu_seconds - part.cpu_seconds, whole.peak_megabytes
    )


def measure_growth(folder: Path, small: int) -> dict[str, Any]:
    """The same stages over `small` pictures and over ten times as many."""
    runs = {count: measure_synthetic(folder / str(count), count) for count in (small, 10 * small)}
    one, ten = runs.values()
    print(f"growth from {small} to {10 * small} pictures")
    for name in STAGES:
        before, after = one["stages"][name], ten["stages"][name]
        print(
            f"  {name:12}{before.seconds:7.1f} s to {after.seconds:7.1f} s"
            f" (x{after.seconds / before.seconds:.1f}),"
            f" {before.peak_megabytes:.0f} MB to {after.peak_megabytes:.0f} MB"
            f" ({after.peak_megabytes / before.peak_megabytes - 1:+.0%})"
        )
    peaks = [max(s.peak_megabytes for s in r["stages"].values()) for r in (one, ten)]
    seconds = [sum(s.seconds for s in r["stages"].values()) for r in (one, ten)]
    print(f"  dvc status: {one['dvc_status_seconds']:.1f} s to {ten['dvc_status_seconds']:.1f} s")
    memory = {
        f"memory_{name}": ten["stages"][name].peak_megabytes / one["stages"][name].peak_megabytes
        for name in STAGES
    }
    sizes = {
        str(count): {
            "stages": {name: asdict(stage) for name, stage in result["stages"].items()},
            "dvc_status_seconds": result["dvc_status_seconds"],
        }
        for count, result in runs.items()
    }
    return {
        "ratios": {"time": seconds[1] / seconds[0], "memory": peaks[1] / peaks[0], **memory},
        "sizes": sizes,
    }


def measure_synthetic(tree: Path, count: int) -> dict[str, Any]:
    """Every stage over `count` generated pictures, then `dvc status`."""
    prepare(
        tree, "synthetic", {"kind": "folders", "archive": str(tree / "pictures")}, image_side=64
    )
    generate(tree / "pictures", count)
    stages = {name: run(tree, f"stages/{name}.py") for name in STAGES}
    shutil.rmtree(tree / "pictures")
    for command in (
        ["git", "init", "-q"],
        ["dvc", "init", "-q"],
        ["dvc", "commit", "-q", "-f", *STAGES],
    ):
        subprocess.run(command, cwd=tree, env=environment(tree), check=True)
    dvc = [sys.executable, "-m", "dvc", "status", "-q", *STAGES]
    seconds, clean = [], True
    for _ in range(3):
        started = time.perf_counter()
        done = subprocess.run(dvc, cwd=tree, env=environment(tree), check=False)
        seconds.append(time.perf_counter() - started)
        clean = clean and done.returncode == 0
    shutil.rmtree(tree)
    if not clean:
        raise SystemExit("dvc status found changes after dvc commit")
    return {"stages": stages, "dvc_status_seconds": sorted(seconds)[1]}


def prepare(tree: Path, dataset: str, described: dict[str, Any], image_side: int = 300) -> None:
    """A copy of what the stages need, with `params.yaml` set for exports without copies."""
    tree.mkdir(parents=True)
    for name in ("src", "stages", "datasets", "benchmarks"):
        shutil.copytree(ROOT / name, tree / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("dvc.yaml", ".dvcignore"):
        shutil.copy(ROOT / name, tree)
    params = yaml.safe_load((ROOT / "params.yaml").read_text())
    params["dataset"] = dataset
    params["augment"]["transforms"] = []
    params["tfrecord"]["image_side"] = image_side
    (tree / "params.yaml").write_text(yaml.safe_dump(params))
    path = tree / f"datasets/{dataset}.yaml"
    known = yaml.safe_load(path.read_text()) if path.exists() else {}
    path.write_text(yaml.safe_dump({**known, **described}))


def generate(folder: Path, count: int) -> None:
    """Distinct textured JPEGs of 64 x 64 pixels in ten classes."""
    generator = np.random.default_rng(count)
    for label in range(10):
        (folder / f"class{label}").mkdir(parents=True)
    for number in range(count):
        coarse = Image.fromarray(generator.integers(0, 255, (16, 16, 3), np.uint8))
        path = folder / f"class{number % 10}" / f"{number:06d}.jpeg"
        coarse.resize((64, 64), Image.Resampling.BICUBIC).save(path, quality=90)


def environment(tree: Path) -> dict[str, str]:
    programs = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return {**os.environ, "PATH": programs, "PYTHONPATH": str(tree / "src")}


def run(tree: Path, *arguments: str) -> Measured:
    """Run Python in `tree` and take its time and memory; its output appears if it fails."""
    with tempfile.TemporaryFile() as log:
        started = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, *arguments], cwd=tree, env=environment(tree), stdout=log, stderr=log
        )
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            log.seek(0)
            raise SystemExit(f"{' '.join(arguments)} failed:\n{log.read().decode()}")
    unit = 1e6 if sys.platform == "darwin" else 1e3
    return Measured(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / unit)


def decode_resize_encode(kind: str) -> None:
    """The bare work, over threads, with nothing read but the pictures and nothing written."""
    from bakeoff.params.data import TfrecordParams
    from bakeoff.pictures.decoding import decode
    from bakeoff.pictures.squares import encode_picture, to_record_picture
    from bakeoff.runtime.parallel import map_shards
    from bakeoff.runtime.tables import read_splits

    params = TfrecordParams.read("tfrecord")
    paths = list(read_splits(Path("data/splits"))["path"])

    def ours(path: str) -> int:
        pixels = to_record_picture(decode(Path(path), "RGB"), params)
        return len(encode_picture(pixels, params))

    def pillow(path: str) -> int:
        side, stream = params.image_side, io.BytesIO()
        with Image.open(path) as picture:
            resized = picture.convert("RGB").resize((side, side), Image.Resampling.LANCZOS)
        resized.save(stream, "PNG")
        return stream.tell()

    work = ours if kind == "ours" else pillow
    shards = [paths[i : i + 64] for i in range(0, len(paths), 64)]
    map_shards(lambda shard: [work(path) for path in shard], shards, describe="bare work")


if __name__ == "__main__":
    main()
