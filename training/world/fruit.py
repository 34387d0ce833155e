"""Fruit: apple, pear, lemon, orange."""

from __future__ import annotations

import skia

from training.world.canvas import Canvas
from training.world.facts import Thing
from training.world.palette import RGB, shade
from training.world.shapes import bend, disc, oval, polygon
from training.world.spot import Spot

LEAF: RGB = (92, 164, 76)
STALK: RGB = (92, 64, 46)


def _leaf(c: Canvas, s: Spot, u: float, v: float) -> None:
    """One leaf that points away from the stalk at (u, v)."""
    outline = ((0.0, 0.0), (0.15, -0.13), (0.33, -0.05), (0.15, 0.06))
    c.fill(polygon([s.at(u + a, v + b) for a, b in outline], 0.9), LEAF, 0.06)


def apple(c: Canvas, s: Spot, thing: Thing, colour: RGB) -> None:
    """An apple with a stalk and one leaf."""
    h, w, x, base = s.height, s.height * 0.98, s.x, s.base
    fruit = skia.Path()
    fruit.moveTo(x, base - h * 0.78)
    fruit.cubicTo(
        x + w * 0.2, base - h * 0.95, x + w * 0.56, base - h * 0.82, x + w * 0.5, base - h * 0.42
    )
    fruit.cubicTo(x + w * 0.42, base - h * 0.05, x + w * 0.2, base + h * 0.02, x, base - h * 0.03)
    fruit.cubicTo(
        x - w * 0.2, base + h * 0.02, x - w * 0.42, base - h * 0.05, x - w * 0.5, base - h * 0.42
    )
    fruit.cubicTo(x - w * 0.56, base - h * 0.82, x - w * 0.2, base - h * 0.95, x, base - h * 0.78)
    fruit.close()
    with c.layer(thing.noun):
        c.fill(fruit, colour)
        stalk = bend(s.at(0.0, 0.24), s.at(0.02, 0.1), s.at(0.08, 0.0))
        c.line(stalk, STALK, max(2.4, h * 0.055))
        _leaf(c, s, 0.05, 0.1)
        c.shine(oval(x - w * 0.34, base - h * 0.7, w * 0.15, h * 0.26), 0.5)


def pear(c: Canvas, s: Spot, thing: Thing, colour: RGB) -> None:
    """A pear: narrow above, round below."""
    h, x, base = s.height, s.x, s.base
    outline = (
        (0.0, 0.12),
        (0.14, 0.2),
        (0.17, 0.4),
        (0.36, 0.64),
        (0.33, 0.9),
        (0.12, 1.0),
        (-0.12, 1.0),
        (-0.33, 0.9),
        (-0.36, 0.64),
        (-0.17, 0.4),
        (-0.14, 0.2),
    )
    with c.layer(thing.noun):
        c.fill(polygon([s.at(u, v) for u, v in outline], 1.0), colour)
        c.line(bend(s.at(0.0, 0.14), s.at(0.0, 0.06), s.at(0.06, 0.0)), STALK, max(2.4, h * 0.045))
        _leaf(c, s, 0.04, 0.1)
        c.shine(oval(x - h * 0.24, base - h * 0.44, h * 0.1, h * 0.22), 0.45)


def lemon(c: Canvas, s: Spot, thing: Thing, colour: RGB) -> None:
    """A lemon lying on its side, pointed at both ends."""
    h, x, base = s.height, s.x, s.base
    outline = (
        (-0.72, 0.58),
        (-0.56, 0.44),
        (-0.34, 0.22),
        (0.0, 0.14),
        (0.34, 0.22),
        (0.56, 0.44),
        (0.72, 0.52),
        (0.58, 0.68),
        (0.34, 0.92),
        (0.0, 1.0),
        (-0.34, 0.92),
        (-0.56, 0.7),
    )
    with c.layer(thing.noun):
        c.fill(polygon([s.at(u, v) for u, v in outline], 0.9), colour, 0.16)
        _leaf(c, s, 0.3, 0.2)
        c.shine(oval(x - h * 0.4, base - h * 0.74, h * 0.26, h * 0.14), 0.5)


def orange(c: Canvas, s: Spot, thing: Thing, colour: RGB) -> None:
    """An orange: round, a green star where the stalk was."""
    h = s.height
    with c.layer(thing.noun):
        c.fill(disc(*s.at(0.0, 0.54), h * 0.47), colour, 0.14)
        c.dot(*s.at(0.02, 0.15), h * 0.07, shade(LEAF, -0.2))
        _leaf(c, s, 0.03, 0.13)
        for u, v in ((-0.2, 0.7), (0.05, 0.78), (0.24, 0.6)):
            c.dot(*s.at(u, v), h * 0.022, shade(colour, -0.22), 0.6)
        c.shine(disc(*s.at(-0.18, 0.36), h * 0.09), 0.5)
