"""The frozen encoder on a cluster's nodes, built from the files that the stage has written."""

import hashlib
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from bakeoff.features.backbones import build_encoder
from bakeoff.features.batches import Encoded, encoded_batches, joined
from bakeoff.features.stored_backbone import load_backbone
from bakeoff.runtime.devices import prepare
from bakeoff.runtime.tf import keras
from bakeoff.tfrecord.index import Shard

_CANARIES = 3  # pictures


@dataclass(frozen=True)
class NodeEncoder:
    """What a node needs to compute the features of a shard."""

    folder: Path  # with the backbone's weights; every stage writes into a folder of its own name
    records: Path
    channels: int  # of the records
    facts: dict[str, Any] = field(compare=False)  # what `features.json` says of the backbone

    def shard_features(self, shard: tuple[str, Shard]) -> Encoded:
        """The features of one shard of a side, and its examples."""
        split, part = shard
        return joined(list(encoded_batches(_built(self), self.records, split, [part])))

    def digest(self) -> str:
        """The digest of a fixed batch's features, as this node computes them."""
        return canary_digest(_built(self))


def canary_digest(encoder: keras.Model) -> str:
    """SHA-256 over the features of a few fixed pictures of noise."""
    side, channels = 64, encoder.inputs[0].shape[-1]
    shape = (_CANARIES, side, side, channels)
    pictures = np.random.default_rng(7).integers(0, 256, shape).astype(np.float32)
    values = np.ascontiguousarray(encoder(pictures, training=False), "<f4")
    return hashlib.sha256(values.tobytes()).hexdigest()


@lru_cache(maxsize=1)
def _built(files: NodeEncoder) -> keras.Model:
    prepare("single", 0)  # the weights come from the file
    facts = files.facts
    return build_encoder(
        facts["backbone"],
        load_backbone(files.folder, facts),
        side=facts["image_side"],
        channels=files.channels,
        pooling=facts["pooling"],
        resizing=facts.get("resizing", {}),
    )
