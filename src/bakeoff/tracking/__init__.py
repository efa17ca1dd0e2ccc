"""The MLflow mirror: DVC's files are the source, MLflow shows them.

No other package uses MLflow's tracking or registry. MLflow is imported only when it is needed, so
`tracking.enabled: false` costs nothing.
"""

from bakeoff.tracking.live_run import LiveRun, live_run, note_fit
from bakeoff.tracking.search_run import log_search
from bakeoff.tracking.sync import log_comparison

__all__ = ["LiveRun", "live_run", "log_comparison", "log_search", "note_fit"]
