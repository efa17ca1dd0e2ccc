"""Soft tissue and air: body, lungs, heart, diaphragm, stomach and lung vessels."""

import dataclasses

import numpy as np

from bakeoff.ingest.phantom.geometry import (
    HEART_DEPTH,
    SPINE_DEPTH,
    Map,
    Projection,
    capsule,
    ellipsoid,
    enlarge,
    step,
    texture,
    union,
)
from bakeoff.ingest.phantom.patient import Patient, View

WALL = 0.035
LUNG_DEPTH = 0.74


@dataclasses.dataclass(frozen=True)
class Thorax:
    """Maps of one projected thorax, float64 arrays of the film's shape."""

    tissue: Map  # soft tissue of body, arms and abdomen along each ray, as if there were no air
    air: Map  # air in the lungs along each ray, without the heart and the diaphragm
    airways: Map  # air in the trachea, the main bronchi and the stomach along each ray


def cage_half_width(y: Map) -> Map:
    """Half-width of the rib cage at height y, 0 above the apices and 1 at its widest."""
    rise = np.clip((1.5 - y) / 1.56, 0, 1) ** 2.2
    waist = 0.05 * np.clip(y - 1.5, 0, 1)
    result: Map = np.sqrt(1 - rise) - waist
    return result


def _torso(x: Map, y: Map, patient: Patient) -> Map:
    half_width = np.maximum(cage_half_width(np.maximum(y, 0.7)) + patient.flank, 0.3)
    # Shoulders end the torso at the top; neck and arms go on from there.
    shoulders = step(y + 0.34 - 0.25 * np.abs(x) ** 1.5, 0.05)
    return np.sqrt(np.maximum(1 - (x / half_width) ** 2, 0)) ** 1.4 * shoulders


def _limbs(x: Map, y: Map, patient: Patient) -> Map:
    angle = 2.1 * patient.arms - 0.9
    parts = [0.8 * capsule(x, y, (0, -1.2), (0, 0.35), 0.45)]
    for side in (-1, 1):
        shoulder = (side * 1.0, -0.15)
        elbow = (side * (1.0 + 0.9 * np.cos(angle)), -0.15 - 1.1 * np.sin(angle))
        parts.append(0.55 * capsule(x, y, shoulder, elbow, 0.29) ** 1.5)
        parts.append(0.6 * capsule(x, y, (side * 0.3, -0.2), shoulder, 0.3) ** 1.3)
    return union(*parts)


def _head(x: Map, y: Map, patient: Patient) -> Map:
    # Many paediatric films catch the chin: a dense bow at the upper edge.
    level = -0.72 - 0.25 * patient.arms
    skull = ellipsoid(x, y, (0.0, level), (0.5, 0.42))
    return 0.5 * skull + 0.35 * (skull - ellipsoid(x, y, (0.0, level), (0.42, 0.35)))


def _heart(x: Map, y: Map, patient: Patient, shift: float) -> Map:
    size = patient.heart
    x = x - shift
    ventricles = ellipsoid(x, y, (0.21, 1.03), (0.52 * size, 0.36 * size), 0.75)
    atrium = ellipsoid(x, y, (-0.06, 0.98), (0.22 * size, 0.38 * size), 0.05)
    trunk = 0.8 * ellipsoid(x, y, (0.14, 0.62), (0.18 * size, 0.30), -0.35)
    knuckle = 0.7 * ellipsoid(x, y, (0.15, 0.36), (0.12, 0.13))
    vessels = 0.8 * capsule(x, y, (-0.02, -0.3), (0.04, 1.5), 0.175)
    thymus = 0.6 * ellipsoid(x, y, (0.03, 0.32), (0.2 + patient.thymus, 0.34))
    return union(ventricles, atrium, trunk, knuckle, vessels, thymus)


def diaphragm(x: Map, patient: Patient, view: View, shift: float = 0.0) -> Map:
    """Height y of the diaphragm's domes at each x; the right dome stands higher."""
    level = 1.27 + patient.dome + view.breath
    right = level + 0.24 * ((x + 0.40) / 0.5) ** 2
    left = level + 0.10 + 0.24 * ((x - 0.46) / 0.5) ** 2
    side = step(x - 0.05 - shift, 0.03)
    result: Map = right * (1 - side) + left * side
    return result


