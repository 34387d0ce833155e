"""Indoor places: a studio backdrop, a kitchen wall, a window; and the tables before them."""

from __future__ import annotations

import skia

from training.world.canvas import SIDE, Canvas, bend, box, ink, stroke
from training.world.palette import COLOURS, MARBLE, RGB, SKIES, WOOD, mix, shade

#: Colours that a wall can have; muted, so that things of the same name still stand out.
WALLS = ("blue", "teal", "pink", "yellow", "white", "green", "purple", "grey")
TABLE_TOP = 170.0


def wall_colour(name: str) -> RGB:
    """The muted wall paint of that name."""
    return mix(COLOURS[name], (240, 236, 230), 0.0 if name == "white" else 0.42)


def wall(c: Canvas, noun: str, colour: RGB) -> None:
    """The wall, lit from above its middle."""
    with c.layer(noun):
        paint = skia.Paint()
        stops = [ink(shade(colour, 0.2)), ink(shade(colour, -0.12))]
        paint.setShader(skia.GradientShader.MakeRadial((SIDE / 2, 90), 220, stops))
        c.sk.drawPaint(paint)


def kitchen(c: Canvas, colour: RGB) -> None:
    """A tiled wall with a shelf of jars; all of it is 'kitchen'."""
    wall(c, "kitchen", colour)
    with c.layer("kitchen"):
        for y in range(64, int(TABLE_TOP), 26):
            c.line(stroke((0, y), (SIDE, y)), shade(colour, 0.45), 2.0, 0.7)
            for x in range((y // 26 % 2) * 16, SIDE, 32):
                c.line(stroke((x, y), (x, y + 26)), shade(colour, 0.45), 2.0, 0.7)
        c.fill(box(-4, 46, SIDE + 8, 9), (150, 106, 70))
        for i, x in enumerate(range(18, SIDE - 20, 40)):
            jar = ((232, 220, 194), (190, 110, 76), (96, 150, 132), (222, 160, 72))[i % 4]
            tall = (30, 22, 26)[i % 3]
            c.fill(box(x, 46 - tall, 24, tall, 4), jar, 0.1)


def window(c: Canvas, colour: RGB, position: str) -> None:
    """A wall with a four-paned window."""
    wall(c, "wall", colour)
    x = {"left": 22.0, "centre": 72.0, "right": 122.0}[position]
    with c.layer("window"):
        c.fill(box(x, 16, 112, 112, 3), (250, 246, 236), 0.02)
        top, low = SKIES["day"][0]
        for i in range(2):
            for j in range(2):
                c.fill(
                    box(x + 8 + i * 50, 24 + j * 50, 46, 46, 1), top, 0.0, bottom=low, edge=False
                )


def table(c: Canvas, surface: str) -> float:
    """A table along the lower third; gives the y on which things stand."""
    wooden = surface == "wooden"
    colour = c.jitter(WOOD if wooden else MARBLE, 5)
    with c.layer("table"):
        c.fill(box(-5, TABLE_TOP, SIDE + 10, SIDE), colour, 0.06, edge=False)
        c.fill(box(-5, TABLE_TOP, SIDE + 10, 6), shade(colour, 0.3), 0.0, edge=False)
        if wooden:
            for y in (188, 210, 236):
                c.line(stroke((-5, y), (SIDE + 5, y)), shade(colour, -0.32), 2.2, 0.7)
        else:
            for y in (190, 214, 240):
                x = c.between(30, SIDE - 30)
                c.line(
                    bend((x - 60, y + 8), (x, y - 10), (x + 60, y + 2)), (158, 160, 176), 2.0, 0.6
                )
    return TABLE_TOP + 44
