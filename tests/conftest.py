"""Property-based tests: no time limit for one example, and the same examples in every run."""

import os

from hypothesis import HealthCheck, settings

import bakeoff  # noqa: F401  # before NumPy, because it sets the threads of linear algebra

settings.register_profile(
    "bakeoff",
    deadline=None,
    derandomize="BAKEOFF_FUZZ" not in os.environ,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("bakeoff")