def _stomach(x: Map, y: Map, patient: Patient, domes: Map) -> Map:
    if patient.gas == 0.0:
        return np.zeros_like(x)
    rng = np.random.default_rng(patient.seed)
    bubbles = [ellipsoid(x, y, (0.5, 1.66 + patient.dome), (1.3 * patient.gas, patient.gas))]
    for _ in range(int(rng.integers(0, 5))):
        centre = (float(rng.uniform(-0.1, 0.75)), float(rng.uniform(1.75, 2.1)))
        size = float(rng.uniform(0.06, 0.13))
        bubbles.append(ellipsoid(x, y, centre, (size * 1.4, size), float(rng.uniform(-1, 1))))
    return 0.3 * union(*bubbles) * step(y - domes - 0.06, 0.015)


def _airways(x: Map, y: Map, shift: float) -> Map:
    x = x - shift
    trachea = capsule(x, y, (0.0, -0.9), (0.01, 0.46), 0.06)
    bronchi = [
        capsule(x, y, (0.01, 0.46), (-0.24, 0.66), 0.045),
        capsule(x, y, (0.01, 0.46), (0.28, 0.64), 0.04),
    ]
    return 0.09 * union(trachea, *bronchi)


def _lungs(x: Map, y: Map, patient: Patient, view: View, spine: float) -> Map:
    cy = y[::2, ::2]
    half_width = enlarge(np.maximum(cage_half_width(cy) - WALL, 1e-6), y.shape)
    chord = np.sqrt(np.maximum(1 - (x / half_width) ** 2, 0))
    # The vertebral column and what lies before it part the lungs, widening at the apices.
    medial = enlarge(0.15 + 0.12 * np.exp(-np.maximum(cy + 0.06, 0) / 0.12), y.shape)
    chord = chord * step(np.abs(x - spine) - medial, 0.016)
    below = y - diaphragm(x, patient, view)
    # The lung goes on behind the dome, so the film stays a little darker for a way below it.
    recess = 0.16 * np.exp(-np.maximum(below, 0) / 0.13)
    covered = step(below, 0.008)
    result: Map = chord * (1 - covered * (1 - recess)) * step(y + 0.02, 0.02)
    return result


def thorax(patient: Patient, view: View, projection: Projection) -> Thorax:
    """Projects the soft tissue and the air of a patient."""
    x, y = projection.grid
    heart_shift = projection.shadow(HEART_DEPTH)
    spine_shift = projection.shadow(SPINE_DEPTH)
    domes = diaphragm(x, patient, view)
    # Smooth shapes are drawn at half the resolution, see `enlarge`.
    cx, cy = np.ascontiguousarray(x[::2, ::2]), np.ascontiguousarray(y[::2, ::2])
    mottle = texture(np.random.default_rng([patient.seed, 8]), cx, cy, 0.11)
    torso = _torso(cx, cy, patient)
    body = patient.build * union(torso, _limbs(cx, cy, patient)) * (1 + 0.02 * mottle)
    belly = torso * (0.2 + 0.03 * mottle)
    tissue = enlarge(body + _head(cx, cy, patient), x.shape)
    tissue += step(y - domes, 0.01) * enlarge(belly, x.shape)
    chord = LUNG_DEPTH * patient.build * _lungs(x, y, patient, view, spine_shift)
    heart = 0.66 * patient.build * enlarge(_heart(cx, cy, patient, heart_shift), x.shape)
    tissue += 0.10 * heart
    # Where the heart fills the ray there is no air; the power keeps its border crisp.
    air = np.maximum(chord - heart, 0.10 * chord)
    gas = _stomach(cx + 0.03 * mottle, cy - 0.03 * mottle, patient, domes[::2, ::2])
    airways = _airways(cx, cy, projection.shadow(0.0))
    return Thorax(tissue, air, enlarge(gas + airways, x.shape))


def lung_field(patient: Patient, view: View) -> np.ndarray:
    """The lungs as a reader outlines them, bool of the film's shape.

    The parts behind the heart and the diaphragm are left out.
    """
    return thorax(patient, view, Projection.of(patient, view)).air > 0.16 * LUNG_DEPTH
