"""Lung vessels and the two pneumonias: what a reader looks for.

Both diseases replace air by fluid. Borders that touch a diseased lobe therefore vanish (the
silhouette sign) without any drawing of their own.
"""

import numpy as np

from bakeoff.ingest.phantom.geometry import Map, Projection, step, texture
from bakeoff.ingest.phantom.patient import Patient

HILUM = (0.24, 0.66)
LEVELS = 5


def vessel_tree(
    projection: Projection, rng: np.random.Generator, calibre: float, reach: float
) -> Map:
    """Branching vessels that leave both hila, as thickness along each ray.

    `calibre` and `reach` are radius and length of the first branches, in thorax units.
    """
    trunk_and_twig: list[list[tuple[Map, Map]]] = [[], []]
    along = np.linspace(0, 1, 20)[:, None]
    trunks = 9
    side = np.repeat([-1.0, 1.0], trunks)
    # 0 points outward, positive towards the feet: lower-lobe vessels are the larger.
    angle = np.tile(np.linspace(-1.35, 1.35, trunks), 2) + rng.normal(0, 0.12, 2 * trunks)
    start = np.stack([side * HILUM[0], np.full_like(side, HILUM[1])], axis=-1)
    start += rng.normal(0, 0.05, start.shape)
    length, radius = np.full_like(side, reach), calibre * (1 + 0.25 * np.sin(angle))
    for level in range(LEVELS):
        heading = angle + rng.normal(0, 0.5, angle.shape) * along
        steps = np.stack([side * np.cos(heading), np.sin(heading)], axis=-1)
        path = start + np.cumsum(steps, axis=0) * (length / len(along))[:, None]
        points = np.concatenate([path, np.zeros_like(path[..., :1])], axis=-1)
        volume = np.pi * (radius * (1 - 0.3 * along)) ** 2 * length / len(along)
        trunk_and_twig[level > 1].append((points, np.broadcast_to(volume, points.shape[:-1])))
        fork = rng.uniform(0.2, 0.5, angle.shape)
        angle = np.concatenate([heading[-1] - fork, heading[-1] + fork])
        start = np.concatenate([path[-1], path[-1]])
        side, radius = np.tile(side, 2), np.tile(radius * 0.74, 2)
        length = np.tile(length * 0.86, 2) * rng.uniform(0.75, 1.15, angle.shape)
    film = np.zeros(projection.shape)
    for blur, branches in zip((0.5, 0.28), trunk_and_twig, strict=True):
        clouds, volumes = zip(*branches, strict=True)
        film += projection.splat(
            np.concatenate(clouds, axis=1), np.concatenate(volumes, axis=1), blur * calibre
        )
    return film


def _consolidation(x: Map, y: Map, patient: Patient, severity: float) -> Map:
    """Share of the air that fluid replaces in a lobar pneumonia, 0 to 1."""
    rng = np.random.default_rng([patient.seed, 3])
    centre, spread, fissure = {
        "RUL": ((-0.52, 0.40), (1.1, 0.9), -1.0),
        "RML": ((-0.42, 1.00), (1.0, 0.8), 1.0),
        "RLL": ((-0.55, 1.20), (1.2, 0.9), 0.0),
        "LUL": ((0.52, 0.42), (1.0, 1.0), 0.0),
        "LIN": ((0.55, 0.92), (0.9, 1.0), 0.0),
        "LLL": ((0.62, 1.25), (1.0, 1.0), 0.0),
    }[patient.lobe]
    dx, dy = rng.normal(0, 0.09, 2)
    reach = 0.20 + 0.40 * severity
    distance = np.hypot((x - centre[0] - dx) / spread[0], (y - centre[1] - dy) / spread[1]) / reach
    distance += 0.22 * texture(rng, x, y, 0.09) + 0.07 * texture(rng, x, y, 0.045)
    cloud = step(1 - distance, 0.13) * (0.88 + 0.12 * texture(rng, x, y, 0.05))
    if fissure:
        # The minor fissure stops the spread, so that border is a line and not a haze.
        line = 0.72 + 0.10 * (x + 0.5) + 0.05 * rng.normal()
        cloud = cloud * step(fissure * (y - line), 0.008)
    return np.clip(cloud, 0, 1) * step(-x if patient.lobe[0] == "R" else x, 0.02)


