"""Sky, stars, sun, moons and mist."""

from __future__ import annotations

import skia

from training.world.canvas import SIDE, Canvas, oval
from training.world.palette import RGB, SKIES, mix

#: Centre x in pixels by position word, as a range.
LIGHT_X = {"left": (52.0, 72.0), "centre": (118.0, 138.0), "right": (184.0, 204.0)}
#: Radius in pixels by size word ('' when no size is said).
LIGHT_RADIUS = {"big": (40.0, 46.0), "": (25.0, 29.0), "small": (13.0, 15.0)}
HORIZON = 158.0


def sky(c: Canvas, time: str) -> tuple[RGB, RGB]:
    """Draw the sky; gives its top and horizon colours, which distance takes on."""
    top, low = c.rng.choice(SKIES[time])
    top, low = c.jitter(top, 5), c.jitter(low, 5)
    with c.layer("sky"):
        c.flood(top, low, HORIZON + 16)
    return top, low


def stars(c: Canvas) -> None:
    """Scatter 30 stars over the upper sky: few and large enough to survive the autoencoder."""
    mask_side = 6.0
    with c.layer("stars"):
        # A star is tiny; its mask is a little disc around it so that attention can find it.
        places = [(c.between(6, SIDE - 6), c.between(6, 140)) for _ in range(30)]
        for x, y in places:
            c.dot(x, y, c.between(1.4, 2.6), (255, 250, 224), c.between(0.8, 1.0))
    region = c.masks["stars"]
    for x, y in places:
        left, top = int(max(0, x - mask_side)), int(max(0, y - mask_side))
        region[top : int(y + mask_side), left : int(x + mask_side)] = True


def light(c: Canvas, kind: str, size: str, position: str, time: str) -> None:
    """Draw 'sun', 'full moon' or 'crescent moon' at a place and of a size that has a word."""
    radius = c.between(*LIGHT_RADIUS[size])
    x = c.between(*LIGHT_X[position])
    y = 16 + radius + c.between(0, 22)
    if kind == "sun":
        colour: RGB = (255, 218, 96) if time == "day" else (255, 188, 88)
    else:
        colour = (252, 244, 214)
    c.glow(x, y, radius * 2.3, colour, 0.5)
    with c.layer("sun" if kind == "sun" else "moon"):
        disc = oval(x - radius, y - radius, 2 * radius, 2 * radius)
        if kind == "crescent moon":
            bite = oval(x - radius + 0.66 * radius, y - 1.16 * radius, 2 * radius, 2 * radius)
            disc = skia.Op(disc, bite, skia.PathOp.kDifference_PathOp)
        c.fill(disc, colour, 0.06)
        if kind == "full moon":
            for dx, dy, r in ((-0.35, -0.2, 0.22), (0.28, 0.32, 0.28), (0.3, -0.42, 0.14)):
                c.dot(x + dx * radius, y + dy * radius, r * radius, (222, 210, 176), 0.75)


def mist(c: Canvas, air: RGB, time: str) -> None:
    """A bank of mist over the horizon."""
    colour = mix(air, (236, 240, 248), 0.3 if time == "night" else 0.6)
    with c.layer("mist"):
        c.band(HORIZON - 44, HORIZON + 64, colour, 0.85)
