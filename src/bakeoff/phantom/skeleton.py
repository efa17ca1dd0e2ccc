"""Bone: ribs, spine, clavicles, shoulder blades and upper arms.

Tubular bones are clouds of points on their cortex, projected in space. Bright rims, the
crowding of ribs at the chest wall and the effect of a turned patient all follow from that.
"""

import numpy as np

from bakeoff.phantom.anatomy import cage_half_width
from bakeoff.phantom.geometry import SPINE_DEPTH, Map, Projection, ellipsoid, step
from bakeoff.phantom.patient import Patient

RIB_PAIRS = 11
RIB_SPACING = 0.16
CAGE_FLATNESS = 0.62


def _tube(centre: Map, normal: Map, height: Map | float, depth: float, around: int) -> Map:
    """Points on the cortex of bent tubes of elliptical section.

    Args:
        centre: Points of the axes, shape (tubes, n, 3).
        normal: Unit vectors along the thin side of the section, same shape.
        height: Half-height of the section, broadcast to (tubes, n).
        depth: Half-thickness of the section.
        around: Points around the section.

    Returns:
        Points of shape (tubes, n, around, 3).
    """
    tangent = np.gradient(centre, axis=1)
    tangent /= np.linalg.norm(tangent, axis=-1, keepdims=True)
    across = np.cross(tangent, normal)
    phi = np.linspace(0, 2 * np.pi, around, endpoint=False)[:, None]
    tall = (np.broadcast_to(height, centre.shape[:2])[..., None] * across)[:, :, None, :]
    result: Map = (
        centre[:, :, None, :] + np.cos(phi) * tall + depth * np.sin(phi) * normal[:, :, None, :]
    )
    return result


def _arc_length(centre: Map) -> Map:
    result: Map = np.linalg.norm(np.gradient(centre, axis=1), axis=-1)
    return result


def _ribs(projection: Projection, patient: Patient) -> Map:
    rng = np.random.default_rng([patient.seed, 1])
    number = np.arange(RIB_PAIRS, dtype=np.float64)
    # Ribs 8 to 10 end in the costal arch, 11 and 12 in the flank.
    end = np.radians(np.interp(number, [0, 5, 7, 9, 10], [136, 144, 134, 96, 66]))
    theta = np.linspace(0.13, end, 200, axis=1)
    fall = patient.rib_drop * np.interp(number, [0, 2, 10], [0.62, 0.95, 1.35])[:, None]
    sides = []
    for side in (-1.0, 1.0):
        wobble = rng.normal(0, 0.008, (RIB_PAIRS, 1))
        y = -0.06 + RIB_SPACING * number[:, None] + wobble + fall * (1 - np.cos(theta)) / 2
        y -= (0.045 - 0.006 * number[:, None]) * np.sin(2 * theta)
        radius = np.maximum(cage_half_width(y), 0.2)
        z = -CAGE_FLATNESS * radius * np.cos(theta)
        centre = np.stack([side * radius * np.sin(theta), y, z], axis=-1)
        normal = np.stack([side * np.sin(theta), 0 * theta, -np.cos(theta)], axis=-1)
        section = 0.040 * (1 + 0.25 * np.clip((theta - 1.6) / 0.8, 0, 1))
        points = _tube(centre, normal, section, 0.016, 20)
        front = np.clip((theta - 1.7) / 0.5, 0, 1)
        # Front ends lie far from the detector and turn into cartilage.
        mineral = (1 - 0.6 * front) * np.clip((end[:, None] - theta) / 0.08, 0.0, 1)
        volume = (mineral * _arc_length(centre))[..., None] * 0.16 * 0.026 / 5
        sides.append((points, np.broadcast_to(volume, points.shape[:-1])))
    cloud, volumes = (np.concatenate(parts) for parts in zip(*sides, strict=True))
    return projection.splat(cloud, volumes, 0.004)


