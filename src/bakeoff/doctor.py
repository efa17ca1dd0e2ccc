"""Problems of this installation, and how to fix each."""

import hashlib
import json
import shutil
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import psutil

from bakeoff.features.imagenet_files import find_imagenet
from bakeoff.features.presets import find_preset
from bakeoff.features.renewal import stale_sentences
from bakeoff.ingest.source_change import source_sentence
from bakeoff.params.applications import SCRATCH, Application, find_application
from bakeoff.params.block import PARAMS
from bakeoff.params.check import all_feature_params, check_all, check_tracking_address
from bakeoff.params.dataset_files import read_chosen_dataset
from bakeoff.params.models import ModelDefaults
from bakeoff.params.yaml_files import read_yaml
from bakeoff.runtime import layout
from bakeoff.runtime.addresses import shown
from bakeoff.runtime.downloads import NotFetchedError
from bakeoff.runtime.dvc import outdated_stages
from bakeoff.runtime.errors import BakeoffError
from bakeoff.runtime.files import read_json
from bakeoff.runtime.plan import left_over

_PACKAGES = ("tensorflow", "keras", "dvc", "mlflow", "scikit-learn", "pillow", "numpy")
_FREE_GIGABYTES = 5


@dataclass(frozen=True)
class Finding:
    """The result of one check."""

    topic: str
    fine: bool
    what: str
    remedy: str = ""


def examine(*, deep: bool = False) -> Iterator[Finding]:
    """Look at everything, the quick things first; each finding comes as soon as it is known.

    `deep` hashes every output and every object of DVC's cache, too.
    """
    quick = (_python, _programs, missing_repository, _room, _parameters, _source, _weights)
    for look in (
        *quick,
        _store,
        _lock,
        _queue,
        _left_over,
        _stages,
        *((_contents,) if deep else ()),
    ):
        yield from look()


def _python() -> Iterator[Finding]:
    found, missing = [], []
    for name in _PACKAGES:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            missing.append(name)
    python = f"Python {sys.version_info.major}.{sys.version_info.minor}"
    if missing:
        yield Finding("environment", False, f"{', '.join(missing)} missing", "run `uv sync`")
    else:
        yield Finding("environment", True, ", ".join([python, *found]))


def _programs() -> Iterator[Finding]:
    for name, remedy in {"git": "install git", "dvc": "run `uv sync`"}.items():
        beside = Path(sys.executable).with_name(name)
        fine = shutil.which(name) is not None or beside.exists()
        yield Finding(name, fine, "found" if fine else "not found", "" if fine else remedy)
    fine = Path(".dvc").is_dir() and PARAMS.is_file()
    yield Finding(
        "repository",
        fine,
        "this is its root" if fine else "no .dvc/ and params.yaml here",
        "" if fine else "run bakeoff in the repository's root",
    )


def _room() -> Iterator[Finding]:
    free = shutil.disk_usage(Path.cwd()).free / 1e9
    fine = free > _FREE_GIGABYTES
    remedy = "" if fine else "free some: `dvc gc --workspace`, `bakeoff prune --keep 1`"
    yield Finding("disk", fine, f"{free:.0f} GB free", remedy)


def _parameters() -> Iterator[Finding]:
    try:
        check_all()
    except BakeoffError as mistake:
        for sentence in mistake.sentences:
            yield Finding("parameters", False, sentence, "correct that line")
    else:
        yield Finding("parameters", True, "params.yaml and its data set are valid")


def _source() -> Iterator[Finding]:
    try:
        chosen = read_chosen_dataset()
    except BakeoffError:
        return  # reported already
    if changed := source_sentence(*chosen):
        yield Finding("source", False, *changed.split("; "))


def _weights() -> Iterator[Finding]:
    """Which pretrained weights are on this machine; nothing is downloaded."""
    try:
        defaults = ModelDefaults.read("defaults")
        chosen = all_feature_params()
    except BakeoffError:
        return  # reported already
    for stale in stale_sentences(chosen, layout.FEATURES):
        yield Finding("weights", False, *stale.split("; "))
    mirror = defaults.weights_mirror
    for name, params in chosen.items():
        if params.backbone in SCRATCH or params.weights == "random":
            continue
        if params.weights == "preset":
            here = "is on this machine" if find_preset(params.backbone) else "will be fetched"
            yield Finding(f"weights of {name}", True, f"{params.backbone} {here}")
            continue
        if params.weights != "imagenet":
            fine = Path(params.weights).expanduser().is_file()
            remedy = "" if fine else f"correct models.{name}.weights in params.yaml"
            what = "here" if fine else "not there"
            yield Finding(f"weights of {name}", fine, f"{shown(params.weights)} is {what}", remedy)
            continue
        yield _imagenet(name, find_application(params.backbone), mirror)


def _imagenet(name: str, application: Application, mirror: str | None) -> Finding:
    topic = f"weights of {name}"
    try:
        find_imagenet(application, mirror, hosts=False)
    except NotFetchedError as reasons:
        if mirror and mirror.startswith("http"):
            return Finding(topic, True, "will be fetched from defaults.weights_mirror when needed")
        what = f"no {application.weights_file} on this machine ({reasons})"
        if application.package:
            return Finding(topic, False, what, "run `uv sync`")
        return Finding(
            topic,
            False,
            f"{what}; without a network the backbone stays random",
            "put the file into a folder and name it as defaults.weights_mirror in params.yaml",
        )
    return Finding(topic, True, "ImageNet weights are on this machine")


