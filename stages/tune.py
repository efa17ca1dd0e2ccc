"""Search the hyper-parameters of one model, if trials are requested."""

from bakeoff.runtime.stage import run_stage

import sys

from bakeoff.params.block import read_key
from bakeoff.params.evidence import TrackingParams
from bakeoff.params.found import write_no_search
from bakeoff.params.models import ComputeParams
from bakeoff.params.resolved import resolved_search
from bakeoff.runtime.layout import FEATURES, PROCESSED, SEARCH, mlruns
from bakeoff.runtime.processes import become


def _start_over() -> None:
    """Continue in a fresh process, which reads the finished trials from the study."""
    become([sys.executable, *sys.argv])


def main() -> None:
    name = sys.argv[1]
    search = resolved_search(name)
    tuning, params = search.tuning, search.model
    if tuning is None or params is None:
        write_no_search(SEARCH / name)
        return
    from bakeoff.features.sides import read_feature_facts
    from bakeoff.runtime.devices import prepare
    from bakeoff.tracking import log_search
    from bakeoff.train.job import Job
    from bakeoff.tune.network_trials import network_objective
    from bakeoff.tune.searching import search_values

    seed, dataset = int(read_key("seed")), str(read_key("dataset"))
    compute = prepare(ComputeParams.read("compute").strategy, seed)
    facts, resume = read_feature_facts(FEATURES / name), mlruns() / "resume"
    job = Job(name, params, facts, FEATURES / name, PROCESSED, resume, seed, compute)
    objective, inputs = network_objective(job)
    found = search_values(
        SEARCH / name,
        tuning,
        params,
        objective,
        inputs=inputs,
        seed=seed,
        stage="tune",
        restart=_start_over,
    )
    log_search(SEARCH / name, TrackingParams.read("tracking"), dataset)
    print(f"{name}: the best of {found.trials} trials has {dict(found.values)}")


if __name__ == "__main__":
    run_stage("tune", main)
