"""Checks of what the pipeline reads: parameters, the data set's source, weights."""

from collections.abc import Iterator
from pathlib import Path

from bakeoff.doctor.finding import Finding
from bakeoff.features.imagenet_files import find_imagenet
from bakeoff.features.presets import find_preset
from bakeoff.features.renewal import stale_sentences
from bakeoff.ingest.source_change import source_sentence
from bakeoff.params.applications import SCRATCH, Application, find_application
from bakeoff.params.check import all_feature_params, check_all
from bakeoff.params.dataset_files import read_chosen_dataset
from bakeoff.params.models import ModelDefaults
from bakeoff.runtime import layout
from bakeoff.runtime.addresses import shown
from bakeoff.runtime.downloads import NotFetchedError
from bakeoff.runtime.errors import BakeoffError


def parameters() -> Iterator[Finding]:
    """The mistakes of params.yaml and its data set, as `bakeoff check` finds them."""
    try:
        check_all()
    except BakeoffError as mistake:
        for sentence in mistake.sentences:
            yield Finding("parameters", False, sentence, "correct that line")
    else:
        yield Finding("parameters", True, "params.yaml and its data set are valid")


def source() -> Iterator[Finding]:
    """Whether the source of the data set has changed since it was ingested."""
    try:
        chosen = read_chosen_dataset()
    except BakeoffError:
        return  # reported already
    if changed := source_sentence(*chosen):
        yield Finding("source", False, *changed.split("; "))


def weights() -> Iterator[Finding]:
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
            return Finding(topic, False, what, "run `uv sync --inexact`")
        return Finding(
            topic,
            False,
            f"{what}; without a network the backbone stays random",
            "put the file into a folder and name it as defaults.weights_mirror in params.yaml",
        )
    return Finding(topic, True, "ImageNet weights are on this machine")
