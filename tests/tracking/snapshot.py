"""What a store says, without what differs between two ways of filling it."""

from pathlib import Path

from bakeoff.tracking import model_run as mirror

_PASSING = ("bakeoff.process", "mlflow.parentRunId")


def snapshot(store) -> dict:
    """Every run by its key: name, status, parameters, tags, metric histories, artifacts."""
    return {
        run.data.tags.get("bakeoff.key", run.info.run_id): _run(store, run) for run in _all(store)
    }


def _all(store):
    return mirror.search(store, "")


def _run(store, run) -> dict:
    run_id = run.info.run_id
    return {
        "name": run.info.run_name,
        "status": run.info.status,
        "params": run.data.params,
        "tags": {k: v for k, v in run.data.tags.items() if k not in _PASSING},
        "metrics": {
            name: [(m.step, m.value) for m in store.client.get_metric_history(run_id, name)]
            for name in sorted(run.data.metrics)
        },
        "artifacts": sorted(_files(store, run_id, "")),
        "inputs": sorted(i.dataset.name + i.dataset.digest for i in run.inputs.dataset_inputs),
    }


def _files(store, run_id: str, folder: str):
    for item in store.client.list_artifacts(run_id, folder or None):
        if item.is_dir:
            yield from _files(store, run_id, item.path)
        else:
            yield Path(item.path).as_posix()
