"""What every model says of the test side, which is opened here and nowhere else."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bakeoff.baselines.classical import load_classifier
from bakeoff.baselines.forest import describe_side, described_by
from bakeoff.baselines.sides import Side, read_feature_side
from bakeoff.errors import BakeoffError
from bakeoff.evidence.candidates import FOREST, NETWORKS, Candidate
from bakeoff.evidence.network_predictions import head_probabilities, network_probabilities
from bakeoff.evidence.predictions import Predictions


@dataclass(frozen=True)
class Inputs:
    """Where evaluation reads."""

    records: Path
    features: Path


def read_test_side(candidates: Sequence[Candidate], inputs: Inputs) -> Side:
    """The test originals, with the forest's descriptors as their vectors."""
    forest = next(c for c in candidates if c.name == FOREST)
    descriptors, side = described_by(forest.metadata)
    return describe_side(descriptors, side, "test", inputs.records, inputs.features).originals()


def predict(candidate: Candidate, test: Side, inputs: Inputs) -> Predictions:
    """One model's probabilities of the test originals.

    Raises:
        BakeoffError: its cached features are of other pictures.
    """
    values = test.values
    if candidate.features:
        cached = read_feature_side(inputs.features / candidate.features, "test").originals()
        if cached.sha256 != test.sha256:
            raise BakeoffError(
                f"{inputs.features / candidate.features} and {inputs.records} hold different test "
                f"pictures; run `dvc repro features@{candidate.features}`"
            )
        values = cached.values
    if candidate.kind == "head":
        probabilities = head_probabilities(candidate.folder, values)
    elif candidate.kind in NETWORKS:
        probabilities = network_probabilities(candidate.folder, inputs.records)
    else:
        probabilities = load_classifier(candidate.folder).probabilities(values)
    return Predictions(candidate.classes, test.image_ids, test.labels, probabilities)
