"""Sides whose vectors tell their class, for tests of what is fitted on them."""

import numpy as np

from bakeoff.features.sides import Side

CLASSES = ("amber", "blue", "coral")


def tiny_side(n: int, seed: int, *, dim: int = 6, copies: bool = False) -> Side:
    """`n` examples in pairs of a group; with `copies` every second one is a mirrored copy."""
    generator = np.random.default_rng(seed)
    labels = np.arange(n) % 3
    values = generator.normal(size=(n, dim)) + 1.5 * np.eye(3, dim)[labels]
    return Side(
        np.array([f"{seed:08x}{i:024x}" for i in range(n)]),
        np.where((np.arange(n) % 2 == 1) & copies, "mirror_horizontal", "original"),
        np.array([f"person{i // 2}" for i in range(n)]),
        labels,
        values.astype(np.float32),
    )
