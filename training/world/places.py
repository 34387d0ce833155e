"""Outdoor places. Each draws from the horizon down and says how high things stand in it."""

from __future__ import annotations

from collections.abc import Callable

import skia

from training.world.canvas import Canvas
from training.world.outdoors import pine
from training.world.palette import RGB, land, mix, shade
from training.world.shapes import SIDE, bend, box, polygon
from training.world.sky import HORIZON


def _ground(c: Canvas, top: float, colour: RGB) -> None:
    """A gently curved strip of ground down to the lower edge."""
    path = polygon(
        [
            (-40, top + 6),
            (SIDE * 0.4, top - 4),
            (SIDE + 40, top + 6),
            (SIDE + 40, SIDE + 40),
            (-40, SIDE + 40),
        ],
        0.4,
    )
    with c.layer("ground", (0.4, 0.95)):
        c.fill(path, colour, 0.06, edge=False)


def forest(c: Canvas, air: RGB, time: str) -> float:
    """Misty forest: three rows of pines, each paler with distance, mist at their feet."""
    fog = mix(air, (226, 234, 240), {"sunset": 0.3, "night": 0.42}.get(time, 0.5))
    green = land((40, 92, 76), time)
    with c.layer("forest", 0.25):
        for row in range(3):
            base = HORIZON - 6 + row * 22
            colour = mix(green, fog, 0.62 - 0.3 * row)
            step = (26, 32, 40)[row]
            x = -8 + c.between(0, step)
            while x < SIDE + 16:
                tall = (78, 92, 108)[row] * c.between(0.85, 1.1)
                pine(c, x, base + 8, tall, colour, edge=row == 2)
                x += step * c.between(0.9, 1.1)
            c.band(base - 36, base + 24, fog, 0.8)
            below = polygon([(-5, base + 6), (SIDE + 5, base + 6), (SIDE + 5, SIDE), (-5, SIDE)])
            c.fill(below, mix(green, fog, 0.75), 0.0, edge=False)
    # Pale ground: whatever stands before the forest, dark or bright, must stand out.
    _ground(c, HORIZON + 44, mix(land((104, 138, 116), time), fog, 0.5))
    return HORIZON + 72


def mountains(c: Canvas, air: RGB, time: str) -> float:
    """Two ranges of peaks with snow, over a green plain."""
    rock, snow = land((88, 102, 140), time), mix(land((246, 248, 252), time), (255, 255, 255), 0.3)
    with c.layer("mountains", 0.12):
        for row, (top, half, peaks) in enumerate(((74, 74, (34, 128, 222)), (100, 62, (80, 178)))):
            colour = mix(rock, air, 0.4 - 0.3 * row)
            for centre in peaks:
                x, y = centre + c.between(-14, 14), top + c.between(-8, 8)
                foot = HORIZON + 26
                c.fill(polygon([(x - half, foot), (x, y), (x + half, foot)]), colour, 0.08)
                q = 0.32
                cap = [
                    (x, y),
                    (x + half * q, y + (foot - y) * q),
                    (x + half * 0.1, y + (foot - y) * 0.22),
                    (x - half * 0.08, y + (foot - y) * 0.34),
                    (x - half * q, y + (foot - y) * q),
                ]
                c.fill(polygon(cap), snow, 0.0, edge=False)
    _ground(c, HORIZON + 22, land((120, 160, 104), time))
    return HORIZON + 62


def sea(c: Canvas, air: RGB, time: str) -> float:
    """A calm sea with short waves."""
    water = mix(land((44, 130, 180), time), air, 0.12)
    with c.layer("sea", (0.1, 0.95)):
        c.fill(
            box(-5, HORIZON - 4, SIDE + 10, SIDE),
            water,
            0.14,
            bottom=shade(water, -0.22),
            edge=False,
        )
        for _ in range(14):
            y = HORIZON + 6 + (SIDE - HORIZON) * c.rng.random()
            x, w = c.between(0, SIDE), 10 + 0.25 * (y - HORIZON)
            crest = mix(shade(water, 0.3), air, 0.4)
            c.line(bend((x - w, y), (x, y - 4), (x + w, y)), crest, 2.2, 0.65)
    return HORIZON + 52


def _dune(y: float, left: float, crest: float, drop: float) -> skia.Path:
    """One dune: rises from the left edge to a crest, falls to the right edge."""
    path = skia.Path()
    path.moveTo(-5, y + left)
    path.cubicTo(crest * 0.5, y - 6, crest - 30, y - drop, crest, y - drop)
    path.cubicTo(crest + 50, y - drop, SIDE - 60, y + 10, SIDE + 5, y + 12)
    path.lineTo(SIDE + 5, SIDE + 5)
    path.lineTo(-5, SIDE + 5)
    path.close()
    return path


def desert(c: Canvas, air: RGB, time: str) -> float:
    """Three dunes of sand."""
    with c.layer("desert", (0.15, 0.95)):
        for row in range(3):
            sand = mix(shade(land((238, 186, 112), time), -0.05 * row), air, 0.24 - 0.1 * row)
            crest = (190, 70, 160)[row] + c.between(-24, 24)
            c.fill(_dune(HORIZON + row * 26, 10, crest, 24 - 4 * row), sand, 0.1)
    return HORIZON + 64


def city(c: Canvas, air: RGB, time: str) -> float:
    """A skyline of two rows of towers with windows, a street below."""
    stone = land((84, 94, 128), time)
    with c.layer("city", 0.2):
        for row in range(2):
            colour = mix(stone, air, 0.42 - 0.32 * row)
            x, lit = (
                -8.0 - c.between(0, 16),
                (255, 220, 136) if time in ("sunset", "night") else shade(colour, 0.5),
            )
            while x < SIDE:
                w, h = c.between(30, 40), c.between(60, 124) * (1 - 0.3 * row)
                top = HORIZON + 18 - h
                c.fill(box(x, top, w, h + 30), colour, 0.06)
                if row:
                    for wy in range(int(top + 8), int(HORIZON + 10), 14):
                        for wx in range(int(x + 6), int(x + w - 8), 11):
                            if c.rng.random() < 0.6:
                                c.fill(box(wx, wy, 5, 7), lit, 0.0, edge=False)
                x += w + 2
    _ground(c, HORIZON + 26, land((136, 138, 148), time))
    return HORIZON + 62


def hills(c: Canvas, air: RGB, time: str) -> float:
    """Three rounded green hills."""
    with c.layer("hills", (0.15, 0.95)):
        for row in range(3):
            green = mix(shade(land((112, 178, 84), time), -0.06 * row), air, 0.36 - 0.16 * row)
            y, crest = HORIZON - 2 + row * 26, (66, 188, 110)[row] + c.between(-24, 24)
            hill = polygon(
                [
                    (-60, y + 16),
                    (crest - 66, y - 4),
                    (crest, y - 22),
                    (crest + 66, y - 4),
                    (SIDE + 60, y + 16),
                    (SIDE + 60, SIDE + 60),
                    (-60, SIDE + 60),
                ],
                0.9,
            )
            c.fill(hill, green, 0.08)
    return HORIZON + 66


#: Place by noun: draws itself and gives the y on which things stand.
PLACES: dict[str, Callable[[Canvas, RGB, str], float]] = {
    "forest": forest,
    "mountains": mountains,
    "sea": sea,
    "desert": desert,
    "city": city,
    "hills": hills,
}
