"""The colours of a picture as a few numbers, so that another can be given the same mood."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from PIL import Image

from maquette.core.colour import linear, to_oklab
from maquette.core.pixel_tasks import Palette

__all__ = ["MOST_SAMPLES", "palette_of", "palettes_apart"]

MOST_SAMPLES = 1 << 20
"""Pixels that are looked at, evenly picked."""


def palette_of(picture: Image.Image) -> Palette:
    """The colours of a picture as ``Palette`` keeps them; transparent places do not count."""
    image = picture if picture.mode in {"RGB", "RGBA"} else picture.convert("RGB")
    pixels = np.asarray(image)
    seen = pixels[..., :3][pixels[..., 3] > 0] if image.mode == "RGBA" else pixels.reshape(-1, 3)
    mean, spread = _spread(seen)
    return Palette(
        mean=(round(mean[0], 6), round(mean[1], 6)),
        spread=(round(spread[0, 0], 9), round(spread[0, 1], 9), round(spread[1, 1], 9)),
    )


def palettes_apart(a: Palette, b: Palette) -> float:
    """How far two palettes lie apart, in OKLab's plane: the 2-Wasserstein distance of the two
    normal distributions (Dowson and Landau, "The Fréchet distance between multivariate normal
    distributions", 1982); 0 for the same."""
    first, second = (
        np.array([[p.spread[0], p.spread[1]], [p.spread[1], p.spread[2]]]) for p in (a, b)
    )
    between = float(np.square(np.subtract(a.mean, b.mean)).sum())
    # The trace of the root of a 2x2 matrix M is sqrt(trace M + 2 sqrt(det M)).
    product = first @ second
    inner = float(np.trace(product)) + 2 * math.sqrt(max(float(np.linalg.det(product)), 0.0))
    spread = float(np.trace(first + second)) - 2 * math.sqrt(max(inner, 0.0))
    return math.sqrt(max(between + spread, 0.0))


def _spread(
    pixels: npt.NDArray[np.uint8],
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Mean and covariance of OKLab's a and b over at most a million pixels, evenly picked."""
    flat = pixels.reshape(-1, 3)
    flat = flat[:: max(1, len(flat) // MOST_SAMPLES)]
    if not len(flat):
        return np.zeros(2), np.zeros((2, 2))
    plane = to_oklab(linear(flat))[:, 1:].astype(np.float64)
    mean = plane.mean(axis=0)
    away = plane - mean
    return mean, away.T @ away / len(plane)
