"""Things that stand on a table: mug, bottle, vase, lamp, book, apple, sneaker."""

# ruff: noqa: PLR0917 - every drawing has one signature: where, how large, which colour, which way

from __future__ import annotations

import skia

from training.world.canvas import Canvas, bend, box, oval, polygon, stroke
from training.world.palette import COLOURS, RGB, mix, shade


def mug(c: Canvas, x: float, base: float, height: float, colour: RGB, mirrored: bool) -> None:
    """A mug with a broad handle, coffee at its rim."""
    h, w, s = height, height * 0.84, -1 if mirrored else 1
    c.line(
        oval(x + s * w * 0.5 - w * 0.2, base - h * 0.7, w * 0.42, h * 0.44),
        shade(colour, -0.14),
        h * 0.11,
    )
    cup = skia.Path()
    cup.moveTo(x - w * 0.5, base - h * 0.9)
    cup.lineTo(x - w * 0.44, base - h * 0.08)
    cup.quadTo(x, base + h * 0.05, x + w * 0.44, base - h * 0.08)
    cup.lineTo(x + w * 0.5, base - h * 0.9)
    cup.close()
    c.fill(cup, colour)
    c.fill(oval(x - w * 0.5, base - h, w, h * 0.2), shade(colour, 0.25), 0.04)
    c.fill(
        oval(x - w * 0.41, base - h * 0.965, w * 0.82, h * 0.135), (88, 56, 40), 0.04, edge=False
    )
    c.shine(box(x - w * 0.36, base - h * 0.74, w * 0.09, h * 0.5, w * 0.04))


def bottle(c: Canvas, x: float, base: float, height: float, colour: RGB, mirrored: bool) -> None:
    """A shouldered bottle with a cork and a cream label."""
    del mirrored
    h, w = height, height * 0.4
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
    c.fill(glass, colour)
    c.fill(box(x - w * 0.22, base - h, w * 0.44, h * 0.08, 2), (190, 146, 98))
    c.fill(
        box(x - w * 0.48, base - h * 0.4, w * 0.96, h * 0.22, 1), (248, 240, 220), 0.04, edge=False
    )
    c.shine(box(x - w * 0.38, base - h * 0.52, w * 0.12, h * 0.46, w * 0.05))


def vase(c: Canvas, x: float, base: float, height: float, colour: RGB, mirrored: bool) -> None:
    """A bellied vase with five flowers."""
    del mirrored
    h = height
    flower = COLOURS[c.rng.choice(("pink", "yellow", "white"))]
    heads = ((-0.22, 0.84), (0.22, 0.84), (0.0, 0.93), (-0.1, 0.72), (0.12, 0.7))
    for dx, dy in heads:
        stem = bend(
            (x, base - h * 0.5), (x + dx * h * 0.3, base - h * 0.6), (x + dx * h, base - dy * h)
        )
        c.line(stem, (70, 132, 70), max(1.6, h * 0.022))
    for dx, dy in heads:
        r = h * 0.085
        c.fill(oval(x + dx * h - r, base - dy * h - r, 2 * r, 2 * r), flower, 0.1)
        c.dot(x + dx * h, base - dy * h, r * 0.4, (236, 170, 60))
    w = h * 0.46
    clay = skia.Path()
    clay.moveTo(x - w * 0.28, base - h * 0.58)
    clay.cubicTo(
        x - w * 0.1, base - h * 0.44, x - w * 0.64, base - h * 0.4, x - w * 0.5, base - h * 0.2
    )
    clay.quadTo(x - w * 0.4, base, x - w * 0.24, base)
    clay.lineTo(x + w * 0.24, base)
    clay.quadTo(x + w * 0.4, base, x + w * 0.5, base - h * 0.2)
    clay.cubicTo(
        x + w * 0.64, base - h * 0.4, x + w * 0.1, base - h * 0.44, x + w * 0.28, base - h * 0.58
    )
    clay.close()
    c.fill(clay, colour)


