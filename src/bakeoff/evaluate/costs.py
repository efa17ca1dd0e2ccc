"""Cost of a model: training, storage and prediction; and the Pareto front."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from bakeoff.runtime import journal
from bakeoff.runtime.files import sha256_of_folder
from bakeoff.test_side.candidates import Candidate
from bakeoff.test_side.inspection import Latency

NAN = math.nan


@dataclass(frozen=True)
class Cost:
    """NaN where nothing was measured on this machine."""

    fit_seconds: float = NAN
    feature_seconds: float = NAN
    predict_ms: float = NAN
    predict_ms_batch: float = NAN
    parameters: float = NAN
    megabytes: float = NAN  # files needed to predict, in units of 10^6 bytes
    peak_memory_mb: float = NAN

    @property
    def training_seconds(self) -> float:
        """Features and fit together."""
        return self.fit_seconds + self.feature_seconds


def record_latency(candidate: Candidate, latency: Latency) -> None:
    """Store a model's latency in the journal."""
    if not math.isnan(latency.one):
        journal.record("latencies", candidate.sha256, asdict(latency))


def _latency(candidate: Candidate) -> Latency:
    """The measured latency; for a regression that of the network whose features it uses."""
    key = candidate.sha256
    if candidate.kind == "logistic":
        key = sha256_of_folder(candidate.folder.parent / str(candidate.features))
    return Latency(**journal.lookup("latencies", key))


def cost_of(candidate: Candidate, features: Path) -> Cost:
    """What the journal, the features' folder and the files say about one model.

    A regression or a head on cached features needs its backbone to predict a new picture, so the
    backbone's parameters and bytes count too.
    """
    fit, latency = journal.lookup("fits", candidate.sha256), _latency(candidate)
    named = candidate.trained_on
    made = journal.lookup("features", sha256_of_folder(features / named)) if named else fit
    without = 0.0 if candidate.kind == "from_scratch" else NAN
    own = _megabytes(candidate.folder, ("model.keras", "model.skops"))
    if candidate.kind == "logistic":
        network = candidate.folder.parent / str(named)
        own += _megabytes(network, ("model.keras",)) - _megabytes(network, ("head.keras",))
    return Cost(
        fit_seconds=float(fit.get("fit_seconds", NAN)),
        feature_seconds=float(made.get("feature_seconds", without)),
        predict_ms=latency.one,
        predict_ms_batch=latency.batch,
        parameters=float(
            candidate.metadata.get("parameters", NAN)
            + candidate.metadata.get("backbone_parameters", 0)
        ),
        megabytes=own,
        peak_memory_mb=float(fit.get("peak_memory_mb", NAN)),
    )


def _megabytes(folder: Path, names: Sequence[str]) -> float:
    files = [folder / name for name in names]
    return sum(path.stat().st_size for path in files if path.is_file()) / 1e6


def pareto_front(quality: Sequence[float], cost: Sequence[float]) -> list[bool]:
    """Which models are on the Pareto front: none is at least as good and cheap and better in one.

    More quality is better, less cost is; a cost of NaN is never on the front and beats nobody.
    """
    pairs = list(zip(quality, cost, strict=True))
    return [
        not math.isnan(c)
        and not any(q2 >= q and c2 <= c and (q2 > q or c2 < c) for q2, c2 in pairs)
        for q, c in pairs
    ]
