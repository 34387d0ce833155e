"""The posable mascot: cat, fox, bear or rabbit with one body, five poses and clothes."""

from __future__ import annotations

import skia

from maquette.core.figure import FIGURE, JOINTS
from training.world.canvas import Canvas
from training.world.facts import Skeleton, Thing
from training.world.palette import COLOURS, RGB, luminance, mix, shade
from training.world.shapes import Point, box, disc, inside, outlined, polygon, union
from training.world.spot import Spot
from training.world.wolf import rim_colour

PINK: RGB = (238, 142, 152)
DARK: RGB = (24, 20, 30)
#: How far above the ground a figure is in the air, in heights.
LIFT = {"jumping": 0.2}


class Figure:
    """One figure on a canvas: where its joints are in pixels, and how its parts are painted."""

    def __init__(self, c: Canvas, s: Spot, thing: Thing, colour: RGB) -> None:
        lifted = Spot(s.x, s.base - LIFT.get(thing.pose, 0.0) * s.height, s.height, s.mirrored)
        self.c, self.s, self.thing, self.colour = c, lifted, thing, colour
        self.h = s.height
        self.places = dict(zip(JOINTS, FIGURE.poses[thing.pose], strict=True))
        self.edge = rim_colour(colour)
        self.pale = shade(colour, 0.55) if luminance(colour) < 0.75 else (255, 250, 244)

    def at(self, joint: str) -> Point:
        """The pixel of a joint."""
        return self.s.at(*self.places[joint])

    def part(self, path: skia.Path, colour: RGB, depth: float = 0.1) -> None:
        """A part of the body, with an edge that keeps it apart from what is behind."""
        self.c.fill(path, colour, depth)
        self.c.rim(path, self.edge, max(1.5, self.h * 0.014), 0.8)

    def limb(self, names: tuple[str, ...], width: float) -> skia.Path:
        """A rounded limb along joints; width in heights."""
        points = [self.at(n) for n in names]
        path = skia.Path()
        path.moveTo(*points[0])
        path.quadTo(*points[1], *points[2])
        return outlined(path, width * self.h)

    def skeleton(self) -> Skeleton:
        """Joints by name; a mirrored figure's left is its left all the same."""
        other = {"left": "right", "right": "left"}
        found: Skeleton = {}
        for name in JOINTS:
            side, _, part = name.partition("_")
            named = f"{other[side]}_{part}" if self.s.mirrored and side in other else name
            x, y = self.at(named)
            found[name] = (x, y, True)
        return found


def _tail(f: Figure) -> None:
    """A cat's curl, a fox's brush; a bear's and a rabbit's cannot be seen from the front."""
    c, s, h = f.c, f.s, f.h
    if f.thing.noun == "cat":
        curl = skia.Path()
        curl.moveTo(*s.at(-0.1, 0.9))
        curl.cubicTo(*s.at(-0.44, 0.98), *s.at(-0.44, 0.7), *s.at(-0.32, 0.6))
        f.part(outlined(curl, 0.085 * h), shade(f.colour, -0.14))
    elif f.thing.noun == "fox":
        brush = (
            (-0.06, 0.86),
            (-0.24, 0.9),
            (-0.42, 0.8),
            (-0.45, 0.58),
            (-0.36, 0.5),
            (-0.27, 0.66),
        )
        shape = polygon([s.at(*p) for p in brush], 1.0)
        f.part(shape, shade(f.colour, -0.08))
        tip = inside(disc(*s.at(-0.42, 0.52), 0.13 * h), shape)
        c.fill(tip, (252, 246, 236), 0.02, edge=False)


def _ears(f: Figure) -> None:
    """The ears, which say what kind it is."""
    s, h, noun = f.s, f.h, f.thing.noun
    inner = mix(f.colour, PINK, 0.7)
    for side in (-1, 1):
        if noun == "bear":
            f.part(disc(*s.at(side * 0.19, 0.1), 0.095 * h), f.colour)
            f.c.fill(disc(*s.at(side * 0.19, 0.1), 0.05 * h), f.pale, 0.0, edge=False)
        elif noun == "rabbit":
            f.part(disc(*s.at(side * 0.11, -0.02), 0.075 * h, 0.2 * h), f.colour)
            f.c.fill(disc(*s.at(side * 0.11, 0.0), 0.036 * h, 0.14 * h), PINK, 0.0, edge=False)
        else:
            tall = -0.06 if noun == "fox" else 0.0
            ear = ((side * 0.27, 0.26), (side * 0.26, tall), (side * 0.05, 0.11))
            f.part(polygon([s.at(*p) for p in ear], 0.15), f.colour)
            small = ((side * 0.23, 0.2), (side * 0.235, tall + 0.08), (side * 0.12, 0.13))
            f.c.fill(polygon([s.at(*p) for p in small], 0.15), inner, 0.0, edge=False)