def lamp(c: Canvas, x: float, base: float, height: float, colour: RGB, mirrored: bool) -> None:
    """A table lamp, lit: its shade carries the colour."""
    del mirrored
    h = height
    c.fill(oval(x - h * 0.2, base - h * 0.09, h * 0.4, h * 0.11), (104, 86, 72))
    c.fill(box(x - h * 0.03, base - h * 0.55, h * 0.06, h * 0.52, 1), (122, 100, 82))
    hood = polygon(
        [
            (x - h * 0.18, base - h),
            (x + h * 0.18, base - h),
            (x + h * 0.36, base - h * 0.5),
            (x - h * 0.36, base - h * 0.5),
        ]
    )
    c.fill(hood, colour, 0.14, bottom=mix(colour, (255, 232, 160), 0.35))


def book(c: Canvas, x: float, base: float, height: float, colour: RGB, mirrored: bool) -> None:
    """A standing book seen from the front, with a spine and a title plate."""
    h, w, s = height, height * 0.76, -1 if mirrored else 1
    c.fill(box(x - w * 0.5 + s * 5, base - h + 4, w, h - 4), (242, 234, 214), 0.03)
    c.fill(box(x - w * 0.5, base - h, w, h, 3), colour)
    spine = x - w * 0.5 if s > 0 else x + w * 0.36
    c.fill(box(spine, base - h, w * 0.14, h, 2), shade(colour, -0.28), 0.04, edge=False)
    plate = shade(colour, 0.62) if sum(colour) < 600 else shade(colour, -0.4)
    c.fill(box(x - w * 0.24, base - h * 0.8, w * 0.54, h * 0.2, 2), plate, 0.02, edge=False)
    c.line(
        stroke((x - w * 0.16, base - h * 0.42), (x + w * 0.22, base - h * 0.42)), plate, 2.5, 0.9
    )


def apple(c: Canvas, x: float, base: float, height: float, colour: RGB, mirrored: bool) -> None:
    """An apple with a stalk and one leaf."""
    h, s = height, -1 if mirrored else 1
    w = h * 0.98
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
    c.fill(fruit, colour)
    c.line(
        bend(
            (x, base - h * 0.76), (x + s * w * 0.02, base - h * 0.9), (x + s * w * 0.08, base - h)
        ),
        (92, 64, 46),
        max(2.0, h * 0.05),
    )
    leaf = [
        (x + s * w * 0.06, base - h * 0.9),
        (x + s * w * 0.2, base - h * 1.03),
        (x + s * w * 0.38, base - h * 0.95),
        (x + s * w * 0.2, base - h * 0.84),
    ]
    c.fill(polygon(leaf, 0.9), (92, 164, 76), 0.06)
    c.shine(oval(x - w * 0.34, base - h * 0.7, w * 0.15, h * 0.26), 0.5)


def sneaker(c: Canvas, x: float, base: float, height: float, colour: RGB, mirrored: bool) -> None:
    """A low sneaker in profile: white sole, white laces, a pale stripe."""
    w, s = height * 1.7, -1 if mirrored else 1

    def at(u: float, v: float) -> tuple[float, float]:
        return (x + s * (u - 0.5) * w, base - height + v * height)

    upper = skia.Path()
    upper.moveTo(*at(0.03, 0.1))
    upper.quadTo(*at(0.14, 0.24), *at(0.28, 0.02))
    upper.quadTo(*at(0.35, 0.0), *at(0.41, 0.12))
    upper.cubicTo(*at(0.55, 0.44), *at(0.7, 0.46), *at(0.88, 0.54))
    upper.quadTo(*at(1.0, 0.62), *at(0.99, 0.84))
    upper.lineTo(*at(0.03, 0.84))
    upper.close()
    c.fill(upper, colour)
    sole = [
        at(0.0, 0.78),
        at(1.0, 0.78),
        at(1.0, 0.93),
        at(0.97, 1.0),
        at(0.03, 1.0),
        at(0.0, 0.95),
    ]
    c.fill(polygon(sole, 0.3), (250, 248, 242), 0.03)
    pale = (250, 250, 250) if sum(colour) < 600 else shade(colour, -0.45)
    for u, v in ((0.41, 0.24), (0.49, 0.36), (0.57, 0.45)):
        c.line(stroke(at(u - 0.06, v + 0.1), at(u + 0.05, v - 0.04)), pale, max(2.0, height * 0.06))
    c.line(bend(at(0.14, 0.62), at(0.4, 0.74), at(0.56, 0.54)), pale, max(2.5, height * 0.08))
