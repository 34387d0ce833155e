"""Things that stand on a table: mug, bottle, vase, lamp, book."""

from __future__ import annotations

import skia

from training.world.canvas import Canvas
from training.world.facts import Thing
from training.world.palette import COLOURS, RGB, mix, shade
from training.world.shapes import bend, box, disc, oval, polygon, stroke
from training.world.signs import logo, pattern
from training.world.spot import Spot


def mug(c: Canvas, s: Spot, thing: Thing, colour: RGB) -> None:
    """A mug with a broad handle, coffee at its rim."""
    h, w, x, base = s.height, s.height * 0.8, s.x - s.sign * s.height * 0.12, s.base
    cup = skia.Path()
    cup.moveTo(x - w * 0.5, base - h * 0.9)
    cup.lineTo(x - w * 0.44, base - h * 0.08)
    cup.quadTo(x, base + h * 0.05, x + w * 0.44, base - h * 0.08)
    cup.lineTo(x + w * 0.5, base - h * 0.9)
    cup.close()
    with c.layer(thing.noun):
        ear = disc(x + s.sign * w * 0.5, base - h * 0.48, w * 0.32, h * 0.26)
        c.line(ear, shade(colour, -0.14), h * 0.13)
        c.fill(cup, colour)
        pattern(c, cup, thing.pattern, colour)
        c.fill(oval(x - w * 0.5, base - h, w, h * 0.2), shade(colour, 0.25), 0.04)
        coffee = oval(x - w * 0.41, base - h * 0.965, w * 0.82, h * 0.135)
        c.fill(coffee, (88, 56, 40), 0.04, edge=False)
        if not thing.logo and not thing.pattern:
            c.shine(box(x - w * 0.36, base - h * 0.74, w * 0.09, h * 0.5, w * 0.04))
    logo(c, thing, x, base - h * 0.42, h * 0.24)


def bottle(c: Canvas, s: Spot, thing: Thing, colour: RGB) -> None:
    """A shouldered bottle with a cork and a cream label, or a logo in its place."""
    h, w, x, base = s.height, s.height * 0.4, s.x, s.base
    glass = skia.Path()
    glass.moveTo(x - w * 0.18, base - h * 0.97)
    glass.lineTo(x - w * 0.18, base - h * 0.72)
    glass.cubicTo(
        x - w * 0.18, base - h * 0.62, x - w * 0.5, base - h * 0.62, x - w * 0.5, base - h * 0.48
    )
    glass.lineTo(x - w * 0.5, base)
    glass.lineTo(x + w * 0.5, base)
    glass.lineTo(x + w * 0.5, base - h * 0.48)
    glass.cubicTo(
        x + w * 0.5, base - h * 0.62, x + w * 0.18, base - h * 0.62, x + w * 0.18, base - h * 0.72
    )
    glass.lineTo(x + w * 0.18, base - h * 0.97)
    glass.close()
    with c.layer(thing.noun):
        c.fill(glass, colour)
        c.fill(box(x - w * 0.24, base - h, w * 0.48, h * 0.09, 2), (190, 146, 98))
        if not thing.logo:
            label = box(x - w * 0.49, base - h * 0.4, w * 0.98, h * 0.24, 1)
            c.fill(label, (248, 240, 220), 0.04, edge=False)
            c.shine(box(x - w * 0.38, base - h * 0.52, w * 0.12, h * 0.46, w * 0.05))
    logo(c, thing, x, base - h * 0.26, h * 0.16)


def vase(c: Canvas, s: Spot, thing: Thing, colour: RGB) -> None:
    """A bellied vase with three large flowers."""
    h, x, base = s.height, s.x, s.base
    flower = COLOURS[c.rng.choice(("pink", "yellow", "white"))]
    heads = ((-0.25, 0.8), (0.25, 0.8), (0.0, 0.89))
    w = h * 0.5
    clay = skia.Path()
    clay.moveTo(x - w * 0.3, base - h * 0.58)
    clay.cubicTo(
        x - w * 0.1, base - h * 0.44, x - w * 0.64, base - h * 0.4, x - w * 0.5, base - h * 0.2
    )
    clay.quadTo(x - w * 0.4, base, x - w * 0.24, base)
    clay.lineTo(x + w * 0.24, base)
    clay.quadTo(x + w * 0.4, base, x + w * 0.5, base - h * 0.2)
    clay.cubicTo(
        x + w * 0.64, base - h * 0.4, x + w * 0.1, base - h * 0.44, x + w * 0.3, base - h * 0.58
    )
    clay.close()
    with c.layer(thing.noun):
        for u, v in heads:
            stem = bend(
                (x, base - h * 0.5), (x + u * h * 0.3, base - h * 0.6), (x + u * h, base - v * h)
            )
            c.line(stem, (70, 132, 70), max(2.0, h * 0.03))
        for u, v in heads:
            c.fill(disc(x + u * h, base - v * h, h * 0.12), flower, 0.1)
            c.dot(x + u * h, base - v * h, h * 0.05, (236, 150, 50))
        c.fill(clay, colour)


def lamp(c: Canvas, s: Spot, thing: Thing, colour: RGB) -> None:
    """A table lamp, lit: its shade carries the colour."""
    h, x, base = s.height, s.x, s.base
    hood = polygon([s.at(-0.2, 0.0), s.at(0.2, 0.0), s.at(0.38, 0.54), s.at(-0.38, 0.54)])
    with c.layer(thing.noun):
        c.fill(oval(x - h * 0.22, base - h * 0.1, h * 0.44, h * 0.12), (104, 86, 72))
        c.fill(box(x - h * 0.035, base - h * 0.55, h * 0.07, h * 0.5, 1), (122, 100, 82))
        c.fill(hood, colour, 0.14, bottom=mix(colour, (255, 232, 160), 0.35))


def book(c: Canvas, s: Spot, thing: Thing, colour: RGB) -> None:
    """A standing book seen from the front, with a spine and a title plate."""
    h, w, x, base = s.height, s.height * 0.76, s.x, s.base
    plate = shade(colour, 0.62) if sum(colour) < 600 else shade(colour, -0.4)
    spine = x - w * 0.5 if s.sign > 0 else x + w * 0.36
    with c.layer(thing.noun):
        c.fill(box(x - w * 0.5 + s.sign * 6, base - h + 4, w, h - 4), (242, 234, 214), 0.03)
        c.fill(box(x - w * 0.5, base - h, w, h, 3), colour)
        c.fill(box(spine, base - h, w * 0.14, h, 2), shade(colour, -0.28), 0.04, edge=False)
        c.fill(box(x - w * 0.26, base - h * 0.8, w * 0.54, h * 0.22, 2), plate, 0.02, edge=False)
        under = stroke((x - w * 0.16, base - h * 0.4), (x + w * 0.22, base - h * 0.4))
        c.line(under, plate, 3.0, 0.9)
