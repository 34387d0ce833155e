"""Things that stand in the open: tree, house, boat, balloon, and the pine of the forests."""

# ruff: noqa: PLR0917 - every drawing has one signature: where, how large, which colour, which way

from __future__ import annotations

import skia

from training.world.canvas import Canvas, box, oval, polygon, stroke
from training.world.palette import RGB, contrast, mix, shade


def tree(c: Canvas, x: float, base: float, height: float, colour: RGB, mirrored: bool) -> None:
    """A round-crowned tree: three overlapping balls of leaves on a brown trunk."""
    del mirrored
    h = height
    trunk = (
        (x - h * 0.07, base),
        (x - h * 0.04, base - h * 0.5),
        (x + h * 0.04, base - h * 0.5),
        (x + h * 0.07, base),
    )
    c.fill(polygon(trunk), (112, 76, 52))
    for dx, dy, r, tone in ((-0.2, 0.5, 0.23, -0.08), (0.2, 0.5, 0.23, -0.08), (0, 0.7, 0.3, 0.04)):
        ball = oval(x + (dx - r) * h, base - (dy + r) * h, 2 * r * h, 2 * r * h)
        c.fill(ball, shade(colour, tone), 0.14)


def pine(c: Canvas, x: float, base: float, height: float, colour: RGB, edge: bool) -> None:
    """A pine of three triangles, as the misty forest repeats it."""
    for i in range(3):
        y = base - height * (0.04 + 0.27 * i)
        half = height * (0.25 - 0.055 * i)
        tip = ((x - half, y), (x + half, y), (x, y - height * 0.42))
        c.fill(polygon(tip), shade(colour, 0.03 * i), 0.04, edge=edge)


def house(c: Canvas, x: float, base: float, height: float, colour: RGB, mirrored: bool) -> None:
    """A cottage: coloured walls, dark roof, door and two lit windows."""
    h = height
    side = -1 if mirrored else 1
    c.fill(box(x + side * 0.2 * h - 0.06 * h, base - 0.98 * h, 0.12 * h, 0.34 * h), (140, 84, 74))
    c.fill(box(x - 0.44 * h, base - 0.56 * h, 0.88 * h, 0.56 * h), colour, 0.08)
    roof: RGB = (112, 56, 54)
    if contrast(roof, colour) < 0.3:
        roof = (70, 72, 96)
    c.fill(
        polygon([(x - 0.56 * h, base - 0.53 * h), (x, base - h), (x + 0.56 * h, base - 0.53 * h)]),
        roof,
        0.12,
    )
    c.fill(box(x - 0.09 * h, base - 0.34 * h, 0.18 * h, 0.34 * h, 2), (84, 56, 46), 0.08)
    for dx in (-0.28, 0.28):
        c.fill(
            box(x + (dx - 0.085) * h, base - 0.42 * h, 0.17 * h, 0.18 * h, 1.5),
            (255, 226, 140),
            0.06,
        )


def boat(c: Canvas, x: float, base: float, height: float, colour: RGB, mirrored: bool) -> None:
    """A sailing boat: coloured hull, two cream sails."""
    h = height
    s = -1 if mirrored else 1
    c.line(stroke((x, base - h * 0.2), (x, base - h)), (96, 70, 56), max(2.0, h * 0.035))
    sail = (
        (x + s * h * 0.03, base - h * 0.98),
        (x + s * h * 0.46, base - h * 0.3),
        (x + s * h * 0.03, base - h * 0.3),
    )
    jib = (
        (x - s * h * 0.03, base - h * 0.86),
        (x - s * h * 0.32, base - h * 0.3),
        (x - s * h * 0.03, base - h * 0.3),
    )
    c.fill(polygon(sail), (250, 246, 234), 0.04)
    c.fill(polygon(jib), (238, 228, 208), 0.04)
    hull = skia.Path()
    hull.moveTo(x - h * 0.52, base - h * 0.25)
    hull.lineTo(x + h * 0.52, base - h * 0.25)
    hull.quadTo(x + h * 0.4, base, x + h * 0.26, base)
    hull.lineTo(x - h * 0.26, base)
    hull.quadTo(x - h * 0.4, base, x - h * 0.52, base - h * 0.25)
    hull.close()
    c.fill(hull, colour)


def balloon(c: Canvas, x: float, base: float, height: float, colour: RGB, mirrored: bool) -> None:
    """A hot-air balloon with a pale stripe and a basket."""
    del mirrored
    h, w, top = height, height * 0.72, base - height
    bag = skia.Path()
    bag.moveTo(x, top)
    bag.cubicTo(x + w * 0.7, top, x + w * 0.64, top + h * 0.48, x + w * 0.13, top + h * 0.76)
    bag.lineTo(x - w * 0.13, top + h * 0.76)
    bag.cubicTo(x - w * 0.64, top + h * 0.48, x - w * 0.7, top, x, top)
    bag.close()
    c.fill(bag, colour)
    stripe = skia.Path()
    stripe.moveTo(x, top)
    stripe.cubicTo(
        x + w * 0.28, top + h * 0.1, x + w * 0.25, top + h * 0.5, x + w * 0.05, top + h * 0.76
    )
    stripe.lineTo(x - w * 0.05, top + h * 0.76)
    stripe.cubicTo(x - w * 0.25, top + h * 0.5, x - w * 0.28, top + h * 0.1, x, top)
    stripe.close()
    pale = mix(colour, (255, 250, 240), 0.6) if sum(colour) < 600 else shade(colour, -0.25)
    c.fill(stripe, pale, 0.06, edge=False)
    for s in (-1, 1):
        rope = stroke((x + s * w * 0.12, top + h * 0.76), (x + s * w * 0.1, top + h * 0.88))
        c.line(rope, (80, 60, 50), 1.6)
    c.fill(box(x - w * 0.15, top + h * 0.86, w * 0.3, h * 0.14, 2), (150, 104, 64))
