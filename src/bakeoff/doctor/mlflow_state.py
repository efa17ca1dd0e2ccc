"""The check of MLflow's store."""

from collections.abc import Iterator

from bakeoff.doctor.finding import Finding
from bakeoff.params.check import check_tracking_address
from bakeoff.runtime import layout
from bakeoff.runtime.errors import BakeoffError


def mlflow_store() -> Iterator[Finding]:
    """Whether MLflow's store answers and has a run of each model."""
    from bakeoff.tracking.reasons import own_uri, shown_uri
    from bakeoff.tracking.reasons import tracking_uri as uri
    from bakeoff.tracking.store import StoreUnavailableError, open_store

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