def _bow(knots: list[tuple[float, float, float]], side: float, samples: int = 160) -> Map:
    """A smooth space curve through `knots` given for the right of the film, (1, n, 3)."""
    at = np.linspace(0, len(knots) - 1, samples)
    degree = min(3, len(knots) - 1)
    knot = np.array(knots)
    fits = [np.polyval(np.polyfit(np.arange(len(knots)), knot[:, i], degree), at) for i in range(3)]
    fits[0] = side * fits[0]
    return np.stack(fits, axis=-1)[None]


def _long_bones(projection: Projection, patient: Patient) -> Map:
    rng = np.random.default_rng([patient.seed, 2])
    lift = 0.04 + 0.16 * patient.arms
    angle = 2.1 * patient.arms - 0.9
    clouds, volumes = [], []
    film = np.zeros(projection.shape)
    for side in (-1.0, 1.0):
        sag = float(rng.normal(0, 0.012))
        bones = [
            # Clavicle, lateral and medial border of the shoulder blade, its spine, humerus.
            ([(0.13, 0.04, 0.4), (0.38, -0.06 + sag, 0.35), (0.66, -0.02 - lift, 0.2),
              (0.92, -0.03 - lift, 0.0)], 0.034, 0.020),
            ([(1.02, 0.0, -0.3), (0.98, 0.24, -0.42), (0.90, 0.52, -0.5)], 0.018, 0.010),
            ([(1.0, -0.12, -0.3), (0.82, -0.08, -0.4), (0.62, 0.04, -0.5)], 0.022, 0.003),
            ([(1.02, -0.14, -0.1), (1.02 + 0.45 * np.cos(angle), -0.14 - 0.55 * np.sin(angle), -0.1),
              (1.02 + 0.9 * np.cos(angle), -0.14 - 1.1 * np.sin(angle), -0.1)], 0.065, 0.022),
        ]  # fmt: skip
        for knots, radius, mass in bones:
            centre = _bow(knots, side)
            normal = np.zeros_like(centre)
            normal[..., 2] = 1.0
            points = _tube(centre, normal, radius, radius, 24)
            volume = (_arc_length(centre) * mass * 0.28)[..., None] / 24
            clouds.append(points)
            volumes.append(np.broadcast_to(volume, points.shape[:-1]))
        x, y = projection.grid
        film += 0.10 * ellipsoid(x, y, (side * 1.03, -0.15), (0.11, 0.12))
        film += 0.05 * ellipsoid(x, y, (side * 0.93, 0.28), (0.10, 0.30), side * 0.15)
    return film + projection.splat(np.concatenate(clouds), np.concatenate(volumes), 0.004)


def _spine(projection: Projection) -> Map:
    x, y = projection.grid
    bend = projection.shadow(SPINE_DEPTH)
    x = x - bend
    pitch = RIB_SPACING * np.interp(y, [-0.8, 0.0, 1.8], [0.86, 0.98, 1.08])
    phase = np.mod((y + 0.06) / pitch, 1.0) - 0.5
    body = step(0.36 - np.abs(phase), 0.045)
    half_width = 0.105 + 0.012 * np.clip(y, -0.5, 2) + 0.10 * phase**2
    inside = half_width - np.abs(x)
    column = step(inside, 0.008) * (0.62 + 0.38 * body)
    rims = np.exp(-((inside - 0.008) ** 2) / 0.00025) * body
    plates = np.exp(-((np.abs(phase) - 0.34) ** 2) / 0.0022) * step(inside, 0.008)
    pedicles = np.exp(-((np.abs(x) - 0.075) ** 2) / 0.0004 - (phase + 0.12) ** 2 / 0.012)
    spinous = np.exp(-(x**2) / 0.00022 - (phase - 0.3) ** 2 / 0.03)
    transverse = np.exp(-((np.abs(x) - 0.17) ** 2) / 0.0018 - (phase + 0.22) ** 2 / 0.016)
    result: Map = (
        0.26 * column + 0.07 * rims + 0.07 * plates + 0.08 * pedicles + 0.06 * spinous
        + 0.07 * transverse
    )  # fmt: skip
    return result


def skeleton(projection: Projection, patient: Patient) -> Map:
    """Attenuation that bone adds to each ray, float64 of the film's shape."""
    bones = _ribs(projection, patient) + _long_bones(projection, patient)
    return patient.rib_density * bones + _spine(projection)
