"""Paths: polygons, ovals, boxes, lines, and the plain signs that logos are."""

from __future__ import annotations

import math
from collections.abc import Sequence

import skia

SIDE = 256
Point = tuple[float, float]


def polygon(points: Sequence[Point], smooth: float = 0.0) -> skia.Path:
    """A closed path through points; smooth 0 keeps corners, 1 is a Catmull-Rom curve."""
    path = skia.Path()
    path.moveTo(*points[0])
    count = len(points)
    for i in range(count):
        before, start = points[i - 1], points[i]
        end, after = points[(i + 1) % count], points[(i + 2) % count]
        k = smooth / 6
        path.cubicTo(
            start[0] + (end[0] - before[0]) * k,
            start[1] + (end[1] - before[1]) * k,
            end[0] - (after[0] - start[0]) * k,
            end[1] - (after[1] - start[1]) * k,
            *end,
        )
    path.close()
    return path


def oval(x: float, y: float, width: float, height: float) -> skia.Path:
    """An ellipse by its bounding box."""
    path = skia.Path()
    path.addOval(skia.Rect.MakeXYWH(x, y, width, height))
    return path


def disc(x: float, y: float, radius_x: float, radius_y: float | None = None) -> skia.Path:
    """An ellipse by its centre and radii."""
    tall = radius_x if radius_y is None else radius_y
    return oval(x - radius_x, y - tall, 2 * radius_x, 2 * tall)


def box(x: float, y: float, width: float, height: float, radius: float = 0.0) -> skia.Path:
    """A rectangle with rounded corners."""
    path = skia.Path()
    path.addRoundRect(skia.Rect.MakeXYWH(x, y, width, height), radius, radius)
    return path


def stroke(*points: Point) -> skia.Path:
    """An open line through points."""
    path = skia.Path()
    path.moveTo(*points[0])
    for point in points[1:]:
        path.lineTo(*point)
    return path


def bend(start: Point, control: Point, end: Point) -> skia.Path:
    """An open quadratic curve."""
    path = skia.Path()
    path.moveTo(*start)
    path.quadTo(*control, *end)
    return path


def outlined(path: skia.Path, width: float) -> skia.Path:
    """The area that a broad line with round ends covers."""
    paint = skia.Paint(
        Style=skia.Paint.kStroke_Style,
        StrokeWidth=width,
        StrokeCap=skia.Paint.kRound_Cap,
        StrokeJoin=skia.Paint.kRound_Join,
    )
    area = skia.Path()
    paint.getFillPath(path, area)
    return skia.Simplify(area) or area


def union(first: skia.Path, *others: skia.Path) -> skia.Path:
    """The area of several paths as one."""
    for other in others:
        first = skia.Op(first, other, skia.PathOp.kUnion_PathOp)
    return first


def inside(path: skia.Path, area: skia.Path) -> skia.Path:
    """The part of a path that lies inside an area."""
    return skia.Op(path, area, skia.PathOp.kIntersect_PathOp)


def outside(path: skia.Path, area: skia.Path) -> skia.Path:
    """The part of a path that lies outside an area."""
    return skia.Op(path, area, skia.PathOp.kDifference_PathOp)


def star(x: float, y: float, radius: float) -> skia.Path:
    """A plump five-pointed star."""
    points = []
    for k in range(10):
        r = radius if k % 2 == 0 else radius * 0.5
        angle = math.pi * (k / 5 - 0.5)
        points.append((x + r * math.cos(angle), y + r * math.sin(angle)))
    return polygon(points)


def heart(x: float, y: float, radius: float) -> skia.Path:
    """A heart as broad as high."""
    r, path = radius, skia.Path()
    path.moveTo(x, y + 0.95 * r)
    path.cubicTo(x - 1.7 * r, y - 0.1 * r, x - 0.85 * r, y - 1.35 * r, x, y - 0.45 * r)
    path.cubicTo(x + 0.85 * r, y - 1.35 * r, x + 1.7 * r, y - 0.1 * r, x, y + 0.95 * r)
    path.close()
    return path


def bolt(x: float, y: float, radius: float) -> skia.Path:
    """A bolt of lightning."""
    shape = (
        (0.2, -1.05),
        (-0.62, 0.2),
        (-0.08, 0.2),
        (-0.28, 1.05),
        (0.62, -0.24),
        (0.08, -0.24),
        (0.46, -1.05),
    )
    return polygon([(x + u * radius, y + v * radius) for u, v in shape])
