"""The random parameters of a phantom: the patient's anatomy and the exposure.

Lengths are in *thorax units*: 1 is half the width of the rib cage. The origin is on the
midline at the level of the lung apices; x grows to the right of the film (the patient's left),
y grows towards the feet and z towards the front.
"""

import dataclasses

import numpy as np

LOBES = ("RUL", "RML", "RLL", "LUL", "LIN", "LLL")


@dataclasses.dataclass(frozen=True)
class Patient:
    """A child's anatomy, and the parameters of the pneumonia.

    The same patient can be rendered with any label; two such pictures differ only in the disease.
    """

    seed: int  # seeds the vessel tree and the textures, which are the same in all pictures
    build: float  # depth of the soft tissue relative to the average, about 0.85 to 1.2
    flank: float  # soft tissue beside the ribs, in thorax units, 0.08 to 0.24
    elongation: float  # stretch of the thorax along y, 0.9 to 1.12
    heart: float  # size of the heart relative to the average, 0.88 to 1.15
    thymus: float  # extra half-width of the upper mediastinum, 0 to 0.12
    dome: float  # shift of the diaphragm along y, negative for a shallow breath
    rib_drop: float  # how far a rib falls from the spine to its front end
    rib_density: float  # attenuation of cortical bone relative to the average
    vessels: float  # prominence of the lung vessels; above 1.4 they imitate a viral pattern
    arms: float  # angle of the upper arms: 0 hangs down, 1 is raised to the head
    gas: float  # size of the gastric bubble, 0 for none
    lobe: str  # the lobe that a bacterial pneumonia fills, one of `LOBES`
    severity: float  # extent and density of the disease, 0 (invisible) to 1


@dataclasses.dataclass(frozen=True)
class View:
    """One exposure of a patient."""

    seed: int  # seeds the film noise, the marker and the leads
    height: int  # film height in pixels
    width: int  # film width in pixels
    zoom: float  # magnification, 1 for a thorax that just fills the film
    shift: tuple[float, float]  # displacement of the thorax (x, y), in thorax units
    tilt: float  # rotation in the plane of the film, in radians
    yaw: float  # rotation about the spine, in radians; it carries the heart to one side
    exposure: float  # slope of the film's response, about 1; low is a washed-out, light film
    kernel: float  # blur of focus, motion and detector, in pixels (standard deviation)
    noise: float  # standard deviation of the film noise, in grey levels
    breath: float  # shift of the diaphragm along y for this breath
    progress: float  # factor on the patient's severity at this moment
    marker: bool  # whether a lead letter 'R' lies on the film
    leads: bool  # whether monitoring leads cross the chest


def _seed(rng: np.random.Generator) -> int:
    return int(rng.integers(2**32))


def draw_patient(rng: np.random.Generator) -> Patient:
    """Draws a patient; every attribute is independent of the label."""
    return Patient(
        seed=_seed(rng),
        build=float(rng.uniform(0.88, 1.18)),
        flank=float(rng.uniform(0.08, 0.24)),
        elongation=float(rng.uniform(0.92, 1.12)),
        heart=float(rng.uniform(0.88, 1.15)),
        thymus=float(max(0.0, rng.uniform(-0.10, 0.12))),
        dome=float(rng.normal(0.0, 0.06)),
        rib_drop=float(rng.uniform(0.38, 0.66)),
        rib_density=float(rng.uniform(0.8, 1.25)),
        vessels=float(rng.lognormal(0.0, 0.28)),
        arms=float(rng.beta(1.0, 0.7)),
        gas=float(max(0.0, rng.uniform(-0.08, 0.2))),
        lobe=str(rng.choice(LOBES, p=[0.22, 0.16, 0.22, 0.12, 0.10, 0.18])),
        severity=float(rng.beta(2.2, 1.3)),
    )


def draw_view(rng: np.random.Generator, min_side: int, max_side: int) -> View:
    """Draws one exposure on a film whose sides lie in [min_side, max_side] pixels."""
    width = int(rng.integers(min_side, max_side + 1))
    height = int(np.clip(width * rng.uniform(0.8, 1.05), min_side, max_side))
    return View(
        seed=_seed(rng),
        height=height,
        width=width,
        zoom=float(rng.uniform(0.95, 1.08)),
        shift=(float(rng.normal(0.0, 0.035)), float(rng.normal(0.0, 0.035))),
        tilt=float(rng.normal(0.0, 0.025)),
        yaw=float(rng.normal(0.0, 0.11)),
        exposure=float(rng.lognormal(0.0, 0.10)),
        kernel=float(rng.uniform(0.45, 1.0)),
        noise=float(rng.uniform(0.8, 2.4)),
        breath=float(rng.normal(0.0, 0.04)),
        progress=float(rng.uniform(0.75, 1.15)),
        marker=bool(rng.random() < 0.7),
        leads=bool(rng.random() < 0.15),
    )
