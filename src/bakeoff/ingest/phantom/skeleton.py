"""Bone: ribs, spine, clavicles, shoulder blades and upper arms.

Tubular bones are clouds of points on their cortex, projected in space. Bright rims, the
crowding of ribs at the chest wall and the effect of a turned patient all follow from that.
"""

from typing import TypeAlias

import numpy as np

from bakeoff.ingest.phantom.anatomy import cage_half_width
from bakeoff.ingest.phantom.geometry import SPINE_DEPTH, Map, Projection, ellipsoid, enlarge, step
from bakeoff.ingest.phantom.patient import Patient

RIB_PAIRS = 11
RIB_SPACING = 0.16
CAGE_FLATNESS = 0.62
Knot: TypeAlias = tuple[float, float, float]  # noqa: UP040


def _tube(centre: Map, normal: Map, height: Map | float, depth: float, around: int) -> Map:
    """Points on the cortex of bent tubes of elliptical section.

    Axes and unit vectors along the thin side have shape (tubes, n, 3). The points have shape
    (tubes, n, around, 3).
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
    theta = np.linspace(0.13, end, 150, axis=1)
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
        section = 0.037 * (1 + 0.25 * np.clip((theta - 1.6) / 0.8, 0, 1))
        points = _tube(centre, normal, section, 0.016, 14)
        front = np.clip((theta - 1.7) / 0.5, 0, 1)
        # Front ends lie far from the detector and turn into cartilage.
        mineral = np.interp(theta, [0.3, 1.2, 1.6, 2.0], [1, 0.95, 0.62, 0.8])
        mineral *= (1 - 0.62 * front) * np.clip((end[:, None] - theta) / 0.08, 0.0, 1)
        volume = (mineral * _arc_length(centre))[..., None] * 0.16 * 0.026 / 3.85
        sides.append((points, np.broadcast_to(volume, points.shape[:-1])))
    cloud, volumes = (np.concatenate(parts) for parts in zip(*sides, strict=True))
    return projection.splat(cloud, volumes, 0.009)


def _bow(knots: list[Knot], side: float, samples: int = 100) -> Map:
    """A smooth space curve through `knots` given for the right of the film, (1, n, 3)."""
    number = np.arange(len(knots))
    fit = np.polynomial.polynomial.polyfit(number, np.array(knots), min(3, len(knots) - 1))
    at = np.linspace(0, len(knots) - 1, samples)
    curve = np.polynomial.polynomial.polyval(at, fit).T * [side, 1, 1]
    return np.asarray(curve[None], dtype=np.float64)


def _shoulder_bones(patient: Patient, sag: float) -> list[tuple[list[Knot], float, float]]:
    """Knots, radius and mass of the bones of the left shoulder."""
    lift = 0.04 + 0.16 * patient.arms
    angle = 2.1 * patient.arms - 0.9
    humerus = [
        (1.02 + reach * np.cos(angle), -0.14 - 1.2 * reach * np.sin(angle), -0.1)
        for reach in (0.0, 0.45, 0.9)
    ]
    clavicle = [
        (0.10, 0.05, 0.4), (0.24, -0.04 + sag, 0.38), (0.46, -0.09 - 0.8 * lift + sag, 0.3),
        (0.72, -0.06 - lift, 0.15), (1.0, -0.12 - lift, 0.0),
    ]  # fmt: skip
    blade = [(1.02, -0.02, -0.3), (0.93, 0.26, -0.42), (0.90, 0.56, -0.5), (0.78, 0.66, -0.5)]
    spine_of_blade = [(1.0, -0.12, -0.3), (0.82, -0.08, -0.4), (0.62, 0.04, -0.5)]
    return [
        (clavicle, 0.036, 0.024),
        (blade, 0.026, 0.009),
        (spine_of_blade, 0.022, 0.003),
        (humerus, 0.065, 0.022),
    ]


def _long_bones(projection: Projection, patient: Patient) -> Map:
    rng = np.random.default_rng([patient.seed, 2])
    x, y = (np.ascontiguousarray(axis[::2, ::2]) for axis in projection.grid)
    plates = np.zeros_like(x)
    clouds, volumes = [], []
    for side in (-1.0, 1.0):
        for knots, radius, mass in _shoulder_bones(patient, float(rng.normal(0, 0.012))):
            centre = _bow(knots, side)
            normal = np.zeros_like(centre)
            normal[..., 2] = 1.0
            # Both ends flare, and fade where the next bone takes over.
            at = np.linspace(-1, 1, centre.shape[1])
            points = _tube(centre, normal, radius * (0.85 + 0.3 * at**2), radius, 14)
            fade = np.clip((1 - np.abs(at)) / 0.12, 0, 1)
            volume = (_arc_length(centre) * fade * mass * 0.28)[..., None] / 14
            clouds.append(points)
            volumes.append(np.broadcast_to(volume, points.shape[:-1]))
        plates += 0.10 * ellipsoid(x, y, (side * 1.03, -0.15), (0.11, 0.12))
        plates += 0.05 * ellipsoid(x, y, (side * 0.93, 0.28), (0.12, 0.36), side * 0.15)
    tubes = projection.splat(np.concatenate(clouds), np.concatenate(volumes), 0.006)
    return tubes + enlarge(plates, projection.shape)


def _spine(projection: Projection) -> Map:
    bend = projection.shadow(SPINE_DEPTH)
    x, y = projection.grid
    columns = np.flatnonzero((np.abs(x - bend) < 0.3).any(axis=0))
    near = np.s_[:, columns[0] : columns[-1] + 1]
    film = np.zeros(projection.shape)
    film[near] = _vertebrae(x[near] - bend, y[near])
    return film


def _vertebrae(x: Map, y: Map) -> Map:
    pitch = RIB_SPACING * np.interp(y, [-0.8, 0.0, 1.8], [0.86, 0.98, 1.08])
    phase = np.mod((y + 0.06) / pitch, 1.0) - 0.5
    body = step(0.36 - np.abs(phase), 0.045)
    half_width = 0.105 + 0.012 * np.clip(y, -0.5, 2) + 0.10 * phase**2
    inside = half_width - np.abs(x)
    column = step(inside, 0.008) * (0.45 + 0.55 * body)
    rims = np.exp(-((inside - 0.008) ** 2) / 0.00025) * body
    plates = np.exp(-((np.abs(phase) - 0.34) ** 2) / 0.0022) * step(inside, 0.008)
    pedicles = np.exp(-((np.abs(x) - 0.075) ** 2) / 0.0004 - (phase + 0.12) ** 2 / 0.012)
    spinous = np.exp(-(x**2) / 0.00022 - (phase - 0.3) ** 2 / 0.03)
    transverse = np.exp(-((np.abs(x) - 0.17) ** 2) / 0.0018 - (phase + 0.22) ** 2 / 0.016)
    result: Map = (
        0.21 * column + 0.08 * rims + 0.10 * plates + 0.11 * pedicles + 0.08 * spinous
        + 0.07 * transverse
    )  # fmt: skip
    return result


def skeleton(projection: Projection, patient: Patient) -> Map:
    """Attenuation that bone adds to each ray, float64 of the film's shape."""
    bones = _ribs(projection, patient) + _long_bones(projection, patient)
    return patient.rib_density * bones + _spine(projection)