def _store() -> Iterator[Finding]:
    from bakeoff.tracking.store import StoreUnavailableError, open_store, own_uri, shown_uri
    from bakeoff.tracking.store import tracking_uri as uri

    topic = "MLflow"
    try:
        check_tracking_address()
    except BakeoffError as mistake:
        what, _, remedy = str(mistake).partition("; ")
        yield Finding(topic, False, what, remedy)
        return
    if uri() == own_uri() and not (layout.mlruns() / "mlflow.db").is_file():
        yield Finding(topic, False, "mlruns/ holds no store yet", "run `bakeoff sync`")
        return
    try:
        from bakeoff.tracking import model_run as mirror
        from bakeoff.tracking.sync import missing_models, recorded_dataset

        store = open_store(recorded_dataset())
        missing = missing_models(store)
        count = len(mirror.search(store, ""))
    except (StoreUnavailableError, BakeoffError) as reason:
        what, _, remedy = str(reason).partition("; ")
        yield Finding(topic, False, what, remedy or "see docs/mlflow.md")
        return
    what = f"{count} runs in {shown_uri()}"
    if missing:
        yield Finding(topic, False, f"{what}, none of {', '.join(missing)}", "run `bakeoff sync`")
    else:
        yield Finding(topic, True, what)


def missing_repository() -> Iterator[Finding]:
    """DVC works inside Git alone; a downloaded ZIP has none."""
    here = Path.cwd()
    if Path(".dvc").is_dir() and not any((p / ".git").exists() for p in (here, *here.parents)):
        what = "this copy is no Git repository, as after a download as ZIP; DVC refuses to run"
        yield Finding("git", False, what, "run `git init`")


def _queue() -> Iterator[Finding]:
    """Find experiments whose process was killed; `dvc exp run --run-all` waits for them."""
    for path in sorted(Path(".dvc/tmp/exps/run").glob("*/*.json")):
        try:
            task = read_json(path)
            left = task["returncode"] is None and not psutil.pid_exists(task["pid"])
        except (OSError, ValueError, KeyError, TypeError):
            continue
        if left:
            name = path.stem[:7]
            what = f"the experiment {name} was killed, and DVC takes it for running"
            yield Finding("queue", False, what, f"run `dvc queue kill --force {name}`")


def _contents() -> Iterator[Finding]:
    """Hash outputs and DVC's cache; DVC believes sizes and times, and the names in its cache."""
    objects = sorted(Path(".dvc/cache/files/md5").glob("[0-9a-f][0-9a-f]/[0-9a-f]*"))
    for path in objects:
        if _md5(path) != f"{path.parent.name}{path.name}".removesuffix(".dir"):
            what = f"{path} does not have the content that its name states"
            yield Finding("cache", False, what, f"delete {path}")
    lock = read_yaml(Path("dvc.lock")) if Path("dvc.lock").is_file() else {}
    outs = [(s, out) for s, e in lock.get("stages", {}).items() for out in e.get("outs", [])]
    for stage, out in outs:
        path = Path(out["path"])
        if path.exists() and _md5_of_output(path) != out["md5"]:
            what = f"{path} is not what dvc.lock records"
            yield Finding("outputs", False, what, f"delete {path} and run `dvc repro '{stage}'`")
    yield Finding("contents", True, f"{len(objects)} objects and {len(outs)} outputs were hashed")


def _md5(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "md5").hexdigest()


def _md5_of_output(path: Path) -> str:
    """The hash that DVC records: of a folder, that of the JSON list of its files' hashes."""
    if path.is_file():
        return _md5(path)
    files = sorted(p.relative_to(path).as_posix() for p in path.rglob("*") if p.is_file())
    listed = [{"md5": _md5(path / name), "relpath": name} for name in files]
    return hashlib.md5(json.dumps(listed).encode(), usedforsecurity=False).hexdigest() + ".dir"


def _lock() -> Iterator[Finding]:
    """Check DVC's list of running commands, which a full disk can leave truncated."""
    path = Path(".dvc/tmp/rwlock")
    with suppress(FileNotFoundError):
        try:
            json.loads(path.read_text(encoding="utf-8"))
        except ValueError:
            what = f"{path} is damaged, as a full disk leaves it; every command of DVC fails"
            yield Finding("dvc", False, what, f"delete {path} while no `dvc` runs")


def _left_over() -> Iterator[Finding]:
    """Find what models leave that `params.yaml` no longer has."""
    if folders := left_over():
        named = ", ".join(path.as_posix() for path in folders)
        yield Finding("models", False, f"no stage writes {named}", "`bakeoff prune --gone`")


def _stages() -> Iterator[Finding]:
    """The stages that `dvc status` reports as outdated."""
    topic = "stages"
    try:
        stale = outdated_stages()
    except BakeoffError as failure:
        yield Finding(topic, False, str(failure), "see `dvc status -v`")
        return
    if stale:
        yield Finding(topic, False, f"{len(stale)} out of date: {', '.join(stale)}", "`dvc repro`")
    else:
        yield Finding(topic, True, "all up to date")
