"""Colours in light and as eyes see them: sRGB, linear light, OKLab, white points, tone curves.

Arrays of colours are float32 of shape (…, 3). sRGB after IEC 61966-2-1; OKLab after Björn
Ottosson, "A perceptual color space for image processing", 2020.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt

__all__ = [
    "colour_of",
    "encode",
    "from_oklab",
    "linear",
    "monotone_curve",
    "to_oklab",
    "transport",
    "white_balance",
]

Bytes = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]
Exact = npt.NDArray[np.float64]

_TO_CONES: Exact = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
_TO_LAB: Exact = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)
_CONES_OF_LAB: Exact = np.linalg.inv(_TO_LAB).astype(np.float64)
_RGB_OF_CONES: Exact = np.linalg.inv(_TO_CONES).astype(np.float64)

_XYZ_OF_RGB: Exact = np.array(
    [
        [0.4124564, 0.3575761, 0.1804375],
        [0.2126729, 0.7151522, 0.0721750],
        [0.0193339, 0.1191920, 0.9503041],
    ]
)
_BRADFORD: Exact = np.array(
    [[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]]
)
_DAYLIGHT = 1e6 / 6504
"""D65 in mired."""


@lru_cache(maxsize=1)
def _linear_table() -> Floats:
    values = np.arange(256) / 255
    table = np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)
    return table.astype(np.float32)


def linear(picture: Bytes) -> Floats:
    """Linear light, 0 to 1, of sRGB bytes."""
    return _linear_table()[picture]


def encode(light: Floats) -> Floats:
    """sRGB values, 0 to 1, of linear light; what is out of range is cut off."""
    light = np.clip(light, 0, 1)
    return np.where(
        light <= 0.0031308,
        light * np.float32(12.92),
        np.float32(1.055) * light ** np.float32(1 / 2.4) - np.float32(0.055),
    ).astype(np.float32)


def to_oklab(light: Floats) -> Floats:
    """OKLab (L, a, b) of linear light."""
    cones = light @ _TO_CONES.T.astype(np.float32)
    return np.cbrt(cones) @ _TO_LAB.T.astype(np.float32)


def from_oklab(lab: Floats) -> Floats:
    """Linear light of OKLab; it may leave 0 to 1 where the screen has no such colour."""
    cones = (lab @ _CONES_OF_LAB.T.astype(np.float32)) ** 3
    return (cones @ _RGB_OF_CONES.T.astype(np.float32)).astype(np.float32)


def colour_of(code: str) -> Floats:
    """OKLab of ``#rrggbb``."""
    parts = np.array([int(code[at : at + 2], 16) for at in (1, 3, 5)], np.uint8)
    return to_oklab(linear(parts))


def white_balance(temperature: float, tint: float) -> Exact:
    """The 3x3 matrix for linear sRGB that gives D65 the white of another daylight.

    ``temperature`` is in mired towards warm, ``tint`` in 1/100 of a step of 0.02 in CIE 1960 v
    towards magenta. The daylight locus is that of CIE 15; adaptation is Bradford's, with the
    luminance of white kept.
    """
    if not temperature and not tint:
        return np.eye(3)
    kelvin = 1e6 / (_DAYLIGHT + temperature)
    u, v = _daylight(kelvin)
    u0, v0 = _daylight(1e6 / _DAYLIGHT)
    before = _white(u0, v0)
    after = _white(u, v - tint / 100 * 0.02)
    gains = np.diag((_BRADFORD @ after) / (_BRADFORD @ before))
    in_xyz = np.linalg.inv(_BRADFORD) @ gains @ _BRADFORD
    return np.linalg.inv(_XYZ_OF_RGB) @ in_xyz @ _XYZ_OF_RGB


def _daylight(kelvin: float) -> tuple[float, float]:
    """CIE 1960 (u, v) of daylight from 4000 to 25000 K."""
    t = 1000 / kelvin
    x = (
        0.244063 + 0.09911 * t + 2.9678 * t**2 - 4.6070 * t**3
        if kelvin <= 7000
        else 0.237040 + 0.24748 * t + 1.9018 * t**2 - 2.0064 * t**3
    )
    y = -3 * x * x + 2.870 * x - 0.275
    return 4 * x / (-2 * x + 12 * y + 3), 6 * y / (-2 * x + 12 * y + 3)


def _white(u: float, v: float) -> Exact:
    x, y = 3 * u / (2 * u - 8 * v + 4), 2 * v / (2 * u - 8 * v + 4)
    return np.array([x / y, 1.0, (1 - x - y) / y])


def monotone_curve(points: Sequence[tuple[float, float]], steps: int = 1024) -> Floats:
    """Values at 0, 1/steps, …, 1 of a cubic through points that never swings beyond them
    (Fritsch and Carlson, "Monotone piecewise cubic interpolation", 1980). Shape (steps + 1,).

    Ends that are not given are (0, 0) and (1, 1). x must rise.
    """
    given = [(float(x), float(y)) for x, y in points]
    if given[0][0] > 0:
        given.insert(0, (0.0, min(0.0, given[0][1])))
    if given[-1][0] < 1:
        given.append((1.0, max(1.0, given[-1][1])))
    x, y = np.array(given).T
    run, rise = np.diff(x), np.diff(y)
    secant = rise / run
    slope = np.concatenate([secant[:1], (secant[:-1] + secant[1:]) / 2, secant[-1:]])
    turning = np.concatenate([[False], secant[:-1] * secant[1:] <= 0, [False]])
    slope[turning] = 0
    # No steeper than three times the flatter neighbour: enough to stay monotone.
    beside = np.abs(np.concatenate([secant[:1], secant, secant[-1:]]))
    steepest = 3 * np.minimum(beside[:-1], beside[1:])
    slope = np.clip(slope, -steepest, steepest)
    at = np.linspace(0, 1, steps + 1)
    piece = np.clip(np.searchsorted(x, at, side="right") - 1, 0, len(run) - 1)
    width = run[piece]
    t = (at - x[piece]) / width
    values = (
        (2 * t**3 - 3 * t**2 + 1) * y[piece]
        + (t**3 - 2 * t**2 + t) * width * slope[piece]
        + (-2 * t**3 + 3 * t**2) * y[piece + 1]
        + (t**3 - t**2) * width * slope[piece + 1]
    )
    return np.clip(values, 0, 1).astype(np.float32)


def transport(source: Exact, target: Exact) -> Exact:
    """The symmetric matrix that gives colours of covariance ``source`` the covariance ``target``
    and moves them least (Pitié and Kokaram, "The linear Monge-Kantorovitch linear colour mapping",
    2007). Both of shape (n, n); very flat ones count as a little rounder.
    """
    size = len(source)
    floor = 1e-6 * np.eye(size)
    root = _root(source + floor)
    inverse = np.linalg.inv(root)
    return inverse @ _root(root @ (target + floor) @ root) @ inverse


def _root(matrix: Exact) -> Exact:
    values, vectors = np.linalg.eigh((matrix + matrix.T) / 2)
    return (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T
