"""Things that stand in the open: tree, house, boat, balloon, and the pine of the forests."""

from __future__ import annotations

import skia

from training.world.canvas import Canvas
from training.world.facts import Thing
from training.world.palette import RGB, contrast, mix, shade
from training.world.shapes import box, disc, polygon, stroke
from training.world.signs import pattern
from training.world.spot import Spot

GLASS: RGB = (255, 226, 140)


def tree(c: Canvas, s: Spot, thing: Thing, colour: RGB) -> None:
    """A round-crowned tree: three overlapping balls of leaves on a brown trunk."""
    h = s.height
    trunk = [s.at(-0.07, 1.0), s.at(-0.04, 0.5), s.at(0.04, 0.5), s.at(0.07, 1.0)]
    with c.layer(thing.noun):
        c.fill(polygon(trunk), (112, 76, 52))
        for u, v, r, tone in (
            (-0.2, 0.5, 0.23, -0.08),
            (0.2, 0.5, 0.23, -0.08),
            (0.0, 0.3, 0.3, 0.04),
        ):
            c.fill(disc(*s.at(u, v), r * h), shade(colour, tone), 0.14)


def pine(c: Canvas, x: float, base: float, height: float, colour: RGB, *, edge: bool) -> None:
    """A pine of three triangles, as the misty forest repeats it."""
    for i in range(3):
        y = base - height * (0.04 + 0.27 * i)
        half = height * (0.25 - 0.055 * i)
        tip = ((x - half, y), (x + half, y), (x, y - height * 0.42))
        c.fill(polygon(tip), shade(colour, 0.03 * i), 0.04, edge=edge)


def house(c: Canvas, s: Spot, thing: Thing, colour: RGB) -> None:
    """A cottage: coloured walls, dark roof, door and two lit windows."""
    h, x, base = s.height, s.x, s.base
    roof: RGB = (112, 56, 54)
    if contrast(roof, colour) < 0.3:
        roof = (70, 72, 96)
    with c.layer(thing.noun):
        c.fill(box(x + s.sign * 0.2 * h - 0.06 * h, base - 0.98 * h, 0.12 * h, 0.34 * h), roof)
        c.fill(box(x - 0.44 * h, base - 0.56 * h, 0.88 * h, 0.56 * h), colour, 0.08)
        gable = [(x - 0.56 * h, base - 0.53 * h), (x, base - h), (x + 0.56 * h, base - 0.53 * h)]
        c.fill(polygon(gable), roof, 0.12)
        c.fill(box(x - 0.1 * h, base - 0.36 * h, 0.2 * h, 0.36 * h, 2), (84, 56, 46), 0.08)
        for u in (-0.28, 0.28):
            pane = box(x + (u - 0.095) * h, base - 0.44 * h, 0.19 * h, 0.2 * h, 1.5)
            c.fill(pane, GLASS, 0.06)


def boat(c: Canvas, s: Spot, thing: Thing, colour: RGB) -> None:
    """A sailing boat: coloured hull, two cream sails."""
    h, x, base = s.height, s.x, s.base
    hull = skia.Path()
    hull.moveTo(x - h * 0.52, base - h * 0.27)
    hull.lineTo(x + h * 0.52, base - h * 0.27)
    hull.quadTo(x + h * 0.4, base, x + h * 0.26, base)
    hull.lineTo(x - h * 0.26, base)
    hull.quadTo(x - h * 0.4, base, x - h * 0.52, base - h * 0.27)
    hull.close()
    with c.layer(thing.noun):
        c.line(stroke((x, base - h * 0.2), (x, base - h)), (96, 70, 56), max(2.0, h * 0.035))
        sail = polygon([s.at(0.03, 0.02), s.at(0.46, 0.7), s.at(0.03, 0.7)])
        c.fill(sail, (250, 246, 234), 0.04)
        jib = polygon([s.at(-0.03, 0.14), s.at(-0.32, 0.7), s.at(-0.03, 0.7)])
        c.fill(jib, (238, 228, 208), 0.04)
        c.fill(hull, colour)


def balloon(c: Canvas, s: Spot, thing: Thing, colour: RGB) -> None:
    """A hot-air balloon with a pale stripe (or a pattern) and a basket."""
    x, h = s.x, s.height
    w, top = h * 0.72, s.base - s.height
    bag = skia.Path()
    bag.moveTo(x, top)
    bag.cubicTo(x + w * 0.7, top, x + w * 0.64, top + h * 0.48, x + w * 0.13, top + h * 0.76)
    bag.lineTo(x - w * 0.13, top + h * 0.76)
    bag.cubicTo(x - w * 0.64, top + h * 0.48, x - w * 0.7, top, x, top)
    bag.close()
    stripe = skia.Path()
    stripe.moveTo(x, top)
    stripe.cubicTo(
        x + w * 0.28, top + h * 0.1, x + w * 0.25, top + h * 0.5, x + w * 0.05, top + h * 0.76
    )
    stripe.lineTo(x - w * 0.05, top + h * 0.76)
    stripe.cubicTo(x - w * 0.25, top + h * 0.5, x - w * 0.28, top + h * 0.1, x, top)
    stripe.close()
    pale = mix(colour, (255, 250, 240), 0.6) if sum(colour) < 600 else shade(colour, -0.25)
    with c.layer(thing.noun, 0.6):
        for side in (-1, 1):
            rope = stroke(
                (x + side * w * 0.12, top + h * 0.76), (x + side * w * 0.1, top + h * 0.88)
            )
            c.line(rope, (80, 60, 50), 1.8)
        c.fill(bag, colour)
        if thing.pattern:
            pattern(c, bag, thing.pattern, colour)
        else:
            c.fill(stripe, pale, 0.06, edge=False)
        c.fill(box(x - w * 0.15, top + h * 0.86, w * 0.3, h * 0.14, 2), (150, 104, 64))
