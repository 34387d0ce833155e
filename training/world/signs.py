"""Patterns and logos on things: drawn inside a thing's outline, as areas of their own."""

from __future__ import annotations

from collections.abc import Callable

import skia

from training.world.canvas import Canvas
from training.world.facts import Thing
from training.world.palette import COLOURS, RGB, luminance
from training.world.shapes import bolt, box, disc, heart, inside, star

LOGO_PATHS: dict[str, Callable[[float, float, float], skia.Path]] = {
    "star": star,
    "heart": heart,
    "circle": disc,
    "bolt": bolt,
}


def _second(colour: RGB) -> RGB:
    """The pattern's colour: cream on dark things, ink on bright ones."""
    return (250, 246, 234) if luminance(colour) < 0.5 else (72, 78, 118)


def pattern(c: Canvas, path: skia.Path, kind: str, colour: RGB) -> None:
    """Stripes, dots or checks of a second colour inside a shape; nothing for ''."""
    if not kind:
        return
    bounds, shapes = path.getBounds(), skia.Path()
    left, top, wide, tall = bounds.left(), bounds.top(), bounds.width(), bounds.height()
    if kind == "striped":
        for k in range(4):
            shapes.addPath(box(left, top + tall * (0.12 + 0.24 * k), wide, tall * 0.115))
    elif kind == "dotted":
        gap = max(wide, tall) / 4.0
        rows, columns = int(tall / gap) + 2, int(wide / gap) + 2
        for row in range(rows):
            for column in range(columns):
                x = left + gap * (column + (0.5 if row % 2 else 0.0))
                shapes.addPath(disc(x, top + gap * (row + 0.4), gap * 0.24))
    else:
        cell = max(wide, tall) / 6.0
        for row in range(int(tall / cell) + 1):
            for column in range(row % 2, int(wide / cell) + 1, 2):
                shapes.addPath(box(left + cell * column, top + cell * row, cell, cell))
    c.fill(inside(shapes, path), _second(colour), 0.02, edge=False)


def logo(c: Canvas, thing: Thing, x: float, y: float, radius: float) -> None:
    """The thing's plain sign as a noun of its own, centred at x, y, if it has one."""
    if thing.logo:
        with c.layer(thing.logo, 0.78):
            c.fill(LOGO_PATHS[thing.logo](x, y, radius), COLOURS[thing.logo_colour], 0.05)
