"""The MLflow mirror: DVC's files are the truth, MLflow shows them.

Nothing else in the library talks to MLflow's tracking or registry, and nothing here imports
MLflow before it is needed: with `tracking.enabled: false` the mirror costs nothing.
"""

from bakeoff.tracking.conclusion import log_comparison
from bakeoff.tracking.live_run import LiveRun, live_run, note_fit
from bakeoff.tracking.search_run import log_search

__all__ = ["LiveRun", "live_run", "log_comparison", "log_search", "note_fit"]
