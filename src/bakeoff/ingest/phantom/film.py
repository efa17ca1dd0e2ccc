"""From attenuation to a film: response, noise, letters and leads. `render` is the entry point."""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from bakeoff.ingest.phantom.anatomy import LUNG_DEPTH, thorax
from bakeoff.ingest.phantom.disease import sicken, vessel_tree
from bakeoff.ingest.phantom.geometry import Map, Projection
from bakeoff.ingest.phantom.patient import Patient, View
from bakeoff.ingest.phantom.skeleton import skeleton

LETTER_R = ("11110", "10001", "10001", "11110", "10100", "10010", "10001")


def _leads(projection: Projection, rng: np.random.Generator) -> Map:
    """Two or three monitoring wires with an electrode at the end."""
    film = np.zeros(projection.shape)
    x, y = projection.grid
    for _ in range(int(rng.integers(2, 4))):
        electrode = np.array([rng.uniform(-0.8, 0.8), rng.uniform(0.1, 1.5)])
        exit_ = np.array([rng.choice([-1.3, 1.3]), rng.uniform(0.6, 2.2)])
        handle = (electrode + exit_) / 2 + rng.normal(0, 0.25, 2)
        t = np.linspace(0, 1, 600)[:, None]
        path = (1 - t) ** 2 * electrode + 2 * t * (1 - t) * handle + t**2 * exit_
        points = np.concatenate([path, np.zeros((600, 1))], axis=-1)
        film += projection.splat(points, 2e-5)
        distance = np.hypot(x - electrode[0], (y - electrode[1]) * projection.stretch)
        film += 0.25 * (distance < 0.045) + 0.3 * (distance < 0.018)
    return np.asarray(ndimage.gaussian_filter(film, 0.6))


def _marker(grey: Map, rng: np.random.Generator) -> Map:
    """Lays a lead letter beside the patient's right shoulder."""
    glyph = np.array([[int(c) for c in row] for row in LETTER_R], dtype=np.float64)
    size = int(rng.integers(2, 4))
    glyph = ndimage.gaussian_filter(np.pad(np.kron(glyph, np.ones((size, size))), 2), 0.4 * size)
    height, width = glyph.shape
    top = int(rng.uniform(0.03, 0.5) * grey.shape[0])
    left = int(rng.uniform(0.01, 0.07) * grey.shape[1])
    marked = grey.copy()
    patch = marked[top : top + height, left : left + width]
    patch += (245 - patch) * np.clip(1.3 * glyph, 0, 1)
    return marked


def _expose(attenuation: Map, view: View, rng: np.random.Generator) -> Map:
    """The film's response: grey levels from 0 to 255, noise included."""
    blurred = ndimage.gaussian_filter(attenuation, view.kernel, truncate=3.0)
    grey = 262 * np.tanh(np.maximum(blurred, 0) * 0.80 * view.exposure)
    grey = grey + 14 * (1 - view.exposure)
    # Grain is correlated over about a pixel; quantum noise falls where the film is dark.
    grain = ndimage.gaussian_filter(rng.standard_normal(grey.shape), 0.55, truncate=3.0)
    grain *= view.noise / grain.std() * np.sqrt(0.3 + np.clip(grey, 0, 255) / 160)
    return np.asarray(grey + grain)


def render(label: str, patient: Patient, view: View) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Renders one chest X-ray phantom.

    Returns:
        The film, uint8 of shape (height, width), air dark and bone bright; and the lesion
        mask, bool of the same shape, empty for "normal" and inside the lung fields otherwise.

    Raises:
        ValueError: For another label.
    """
    rng = np.random.default_rng(view.seed)
    projection = Projection.of(patient, view)
    chest = thorax(patient, view, projection)
    severity = float(np.clip(patient.severity * view.progress, 0, 1))
    air, lesion = sicken(label, patient, projection, chest.air, severity)
    tree = np.random.default_rng([patient.seed, 0])
    vessels = vessel_tree(projection, tree, 0.026 * np.sqrt(patient.vessels), 0.19)
    # A vessel shows by the air around it, so it fades in the heart and in consolidation.
    air = air * (1 - np.clip(3.0 * vessels * patient.vessels, 0, 0.7))
    attenuation = chest.tissue - air - chest.airways + skeleton(projection, patient)
    if view.leads:
        attenuation = attenuation + _leads(projection, rng)
    grey = _expose(attenuation, view, rng)
    if view.marker:
        grey = _marker(grey, rng)
    film = np.clip(np.rint(grey), 0, 255).astype(np.uint8)
    return film, lesion & (chest.air > 0.16 * LUNG_DEPTH)
