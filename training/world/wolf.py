"""The wolf: one silhouette, mirrored or not, so that few pictures teach it."""

from __future__ import annotations

from training.world.canvas import Canvas
from training.world.facts import Thing
from training.world.palette import RGB, luminance, shade
from training.world.shapes import polygon
from training.world.spot import Spot

TAIL = (
    (-0.16, 0.84),
    (-0.3, 0.8),
    (-0.44, 0.74),
    (-0.56, 0.8),
    (-0.6, 0.92),
    (-0.48, 0.99),
    (-0.32, 1.0),
    (-0.16, 0.98),
)
BODY = (
    (0.5, 0.15),
    (0.42, 0.09),
    (0.31, 0.08),
    (0.25, 0.05),
    (0.21, -0.1),
    (0.13, 0.04),
    (0.05, -0.08),
    (0.03, 0.12),
    (-0.01, 0.25),
    (-0.1, 0.38),
    (-0.21, 0.53),
    (-0.28, 0.7),
    (-0.3, 0.86),
    (-0.24, 1.0),
    (0.07, 1.0),
    (0.05, 0.93),
    (0.02, 0.9),
    (0.07, 0.74),
    (0.1, 0.74),
    (0.12, 0.92),
    (0.12, 1.0),
    (0.3, 1.0),
    (0.28, 0.94),
    (0.23, 0.92),
    (0.25, 0.7),
    (0.29, 0.54),
    (0.25, 0.4),
    (0.28, 0.33),
    (0.36, 0.3),
    (0.46, 0.25),
)
CHEST = ((0.24, 0.38), (0.28, 0.54), (0.22, 0.72), (0.14, 0.54))


def rim_colour(colour: RGB) -> RGB:
    """Light around dark fur, dark around white: nothing melts into the night."""
    return shade(colour, 0.55) if luminance(colour) < 0.3 else shade(colour, -0.4)


def wolf(c: Canvas, s: Spot, thing: Thing, colour: RGB) -> None:
    """A sitting wolf in profile, muzzle raised, ears up, a bushy tail along the ground."""
    tail = polygon([s.at(*p) for p in TAIL], 0.9)
    body = polygon([s.at(*p) for p in BODY], 0.32)
    chest = polygon([s.at(*p) for p in CHEST], 0.9)
    edge, wide = rim_colour(colour), max(1.8, s.height * 0.02)
    with c.layer(thing.noun):
        for path, tone in ((tail, shade(colour, -0.1)), (body, colour)):
            c.fill(path, tone, 0.12)
            c.rim(path, edge, wide)
        c.fill(chest, shade(colour, 0.45), 0.04, edge=False)
        c.dot(*s.at(0.48, 0.165), s.height * 0.034, (24, 20, 28))
        c.dot(*s.at(0.26, 0.165), s.height * 0.03, (250, 206, 84))
