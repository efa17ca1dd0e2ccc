"""Mirrors, quarter turns and seeded random changes of one picture's pixels."""

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from bakeoff.params.data import RandomTransforms

ORIGINAL = "original"
RANDOM = "random"

Pixels = npt.NDArray[np.uint8]
Matrix = npt.NDArray[np.float64]


def transform_pixels(
    pixels: Pixels, transform: str, seed: int, ranges: RandomTransforms, pixel_aspect: float = 1.0
) -> Pixels:
    """Apply one row of the augmentation plan.

    Args:
        pixels: (height, width, channels), 0 to 255. Quarter turns swap height and width.
        transform: "original", "mirror_horizontal" (left and right change places),
            "mirror_vertical", "rotate_90" (counter-clockwise), "rotate_180", "rotate_270" or
            "random".
        seed: of a random transform; ignored by the others.
        ranges: of a random transform.
        pixel_aspect: width of a pixel over its height, where a picture has been stretched: a
            random rotation or shear then is one of the undistorted picture.

    Returns:
        New pixels, contiguous; random changes keep the shape.

    Examples:
        >>> pixels = np.arange(4, dtype=np.uint8).reshape(2, 2, 1)
        >>> transform_pixels(pixels, "mirror_horizontal", 0, RandomTransforms())[..., 0].tolist()
        [[1, 0], [3, 2]]
    """
    if transform == RANDOM:
        return _random(pixels, np.random.default_rng(seed), ranges, pixel_aspect)
    if transform == "mirror_horizontal":
        changed = pixels[:, ::-1]
    elif transform == "mirror_vertical":
        changed = pixels[::-1]
    elif transform.startswith("rotate_"):
        changed = np.rot90(pixels, int(transform.removeprefix("rotate_")) // 90)
    elif transform == ORIGINAL:
        changed = pixels
    else:
        raise ValueError(f"unknown transform '{transform}'")
    return np.ascontiguousarray(changed)


def _random(
    pixels: Pixels, generator: np.random.Generator, ranges: RandomTransforms, aspect: float
) -> Pixels:
    """A random affine change about the middle, then brightness and contrast.

    All seven numbers are always drawn, in this order, so that changing one range does not change
    the other draws.
    """
    rotation, down, right, zoom, shear, brightness, contrast = generator.uniform(-1, 1, 7)
    matrix = affine_matrix(
        rotation * ranges.rotation, 1 + zoom * ranges.zoom, shear * ranges.shear, aspect
    )
    shift = np.array([down, right]) * ranges.translation * pixels.shape[:2]
    changed = _warp(pixels, matrix, shift)
    if not ranges.brightness and not ranges.contrast:
        return changed
    # Contrast turns about the middle of the range, as in Keras's RandomContrast about the mean,
    # but without depending on the picture; a table of 256 values does both at once.
    levels = (np.arange(256) - 127.5) * (1 + contrast * ranges.contrast) + 127.5
    levels += 255 * brightness * ranges.brightness
    table = np.clip(np.rint(levels), 0, 255).astype(np.uint8)
    return np.asarray(table[changed])


def affine_matrix(rotation: float, zoom: float, shear: float, aspect: float = 1.0) -> Matrix:
    """From output to input coordinates (rows, columns), both about the middle.

    Args:
        rotation: degrees, counter-clockwise as seen.
        zoom: above 1 enlarges.
        shear: degrees by which vertical lines lean.
        aspect: width of a pixel over its height.

    Returns:
        (2, 2) matrix.

    Examples:
        >>> affine_matrix(rotation=90, zoom=1, shear=0).round().tolist()
        [[0.0, 1.0], [-1.0, 0.0]]
    """
    angle, lean = np.deg2rad(rotation), np.tan(np.deg2rad(shear))
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    undistorted = turn @ np.array([[1.0, 0.0], [lean, 1.0]]) / zoom
    stretch = np.diag([1.0, aspect])
    matrix: Matrix = np.linalg.inv(stretch) @ undistorted @ stretch
    return matrix


def _warp(pixels: Pixels, matrix: Matrix, shift: npt.NDArray[np.float64]) -> Pixels:
    """Bilinear; outside the frame the picture is reflected, as in Keras's layers."""
    if np.array_equal(matrix, np.eye(2)) and not shift.any():
        return pixels.copy()
    middle = (np.array(pixels.shape[:2]) - 1) / 2
    offset = middle - matrix @ (middle + shift)
    changed = np.empty_like(pixels)
    for channel in range(pixels.shape[2]):
        plane = pixels[:, :, channel].astype(np.float32)
        warped = ndimage.affine_transform(plane, matrix, offset, order=1, mode="reflect")
        changed[:, :, channel] = np.rint(warped)
    return changed
