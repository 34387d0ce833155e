"""Product shots of clothes: sneaker, t-shirt, bag."""

from __future__ import annotations

import skia

from training.world.canvas import Canvas
from training.world.facts import Thing
from training.world.palette import RGB, shade
from training.world.shapes import bend, polygon, stroke
from training.world.signs import logo, pattern
from training.world.spot import Spot


def sneaker(c: Canvas, s: Spot, thing: Thing, colour: RGB) -> None:
    """A sneaker in profile: thick white sole, white toe cap, three white laces, a heel tab."""
    h = s.height

    def at(u: float, v: float) -> tuple[float, float]:
        """u: 0 heel to 1 toe; v: 0 top to 1 sole."""
        return s.at((u - 0.5) * 1.7, v)

    upper = skia.Path()
    upper.moveTo(*at(0.04, 0.06))
    upper.cubicTo(*at(0.1, 0.22), *at(0.2, 0.22), *at(0.3, 0.0))
    upper.lineTo(*at(0.42, 0.04))
    upper.cubicTo(*at(0.5, 0.34), *at(0.66, 0.44), *at(0.84, 0.5))
    upper.quadTo(*at(1.0, 0.58), *at(0.99, 0.82))
    upper.lineTo(*at(0.03, 0.82))
    upper.close()
    toe = skia.Path()
    toe.moveTo(*at(0.78, 0.48))
    toe.quadTo(*at(1.02, 0.56), *at(0.99, 0.82))
    toe.lineTo(*at(0.74, 0.82))
    toe.quadTo(*at(0.72, 0.6), *at(0.78, 0.48))
    toe.close()
    sole = [
        at(-0.01, 0.76),
        at(1.01, 0.76),
        at(1.01, 0.94),
        at(0.97, 1.0),
        at(0.03, 1.0),
        at(-0.01, 0.94),
    ]
    pale = (250, 250, 250) if sum(colour) < 600 else (70, 74, 96)
    with c.layer(thing.noun):
        c.fill(upper, colour, 0.1)
        c.fill(toe, (244, 242, 236) if sum(colour) < 600 else shade(colour, -0.2), 0.03)
        for u, v in ((0.39, 0.2), (0.49, 0.34), (0.6, 0.44)):
            c.line(
                stroke(at(u - 0.07, v + 0.14), at(u + 0.05, v - 0.05)), pale, max(3.0, h * 0.075)
            )
        c.line(stroke(at(0.07, 0.3), at(0.07, 0.7)), shade(colour, -0.3), max(3.0, h * 0.08))
        c.fill(polygon(sole, 0.3), (250, 248, 242), 0.03)
        c.line(stroke(at(0.03, 0.87), at(0.97, 0.87)), (190, 188, 190), max(1.6, h * 0.03))


def tshirt(c: Canvas, s: Spot, thing: Thing, colour: RGB) -> None:
    """A t-shirt laid flat, seen from the front."""
    outline = (
        (-0.16, 0.02),
        (-0.3, 0.06),
        (-0.54, 0.26),
        (-0.42, 0.44),
        (-0.29, 0.36),
        (-0.29, 1.0),
        (0.29, 1.0),
        (0.29, 0.36),
        (0.42, 0.44),
        (0.54, 0.26),
        (0.3, 0.06),
        (0.16, 0.02),
        (0.0, 0.12),
    )
    cloth = polygon([s.at(u, v) for u, v in outline], 0.12)
    with c.layer(thing.noun):
        c.fill(cloth, colour, 0.08)
        pattern(c, cloth, thing.pattern, colour)
        collar = bend(s.at(-0.16, 0.03), s.at(0.0, 0.24), s.at(0.16, 0.03))
        c.line(collar, shade(colour, -0.3), max(3.0, s.height * 0.035))
        for side in (-1, 1):
            seam = stroke(s.at(side * 0.29, 0.34), s.at(side * 0.27, 0.2))
            c.line(seam, shade(colour, -0.26), max(2.0, s.height * 0.018))
    logo(c, thing, *s.at(0.0, 0.5), s.height * 0.17)


def bag(c: Canvas, s: Spot, thing: Thing, colour: RGB) -> None:
    """A tote bag with two handles."""
    body = polygon([s.at(-0.36, 0.36), s.at(0.36, 0.36), s.at(0.41, 1.0), s.at(-0.41, 1.0)], 0.06)
    with c.layer(thing.noun):
        grip = skia.Path()
        grip.moveTo(*s.at(-0.18, 0.42))
        grip.cubicTo(*s.at(-0.18, -0.1), *s.at(0.18, -0.1), *s.at(0.18, 0.42))
        c.line(grip, shade(colour, -0.22), s.height * 0.06)
        c.fill(body, colour, 0.08)
        pattern(c, body, thing.pattern, colour)
        c.line(stroke(s.at(-0.355, 0.4), s.at(0.355, 0.4)), shade(colour, -0.25), s.height * 0.03)
    logo(c, thing, *s.at(0.0, 0.7), s.height * 0.17)
