"""Conversion between thorax units and film pixels, and the shapes that organs are built from.

Everything is float64: elementary functions differ in the last bit between instruction sets, and
double precision keeps the difference far below one grey level.
"""

import dataclasses
import functools
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from bakeoff.ingest.phantom.patient import Patient, View

Map: TypeAlias = NDArray[np.float64]  # noqa: UP040 (Python 3.11 has no `type`)

SPINE_DEPTH = -0.45
HEART_DEPTH = 0.25
FINE_GRAIN = 0.025


@dataclasses.dataclass(frozen=True)
class Projection:
    """The similarity that lays a thorax on a film."""

    shape: tuple[int, int]  # film (height, width) in pixels
    scale: float  # pixels in a thorax unit
    stretch: float  # extra stretch along y (the patient's elongation)
    origin: tuple[float, float]  # film position (column, row) of the thorax's origin, in pixels
    tilt: float  # rotation in the plane of the film, in radians
    yaw: float  # rotation about the spine, in radians

    @classmethod
    def of(cls, patient: Patient, view: View) -> "Projection":
        """Fits the thorax of `patient` to the film of `view`."""
        stretch = patient.elongation
        scale = view.zoom * min(view.width / 2.5, view.height / (2.3 * stretch))
        dx, dy = view.shift
        origin = (view.width / 2 + dx * scale, view.height * 0.19 + dy * scale)
        return cls((view.height, view.width), scale, stretch, origin, view.tilt, view.yaw)

    @functools.cached_property
    def grid(self) -> tuple[Map, Map]:
        """Thorax coordinates (x, y) of every pixel, two float64 arrays of `shape`."""
        rows, columns = np.indices(self.shape, dtype=np.float64)
        u = (columns - self.origin[0]) / self.scale
        v = (rows - self.origin[1]) / self.scale
        cos, sin = np.cos(self.tilt), np.sin(self.tilt)
        return u * cos + v * sin, (v * cos - u * sin) / self.stretch

    def shadow(self, depth: float) -> float:
        """How far the yaw moves the shadow of a midline structure at z = `depth`, along x."""
        return float(depth * np.sin(self.yaw))

    def splat(self, points: Map, weight: Map | float, radius: float = 0.0) -> Map:
        """Projects points that carry volume, and returns the thickness they add to each ray.

        Args:
            points: Coordinates (x, y, z) in thorax units, shape (..., 3).
            weight: Volume of each point in cubic thorax units, broadcast to the points.
            radius: Width of the Gaussian that spreads each point, in thorax units.

        Returns:
            Thickness in thorax units, float64 of `shape`.
        """
        weights = np.broadcast_to(weight, points.shape[:-1]).ravel() * self.scale**2
        x = (points[..., 0] + points[..., 2] * np.sin(self.yaw)).ravel()
        y = points[..., 1].ravel() * self.stretch
        cos, sin = np.cos(self.tilt), np.sin(self.tilt)
        column = self.origin[0] + self.scale * (x * cos - y * sin)
        row = self.origin[1] + self.scale * (x * sin + y * cos)
        height, width = self.shape
        inside = (row >= 0) & (row < height - 1) & (column >= 0) & (column < width - 1)
        row, column, weights = row[inside], column[inside], weights[inside]
        top, left = row.astype(np.intp), column.astype(np.intp)
        down, right = row - top, column - left
        flat = top * width + left
        low, high = weights * down, weights * (1 - down)
        film = np.bincount(
            np.concatenate([flat, flat + 1, flat + width, flat + width + 1]),
            np.concatenate([high * (1 - right), high * right, low * (1 - right), low * right]),
            height * width,
        )
        blur = max(0.5, radius * self.scale)
        return np.asarray(ndimage.gaussian_filter(film.reshape(self.shape), blur, truncate=3.0))


def step(distance: Map, width: float) -> Map:
    """A smooth step from 0 (distance far below 0) to 1, about 4 `width` wide."""
    result: Map = 0.5 + 0.5 * np.tanh(distance / (2 * width))
    return result


def ellipsoid(
    x: Map, y: Map, centre: tuple[float, float], axes: tuple[float, float], turn: float = 0.0
) -> Map:
    """Chord of a unit-deep ellipsoid along the ray, 0 outside to 1 at the centre."""
    dx, dy = x - centre[0], y - centre[1]
    cos, sin = np.cos(turn), np.sin(turn)
    along, across = (dx * cos + dy * sin) / axes[0], (dy * cos - dx * sin) / axes[1]
    result: Map = np.sqrt(np.maximum(1 - along * along - across * across, 0))
    return result


def capsule(
    x: Map, y: Map, start: tuple[float, float], end: tuple[float, float], radius: float
) -> Map:
    """Chord of a round-ended cylinder of unit depth, 0 outside to 1 on the axis."""
    ax, ay = end[0] - start[0], end[1] - start[1]
    along = np.clip(((x - start[0]) * ax + (y - start[1]) * ay) / (ax * ax + ay * ay), 0, 1)
    distance2 = (x - start[0] - along * ax) ** 2 + (y - start[1] - along * ay) ** 2
    result: Map = np.sqrt(np.maximum(1 - distance2 / radius**2, 0))
    return result


def union(*chords: Map) -> Map:
    """Blends overlapping chords without a crease (their 4-norm)."""
    total: Map = np.sqrt(np.sqrt(sum((c * c) ** 2 for c in chords)))
    return total


def enlarge(coarse: Map, shape: tuple[int, int]) -> Map:
    """Fills in a map known at every second row and column, linearly.

    Soft tissue has no finer detail, and the map takes a quarter of the time.
    """
    fine = np.empty(shape)
    rows = np.empty((shape[0], coarse.shape[1]))
    lower = np.concatenate([coarse[1:], coarse[-1:]])
    rows[0::2], rows[1::2] = coarse, (0.5 * (coarse + lower))[: shape[0] // 2]
    right = np.concatenate([rows[:, 1:], rows[:, -1:]], axis=1)
    fine[:, 0::2], fine[:, 1::2] = rows, (0.5 * (rows + right))[:, : shape[1] // 2]
    return fine


def texture(rng: np.random.Generator, x: Map, y: Map, grain: float) -> Map:
    """Smooth noise fixed to the thorax, with unit variance.

    `grain` is the correlation length in thorax units; x lies in [-1.5, 1.5], y in [-0.5, 2.5].
    """
    shape, coarse = x.shape, grain > FINE_GRAIN
    if coarse:
        x, y = x[::2, ::2], y[::2, ::2]
    cells = 96 if grain > 1.6 * FINE_GRAIN else 192
    noise = ndimage.gaussian_filter(
        rng.standard_normal((cells, cells)), grain * cells / 3, mode="wrap"
    )
    noise /= noise.std()
    at = np.stack([(y + 0.5) * cells / 3, (x + 1.5) * cells / 3])
    field = np.asarray(ndimage.map_coordinates(noise, at, order=1, mode="grid-wrap"))
    return enlarge(field, shape) if coarse else field