def _face(f: Figure) -> None:
    """Head, muzzle or cheeks, two large eyes and a nose."""
    c, s, h, noun = f.c, f.s, f.h, f.thing.noun
    head = disc(*s.at(0.0, 0.29), 0.27 * h, 0.21 * h)
    f.part(head, shade(f.colour, 0.04))
    if noun == "fox":
        for side in (-1, 1):
            cheek = (
                (0.0, 0.3),
                (side * 0.12, 0.33),
                (side * 0.27, 0.27),
                (side * 0.2, 0.44),
                (0.0, 0.5),
            )
            white = inside(polygon([s.at(*p) for p in cheek], 0.5), head)
            c.fill(white, (252, 246, 236), 0.0, edge=False)
    else:
        wide = {"bear": 0.13, "cat": 0.11, "rabbit": 0.1}[noun]
        c.fill(disc(*s.at(0.0, 0.385), wide * h, 0.085 * h), f.pale, 0.0, edge=False)
    bright = luminance(f.colour) < 0.12
    for side in (-1, 1):
        x, y = s.at(side * 0.115, 0.27)
        if bright or noun == "cat":
            c.dot(x, y, h * 0.055, (250, 220, 90) if bright else (250, 246, 232))
        c.dot(x, y, h * (0.034 if bright or noun == "cat" else 0.04), DARK)
        c.dot(x - h * 0.012, y - h * 0.014, h * 0.012, (255, 255, 255))
    nose = PINK if noun in ("cat", "rabbit") else DARK
    c.dot(*s.at(0.0, 0.345), h * (0.04 if noun == "bear" else 0.032), nose)


def _body(f: Figure) -> skia.Path:
    """Legs, feet and trunk; gives the trunk's outline."""
    s, h, sitting = f.s, f.h, f.thing.pose == "sitting"
    trunk = (
        disc(*s.at(0.0, 0.74), 0.22 * h, 0.26 * h)
        if sitting
        else disc(*s.at(0.0, 0.67), 0.18 * h, 0.22 * h)
    )
    legs = []
    for side in ("left", "right"):
        foot = disc(*f.at(f"{side}_foot"), 0.085 * h, 0.06 * h)
        if sitting:
            legs.append(foot)
        else:
            legs.append(union(f.limb((f"{side}_hip", f"{side}_knee", f"{side}_foot"), 0.13), foot))
    if not sitting:
        for leg in legs:
            f.part(leg, shade(f.colour, -0.06))
    f.part(trunk, f.colour)
    f.c.fill(disc(*s.at(0.0, 0.72), 0.1 * h, 0.15 * h), f.pale, 0.0, edge=False)
    if sitting:
        for leg in legs:
            f.part(leg, shade(f.colour, -0.04))
    return trunk


def _arms(f: Figure) -> list[skia.Path]:
    return [
        f.limb((f"{side}_shoulder", f"{side}_elbow", f"{side}_hand"), 0.105)
        for side in ("left", "right")
    ]


def _shirt(f: Figure, trunk: skia.Path, arms: list[skia.Path]) -> None:
    """A shirt over the upper trunk and the upper half of the arms."""
    s, h, paint = f.s, f.h, COLOURS[f.thing.garment_colour]
    left, top = s.x - h * 0.5, s.base - h + 0.47 * h
    cloth = inside(trunk, box(left, top, h, 0.31 * h))
    with f.c.layer("shirt", 0.77):
        f.c.fill(cloth, paint, 0.08)
        for arm, side in zip(arms, ("left", "right"), strict=True):
            f.c.fill(
                inside(arm, disc(*f.at(f"{side}_shoulder"), 0.13 * h)), shade(paint, -0.08), 0.05
            )


def _scarf(f: Figure) -> None:
    """A broad scarf round the neck, one end hanging."""
    s, h, paint = f.s, f.h, COLOURS[f.thing.garment_colour]
    with f.c.layer("scarf", 0.79):
        end = polygon(
            [s.at(*p) for p in ((0.04, 0.5), (0.16, 0.48), (0.19, 0.74), (0.07, 0.76))], 0.2
        )
        f.c.fill(end, shade(paint, -0.12), 0.06)
        wrap = ((-0.21, 0.44), (0.0, 0.49), (0.21, 0.44), (0.2, 0.54), (0.0, 0.6), (-0.2, 0.54))
        f.c.fill(polygon([s.at(*p) for p in wrap], 0.6), paint, 0.08)
        del h


def _hat(f: Figure) -> None:
    """A knitted hat with a brim and a bobble, between the ears."""
    s, h, paint = f.s, f.h, COLOURS[f.thing.garment_colour]
    with f.c.layer("hat", 0.79):
        f.c.fill(disc(*s.at(0.0, -0.06), 0.055 * h), shade(paint, 0.3), 0.05)
        crown = polygon(
            [
                s.at(*p)
                for p in ((-0.17, 0.15), (-0.14, 0.03), (0.0, -0.04), (0.14, 0.03), (0.17, 0.15))
            ],
            0.7,
        )
        f.c.fill(crown, paint, 0.08)
        band = box(s.x - 0.19 * h, s.base - h + 0.11 * h, 0.38 * h, 0.075 * h, 0.035 * h)
        f.c.fill(band, shade(paint, -0.2), 0.05)


def figure(c: Canvas, s: Spot, thing: Thing, colour: RGB) -> None:
    """Draw a mascot in its pose and clothes; adds its skeleton to the thing."""
    f = Figure(c, s, thing, colour)
    with c.layer(thing.noun):
        _tail(f)
        trunk = _body(f)
    arms = _arms(f)
    with c.layer(thing.noun, 0.77):
        for arm in arms:
            f.part(arm, shade(colour, -0.06))
    if thing.garment == "shirt":
        _shirt(f, trunk, arms)
    with c.layer(thing.noun, 0.78):
        _ears(f)
        _face(f)
    if thing.garment == "scarf":
        _scarf(f)
    elif thing.garment == "hat":
        _hat(f)
    thing.skeletons.append(f.skeleton())
