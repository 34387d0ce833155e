"""Sky, stars, clouds, sun, moons and mist."""

from __future__ import annotations

from training.world.canvas import Canvas
from training.world.palette import RGB, SKIES, mix
from training.world.shapes import SIDE, box, disc, outside, union

#: Centre x in pixels by position word, as a range.
LIGHT_X = {"left": (52.0, 72.0), "centre": (118.0, 138.0), "right": (184.0, 204.0)}
#: Radius in pixels by size word ('' when no size is said).
LIGHT_RADIUS = {"big": (40.0, 46.0), "": (25.0, 29.0), "small": (13.0, 15.0)}
HORIZON = 158.0
SUNS: dict[str, RGB] = {"day": (255, 218, 96), "sunset": (255, 188, 88), "dawn": (255, 236, 178)}


def sky(c: Canvas, time: str) -> tuple[RGB, RGB]:
    """Draw the sky; gives its top and horizon colours, which distance takes on."""
    top, low = c.rng.choice(SKIES[time])
    top, low = c.jitter(top, 5), c.jitter(low, 5)
    with c.layer("sky", 0.0):
        c.flood(top, low, HORIZON + 16)
    return top, low


def stars(c: Canvas) -> None:
    """Scatter 26 stars over the upper sky: few and large enough to survive the autoencoder."""
    mask_side = 6.0
    with c.layer("stars", 0.0):
        # A star is tiny; its mask is a little disc around it so that attention can find it.
        places = [(c.between(6, SIDE - 6), c.between(6, 140)) for _ in range(26)]
        for x, y in places:
            c.dot(x, y, c.between(1.7, 3.0), (255, 250, 224), c.between(0.85, 1.0))
    region = c.masks["stars"]
    for x, y in places:
        left, top = int(max(0, x - mask_side)), int(max(0, y - mask_side))
        region[top : int(y + mask_side), left : int(x + mask_side)] = True


def clouds(c: Canvas, air: RGB, time: str) -> None:
    """Three puffy clouds, tinted by the horizon."""
    colour = mix((255, 255, 255), air, {"day": 0.1, "night": 0.7}.get(time, 0.4))
    with c.layer("clouds", 0.04):
        for middle, height in ((46, 34), (140, 66), (222, 30)):
            x, y = middle + c.between(-16, 16), height + c.between(-12, 12)
            s = c.between(0.8, 1.15)
            puff = union(
                box(x - 34 * s, y - 2 * s, 68 * s, 16 * s, 8 * s),
                disc(x - 14 * s, y, 14 * s),
                disc(x + 8 * s, y - 6 * s, 17 * s),
            )
            c.fill(puff, colour, 0.1, bottom=mix(colour, air, 0.3))


def light(c: Canvas, kind: str, size: str, position: str, time: str) -> None:
    """Draw the sun or a moon (full, half, crescent) at a place and of a size that has a word."""
    radius = c.between(*LIGHT_RADIUS[size])
    x = c.between(*LIGHT_X[position])
    low = 34 if time == "dawn" else 0  # the sun of the dawn has just risen
    y = 16 + low + radius + c.between(0, 22)
    colour = SUNS.get(time, SUNS["day"]) if kind == "sun" else (252, 244, 214)
    c.glow(x, y, radius * 2.3, colour, 0.5)
    with c.layer("sun" if kind == "sun" else "moon", 0.02):
        shape = disc(x, y, radius)
        if kind == "crescent moon":
            shape = outside(shape, disc(x + 0.66 * radius, y - 0.16 * radius, radius))
        elif kind == "half moon":
            shape = outside(shape, box(x, y - 2 * radius, 2 * radius, 4 * radius))
        c.fill(shape, colour, 0.06)
        if kind == "full moon":
            for dx, dy, r in ((-0.35, -0.2, 0.22), (0.28, 0.32, 0.28), (0.3, -0.42, 0.14)):
                c.dot(x + dx * radius, y + dy * radius, r * radius, (222, 210, 176), 0.75)


def mist(c: Canvas, air: RGB, time: str) -> None:
    """A bank of mist over the horizon."""
    colour = mix(air, (236, 240, 248), 0.3 if time == "night" else 0.6)
    with c.layer("mist", 0.3):
        c.band(HORIZON - 44, HORIZON + 64, colour, 0.85)
