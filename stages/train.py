"""Train one model: a head on cached features, fine-tuning, or a network from scratch."""

from bakeoff.runtime.stage import run_stage

import sys

from bakeoff.features.sides import read_feature_facts
from bakeoff.params.block import read_key
from bakeoff.params.evidence import TrackingParams
from bakeoff.params.found import read_found
from bakeoff.params.models import ComputeParams
from bakeoff.params.resolved import resolved_model
from bakeoff.runtime import journal
from bakeoff.runtime.devices import prepare
from bakeoff.runtime.files import sha256_of_folder, writing_folder
from bakeoff.runtime.journal import peak_memory_mb
from bakeoff.runtime.layout import FEATURES, MODELS, PROCESSED, SEARCH, mlruns
from bakeoff.tracking import live_run
from bakeoff.train.job import Job, finish, kind_of, model_facts
from bakeoff.train.model_training import train_model
from bakeoff.train.network_files import write_network

_PATIENCE = 5.0  # seconds; a head that is trained by then is logged to MLflow by the report


def main() -> None:
    name = sys.argv[1]
    found, seed = read_found(SEARCH / name), int(read_key("seed"))
    params = found.applied_to(resolved_model(name))
    tracking, dataset = TrackingParams.read("tracking"), str(read_key("dataset"))
    compute = prepare(ComputeParams.read("compute").strategy, seed)
    facts, resume = read_feature_facts(FEATURES / name), mlruns() / "resume"
    kind = kind_of(params)
    tags = {"device": compute.device, "threads": str(compute.threads)}
    patience = _PATIENCE if kind == "head" else 0.0
    with live_run(name, kind, tracking, dataset, tags, patience=patience) as run:
        job = Job(
            name,
            params,
            facts,
            FEATURES / name,
            PROCESSED,
            resume,
            seed,
            compute,
            loggers=[run.log_epoch],
            events=mlruns() / "tensorboard",
        )
        trained, train, val = train_model(job)
        with writing_folder(MODELS / name) as folder:
            card = write_network(folder, trained, train, val, model_facts(job, found))
        finish(job)
        measured = compute.facts() | {
            "fit_seconds": round(trained.seconds, 3),
            "epochs": len(trained.history),
            "peak_memory_mb": round(peak_memory_mb(), 1),
        }
        journal.record("fits", sha256_of_folder(MODELS / name), measured)
        run.finish(MODELS / name, measured)
    print(
        f"{name}: {card.overall['accuracy']:.3f} accuracy on validation at epoch "
        f"{trained.best_epoch} of {len(trained.history)}, {trained.seconds:.1f} s"
    )


if __name__ == "__main__":
    run_stage("train", main)
