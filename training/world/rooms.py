"""Indoor places: a studio backdrop, a kitchen wall, a window; and the tables before them."""

from __future__ import annotations

import skia

from training.world.canvas import Canvas, ink
from training.world.palette import COLOURS, MARBLE, RGB, SKIES, WOOD, mix, shade
from training.world.shapes import SIDE, bend, box, stroke

#: Colours that a wall can have; muted, so that things of the same name still stand out.
WALLS = ("blue", "teal", "pink", "yellow", "white", "green", "purple", "grey")
TABLE_TOP = 170.0
#: Where things stand on a studio sweep, and where its wall turns into its floor.
SWEEP_GROUND, SWEEP_TURN = 222.0, 176.0
#: Light at the middle and at the edge of a wall, and how far it reaches (pixels).
LIGHTING = {"soft": (0.26, -0.04, 260.0), "hard": (0.34, -0.3, 170.0), "": (0.2, -0.12, 220.0)}


def wall_colour(name: str) -> RGB:
    """The muted wall paint of that name."""
    return mix(COLOURS[name], (240, 236, 230), 0.0 if name == "white" else 0.42)


def wall(c: Canvas, noun: str, colour: RGB, lighting: str) -> None:
    """The wall, lit from above its middle."""
    centre, edge, reach = LIGHTING[lighting]
    with c.layer(noun, 0.15):
        c.lit(shade(colour, centre), shade(colour, edge), reach)


def sweep(c: Canvas, colour: RGB, lighting: str) -> float:
    """A studio sweep: paper that curves from wall to floor; gives the y on which things stand."""
    wall(c, "backdrop", colour, lighting)
    with c.layer("backdrop", (0.2, 0.95)):
        paint = skia.Paint()
        floor, ends = shade(colour, 0.32), [(0, SWEEP_TURN - 18), (0, SWEEP_TURN + 30)]
        stops = [ink(floor, 0.0), ink(floor, 0.85)]
        paint.setShader(skia.GradientShader.MakeLinear(ends, stops))
        c.sk.drawRect(skia.Rect.MakeLTRB(0, SWEEP_TURN - 18, SIDE, SIDE), paint)
        c.mark(box(-9, SWEEP_TURN, SIDE + 18, SIDE), bold=False)
    return SWEEP_GROUND


def kitchen(c: Canvas, colour: RGB, lighting: str) -> None:
    """A tiled wall with a shelf of jars; all of it is 'kitchen'."""
    wall(c, "kitchen", colour, lighting)
    with c.layer("kitchen", 0.17):
        for y in range(64, int(TABLE_TOP), 26):
            c.line(stroke((0, y), (SIDE, y)), shade(colour, 0.45), 2.2, 0.75)
            for x in range((y // 26 % 2) * 16, SIDE, 32):
                c.line(stroke((x, y), (x, y + 26)), shade(colour, 0.45), 2.2, 0.75)
        c.fill(box(-4, 46, SIDE + 8, 9), (150, 106, 70))
        for i, x in enumerate(range(18, SIDE - 20, 40)):
            jar = ((232, 220, 194), (190, 110, 76), (96, 150, 132), (222, 160, 72))[i % 4]
            tall = (30, 22, 26)[i % 3]
            c.fill(box(x, 46 - tall, 24, tall, 4), jar, 0.1)


def window(c: Canvas, colour: RGB, position: str, lighting: str) -> None:
    """A wall with a four-paned window."""
    wall(c, "wall", colour, lighting)
    x = {"left": 22.0, "centre": 72.0, "right": 122.0}[position]
    with c.layer("window", 0.17):
        c.fill(box(x, 16, 112, 112, 3), (250, 246, 236), 0.02)
        top, low = SKIES["day"][0]
        for i in range(2):
            for j in range(2):
                pane = box(x + 8 + i * 50, 24 + j * 50, 46, 46, 1)
                c.fill(pane, top, 0.0, bottom=low, edge=False)


def table(c: Canvas, surface: str) -> float:
    """A table along the lower third; gives the y on which things stand."""
    wooden = surface == "wooden"
    colour = c.jitter(WOOD if wooden else MARBLE, 5)
    with c.layer("table", (0.4, 0.95)):
        c.fill(box(-5, TABLE_TOP, SIDE + 10, SIDE), colour, 0.06, edge=False)
        c.fill(box(-5, TABLE_TOP, SIDE + 10, 6), shade(colour, 0.3), 0.0, edge=False)
        if wooden:
            for y in (188, 210, 236):
                c.line(stroke((-5, y), (SIDE + 5, y)), shade(colour, -0.32), 2.2, 0.7)
        else:
            for y in (190, 214, 240):
                x = c.between(30, SIDE - 30)
                vein = bend((x - 60, y + 8), (x, y - 10), (x + 60, y + 2))
                c.line(vein, (158, 160, 176), 2.0, 0.6)
    return TABLE_TOP + 44
