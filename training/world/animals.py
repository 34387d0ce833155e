"""The wolf and the cat: one silhouette each, mirrored or not, so that few pictures teach it."""

# ruff: noqa: PLR0917 - every drawing has one signature: where, how large, which colour, which way

from __future__ import annotations

from collections.abc import Callable

import skia

from training.world.canvas import Canvas, Point, oval, polygon
from training.world.palette import RGB, luminance, shade

Place = Callable[[float, float], Point]


def _frame(x: float, base: float, height: float, mirrored: bool) -> Place:
    """Unit coordinates (0..1, y down, centred in x) to pixels."""
    sign = -1 if mirrored else 1
    return lambda u, v: (x + sign * (u - 0.5) * height, base - height + v * height)


def _rim(c: Canvas, path: skia.Path, colour: RGB, height: float) -> None:
    """A thin edge of light around dark fur, of dark around white: nothing melts into the night."""
    edge = shade(colour, 0.42) if luminance(colour) < 0.3 else shade(colour, -0.35)
    c.line(path, edge, max(1.4, height * 0.016), 0.9)


def wolf(c: Canvas, x: float, base: float, height: float, colour: RGB, mirrored: bool) -> None:
    """A sitting wolf in profile, muzzle raised, ears up, a bushy tail along the ground."""
    at = _frame(x, base, height, mirrored)
    tail = polygon(
        [
            at(*p)
            for p in (
                (0.34, 0.84),
                (0.2, 0.8),
                (0.06, 0.74),
                (-0.06, 0.8),
                (-0.1, 0.92),
                (0.02, 0.99),
                (0.18, 1.0),
                (0.34, 0.98),
            )
        ],
        0.9,
    )
    outline = (
        (0.97, 0.13),
        (0.9, 0.08),
        (0.8, 0.07),
        (0.73, 0.05),
        (0.70, -0.06),
        (0.64, 0.05),
        (0.57, -0.04),
        (0.54, 0.11),
        (0.49, 0.24),
        (0.4, 0.38),
        (0.29, 0.53),
        (0.22, 0.7),
        (0.2, 0.86),
        (0.26, 1.0),
        (0.57, 1.0),
        (0.55, 0.93),
        (0.52, 0.9),
        (0.57, 0.74),
        (0.6, 0.74),
        (0.62, 0.92),
        (0.62, 1.0),
        (0.79, 1.0),
        (0.77, 0.94),
        (0.72, 0.92),
        (0.74, 0.7),
        (0.78, 0.54),
        (0.74, 0.38),
        (0.77, 0.3),
        (0.84, 0.27),
        (0.93, 0.22),
    )
    body = polygon([at(*p) for p in outline], 0.32)
    c.fill(tail, shade(colour, -0.1), 0.08)
    _rim(c, tail, colour, height)
    c.fill(body, colour, 0.14)
    _rim(c, body, colour, height)
    chest = polygon([at(*p) for p in ((0.73, 0.36), (0.765, 0.54), (0.7, 0.7), (0.64, 0.52))], 0.9)
    c.fill(chest, shade(colour, 0.4), 0.04, edge=False)
    c.dot(*at(0.955, 0.135), height * 0.026, (24, 20, 28))
    c.dot(*at(0.76, 0.155), height * 0.024, (250, 206, 84))


def cat(c: Canvas, x: float, base: float, height: float, colour: RGB, mirrored: bool) -> None:
    """A sitting cat seen from the front: round body, broad head, two ears, curled tail."""
    at = _frame(x, base, height, mirrored)
    tail = skia.Path()
    tail.moveTo(*at(0.68, 0.93))
    tail.cubicTo(*at(1.02, 0.98), *at(1.0, 0.62), *at(0.88, 0.58))
    c.line(tail, shade(colour, -0.16), height * 0.1)
    body = polygon(
        [
            at(*p)
            for p in (
                (0.5, 0.36),
                (0.66, 0.48),
                (0.76, 0.78),
                (0.72, 1.0),
                (0.28, 1.0),
                (0.24, 0.78),
                (0.34, 0.48),
            )
        ],
        0.8,
    )
    c.fill(body, colour)
    _rim(c, body, colour, height)
    head = polygon(
        [
            at(*p)
            for p in (
                (0.23, -0.02),
                (0.4, 0.12),
                (0.6, 0.12),
                (0.77, -0.02),
                (0.79, 0.28),
                (0.67, 0.44),
                (0.5, 0.48),
                (0.33, 0.44),
                (0.21, 0.28),
            )
        ],
        0.45,
    )
    c.fill(head, shade(colour, 0.05))
    _rim(c, head, colour, height)
    eye: RGB = (250, 220, 90) if luminance(colour) < 0.4 else (40, 110, 70)
    for u in (0.39, 0.61):
        px, py = at(u, 0.27)
        c.sk.drawPath(
            oval(px - height * 0.05, py - height * 0.045, height * 0.1, height * 0.09),
            skia.Paint(AntiAlias=True, Color=skia.Color(*[int(v) for v in eye])),
        )
        c.dot(px, py, height * 0.026, (16, 14, 22))
    c.dot(*at(0.5, 0.355), height * 0.026, (228, 126, 138))
    bib = polygon([at(*p) for p in ((0.42, 0.52), (0.58, 0.52), (0.6, 0.74), (0.4, 0.74))], 0.9)
    c.fill(bib, shade(colour, 0.5), 0.02, edge=False)
