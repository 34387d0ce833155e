"""Surfaces in a picture: a flat quadrilateral, or the wall of a cylinder seen from the front.

A surface has coordinates of its own: u runs from 0 at its left edge to 1 at its right, v from 0
at the top to 1 at the bottom, both in equal steps on the thing itself. On a cylinder equal steps of
u become narrower towards the sides, and lines of equal v are bent as ellipses are.
"""

from __future__ import annotations

import math
from typing import Annotated, Self

import numpy as np
import numpy.typing as npt
from pydantic import Field, model_validator

from maquette.core.geometry import Box, Size
from maquette.core.value import Value

__all__ = ["Point", "Surface", "surface_of_box"]

Exact = npt.NDArray[np.float64]

Coordinate = Annotated[float, Field(ge=-100_000, le=200_000)]
Point = tuple[Coordinate, Coordinate]

_LEAST = 1.0
"""Square pixels that a surface must cover."""


class Surface(Value):
    """Four corners in pixels (top left, top right, bottom right, bottom left), corner of the
    top left pixel = (0, 0).

    ``arc`` is the part of a cylinder's round, in degrees, that lies between left and right edge;
    0 is flat. ``bend`` is how far the middle of the upper and lower edge hangs below the straight
    line between its corners, in heights of the surface (negative: above it).
    """

    corners: tuple[Point, Point, Point, Point]
    arc: float = Field(default=0.0, ge=0, le=178)
    bend: float = Field(default=0.0, ge=-0.8, le=0.8)

    @model_validator(mode="after")
    def _convex(self) -> Self:
        points = np.asarray(self.corners, np.float64)
        sides = np.roll(points, -1, axis=0) - points
        after = np.roll(sides, -1, axis=0)
        turns = sides[:, 0] * after[:, 1] - sides[:, 1] * after[:, 0]
        if not (turns > 0).all():
            raise ValueError("its corners do not run clockwise around a convex shape")
        if self._area(points) < _LEAST:
            raise ValueError("it covers less than a pixel")
        if self.bend and not self.arc:
            raise ValueError("only a cylinder bends: give its arc")
        return self

    @staticmethod
    def _area(points: Exact) -> float:
        x, y = points.T
        return 0.5 * abs(float(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))))

    @property
    def proportion(self) -> float:
        """Width by height on the thing itself.

        Perspective of a flat surface is not undone (its sides are taken as they look). On a
        cylinder the width is the length of the arc; where its ellipses show that it is seen from
        above or below, the height is longer than it looks.
        """
        points = np.asarray(self.corners, np.float64)
        across = (self._length(points[1] - points[0]) + self._length(points[2] - points[3])) / 2
        down = (self._length(points[3] - points[0]) + self._length(points[2] - points[1])) / 2
        if not self.arc:
            return across / down
        half = math.radians(self.arc) / 2
        radius = across / 2 / math.sin(half)
        tilt = min(abs(self.bend) * down / (radius * (1 - math.cos(half))), 0.94)
        return 2 * radius * half / (down / math.sqrt(1 - tilt * tilt))

    @staticmethod
    def _length(side: Exact) -> float:
        return math.hypot(float(side[0]), float(side[1]))

    @property
    def box(self) -> Box | None:
        """The box that this surface is, when it is flat, upright and on whole pixels."""
        (left, top), (right, _), (_, bottom), _ = self.corners
        upright = self.corners == ((left, top), (right, top), (right, bottom), (left, bottom))
        whole = all(float(value).is_integer() for value in (left, top, right, bottom))
        if self.arc or not upright or not whole or min(left, top) < 0:
            return None
        return Box(x=int(left), y=int(top), width=int(right - left), height=int(bottom - top))

    def bounds(self, size: Size, margin: int = 1) -> Box | None:
        """The smallest box of whole pixels around it, and a margin, inside a picture; None when
        there is none."""
        edge = np.linspace(0, 1, 65)
        ends = np.zeros_like(edge)
        u = np.concatenate([edge, edge, ends, ends + 1])
        v = np.concatenate([ends, ends + 1, edge, edge])
        x, y = self.to_picture(u, v)
        left, top = max(0, math.floor(x.min()) - margin), max(0, math.floor(y.min()) - margin)
        right, bottom = (
            min(size.width, math.ceil(x.max()) + margin),
            min(size.height, math.ceil(y.max()) + margin),
        )
        if left >= right or top >= bottom:
            return None
        return Box(x=left, y=top, width=right - left, height=bottom - top)

    def to_picture(self, u: Exact, v: Exact) -> tuple[Exact, Exact]:
        """Places of the picture (x, y) for places of the surface; arrays of one shape."""
        across, down = self._bent(u, v)
        return _project(self._matrix(), across, down)

    def from_picture(self, x: Exact, y: Exact) -> tuple[Exact, Exact]:
        """Places of the surface (u, v) for places of the picture; outside it beyond 0 to 1, or
        NaN where the cylinder has no place."""
        across, down = _project(np.linalg.inv(self._matrix()).astype(np.float64), x, y)
        if not self.arc:
            return across, down
        half = math.radians(self.arc) / 2
        sine = (2 * across - 1) * math.sin(half)
        with np.errstate(invalid="ignore"):
            angle = np.arcsin(np.where(np.abs(sine) <= 1, sine, np.nan))
        return (angle / half + 1) / 2, down - self._sag(angle)

    def _bent(self, u: Exact, v: Exact) -> tuple[Exact, Exact]:
        """From the surface to the unit square that the corners span."""
        if not self.arc:
            return u, v
        half = math.radians(self.arc) / 2
        angle = (2 * u - 1) * half
        return (np.sin(angle) / math.sin(half) + 1) / 2, v + self._sag(angle)

    def _sag(self, angle: Exact) -> Exact:
        half = math.radians(self.arc) / 2
        return self.bend * (np.cos(angle) - math.cos(half)) / (1 - math.cos(half))

    def _matrix(self) -> Exact:
        """The projective map of the unit square to the corners (Heckbert, "Fundamentals of
        texture mapping and image warping", 1989, 2.2.3)."""
        (x0, y0), (x1, y1), (x2, y2), (x3, y3) = self.corners
        dx, dy = x0 - x1 + x2 - x3, y0 - y1 + y2 - y3
        dx1, dy1, dx2, dy2 = x1 - x2, y1 - y2, x3 - x2, y3 - y2
        determinant = dx1 * dy2 - dx2 * dy1
        g = (dx * dy2 - dx2 * dy) / determinant
        h = (dx1 * dy - dx * dy1) / determinant
        return np.array(
            [
                [x1 - x0 + g * x1, x3 - x0 + h * x3, x0],
                [y1 - y0 + g * y1, y3 - y0 + h * y3, y0],
                [g, h, 1.0],
            ]
        )


def _project(matrix: Exact, x: Exact, y: Exact) -> tuple[Exact, Exact]:
    depth = matrix[2, 0] * x + matrix[2, 1] * y + matrix[2, 2]
    # What lies behind the eye has no place in the picture.
    depth = np.where(depth > 1e-9, depth, np.nan)
    return (
        (matrix[0, 0] * x + matrix[0, 1] * y + matrix[0, 2]) / depth,
        (matrix[1, 0] * x + matrix[1, 1] * y + matrix[1, 2]) / depth,
    )


def surface_of_box(box: Box) -> Surface:
    """A flat, upright surface."""
    left, top, right, bottom = (float(side) for side in box.corners)
    return Surface(corners=((left, top), (right, top), (right, bottom), (left, bottom)))