def _interstitial(x: Map, y: Map, patient: Patient, severity: float) -> tuple[Map, Map]:
    """Envelope (0 to 1) and reticular pattern (0 to 1) of a viral pneumonia."""
    rng = np.random.default_rng([patient.seed, 4])
    hila = np.hypot((np.abs(x) - HILUM[0] - 0.1) / 0.85, (y - HILUM[1] - 0.18) / 1.1)
    envelope = step(0.32 + 0.36 * severity - hila + 0.10 * texture(rng, x, y, 0.16), 0.06)
    patchy = 0.65 + 0.35 * np.tanh(texture(rng, x, y, 0.12))
    net = np.zeros_like(x)
    for grain in (0.022, 0.036):
        # Ridges where a noise field crosses zero join into a net, as thickened septa do.
        net += np.exp(-((texture(rng, x, y, grain) / 0.28) ** 2))
    return envelope * patchy, np.clip(0.6 * net, 0, 1)


def _cuffs(projection: Projection, patient: Patient) -> Map:
    """Bronchi seen end-on with thickened walls: small rings about the hila."""
    rng = np.random.default_rng([patient.seed, 5])
    turn = np.linspace(0, 2 * np.pi, 48, endpoint=False)
    rings = 8
    side = np.where(np.arange(rings) % 2, 1.0, -1.0)
    x = side * (HILUM[0] + rng.uniform(0.02, 0.28, rings))
    y = HILUM[1] + rng.uniform(-0.25, 0.5, rings)
    radius = rng.uniform(0.022, 0.04, rings)
    points = np.stack(
        [
            x[:, None] + radius[:, None] * np.cos(turn),
            y[:, None] + radius[:, None] * np.sin(turn),
            np.zeros((rings, turn.size)),
        ],
        axis=-1,
    )
    volume = 2 * np.pi * radius[:, None] / turn.size * 0.0009
    return projection.splat(points, volume, 0.008)


def sicken(
    label: str, patient: Patient, projection: Projection, air: Map, severity: float
) -> tuple[Map, np.ndarray]:
    """Fills diseased lung with fluid.

    `air` is healthy air along each ray, float64 of the film's shape; `severity` is 0 (invisible) to
    1. Returns the air that is left, float64, and the lesion mask, bool, not yet cut to the lungs.

    Raises:
        ValueError: For another label.
    """
    x, y = projection.grid
    if label == "normal":
        return air, np.zeros(air.shape, dtype=bool)
    if label == "bacteria":
        cloud = _consolidation(x, y, patient, severity)
        density = 0.20 + 0.75 * severity
        bronchogram = vessel_tree(projection, np.random.default_rng([patient.seed, 6]), 0.014, 0.2)
        open_air = 1 - np.clip(9 * bronchogram, 0, 0.5)
        return air * (1 - density * cloud * open_air), cloud > 0.4
    if label == "virus":
        envelope, net = _interstitial(x, y, patient, severity)
        strength = 0.12 + 0.90 * severity
        streaks = vessel_tree(projection, np.random.default_rng([patient.seed, 7]), 0.018, 0.16)
        marks = np.minimum(2.0 * streaks + 2.0 * _cuffs(projection, patient), 0.25) / 0.74
        # Beyond the perihilar net lies a faint haze, which no reader would outline.
        haze = 0.08 + 0.92 * envelope
        filled = strength * haze * (0.28 + 0.42 * net + 1.8 * marks)
        return air * (1 - np.clip(filled, 0, 0.9)), envelope > 0.35
    raise ValueError(f"label {label!r} is not one of normal, bacteria, virus")
