"""Composing a scene: draws the facts in their order from far to near, and keeps things readable."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from training.world import fruit, outdoors, rooms, sky, tabletop, wear
from training.world.canvas import Canvas, Mark
from training.world.choose import choose_facts, colours_of, reserved
from training.world.facts import SPECIES, Facts, Thing
from training.world.figure import figure
from training.world.palette import COLOURS, RGB, ambient, contrast, luminance, mix, shade
from training.world.places import PLACES
from training.world.shapes import SIDE
from training.world.spot import Spot
from training.world.styles import finish
from training.world.wolf import wolf

Drawer = Callable[[Canvas, Spot, Thing, RGB], None]

DRAWERS: dict[str, Drawer] = {
    "wolf": wolf,
    **dict.fromkeys(SPECIES, figure),
    "tree": outdoors.tree,
    "house": outdoors.house,
    "boat": outdoors.boat,
    "balloon": outdoors.balloon,
    "mug": tabletop.mug,
    "bottle": tabletop.bottle,
    "vase": tabletop.vase,
    "lamp": tabletop.lamp,
    "book": tabletop.book,
    "sneaker": wear.sneaker,
    "tshirt": wear.tshirt,
    "bag": wear.bag,
    "apple": fruit.apple,
    "pear": fruit.pear,
    "lemon": fruit.lemon,
    "orange": fruit.orange,
}
#: Usual height in pixels, and width as a share of it.
HEIGHTS = {
    **{"wolf": 138, "cat": 142, "fox": 142, "bear": 142, "rabbit": 130},
    **{"tree": 138, "house": 122, "boat": 128, "balloon": 132},
    **{"mug": 106, "bottle": 152, "vase": 146, "lamp": 146, "book": 122, "sneaker": 93},
    **{"tshirt": 142, "bag": 134, "apple": 96, "pear": 108, "lemon": 76, "orange": 90},
}
BREADTHS = {
    **{"wolf": 1.1, "tree": 0.86, "house": 1.12, "boat": 1.04, "mug": 1.15, "bottle": 0.42},
    **{"sneaker": 1.74, "tshirt": 1.1, "bag": 0.84, "apple": 1.0, "lemon": 1.46, "orange": 1.0},
}
SCALES = {"big": 1.2, "": 1.0, "small": 0.72}
X_OF = {"left": (62, 74), "centre": (122, 134), "right": (182, 194)}
READABLE = 0.2
#: How far a thing may reach over the picture's edge (pixels).
OVERHANG = 1.0


@dataclass(frozen=True)
class Drawing:
    """What composing gives: uint8 256x256x3, the facts, bool masks by noun, marks for layers."""

    picture: np.ndarray
    facts: Facts
    masks: dict[str, np.ndarray]
    marks: list[Mark]


def scales(facts: Facts) -> dict[str, float]:
    """How large the lights and single things are, 1 for the usual size (linear, not area)."""
    found = {t.noun: 1.0 for t in facts.things}
    for thing in facts.things:
        if thing.count == 1 and thing.boxes:
            _, top, _, bottom = thing.boxes[0]
            found[thing.noun] = (bottom - top) / HEIGHTS[thing.noun]
    if facts.light:
        noun = "sun" if facts.light == "sun" else "moon"
        usual = sum(sky.LIGHT_RADIUS[""]) / 2
        found[noun] = sum(sky.LIGHT_RADIUS[facts.light_size]) / 2 / usual
    return found


def _readable(paint: RGB, behind: RGB) -> RGB:
    """The paint, moved lighter or darker until it stands out from what lies behind it."""
    best = paint
    for amount in (0.0, 0.12, -0.12, 0.24, -0.24, 0.34, -0.34):
        tried = shade(paint, amount)
        if contrast(tried, behind) >= READABLE:
            return tried
        if contrast(tried, behind) > contrast(best, behind):
            best = tried
    return best


def _spots(c: Canvas, thing: Thing, base: float, crowd: float) -> list[Spot]:
    """Where each copy of a thing stands."""
    rng = c.rng
    if thing.count == 2:
        spots = [(76 + rng.uniform(-5, 5), 0.82), (180 + rng.uniform(-5, 5), 0.82)]
    elif thing.count == 3:
        spots = [(x + rng.uniform(-4, 4), 0.62) for x in (46, 128, 210)]
    else:
        spots = [(rng.uniform(*X_OF[thing.position]), SCALES[thing.size] * crowd)]
    mirrored = rng.random() < 0.5
    broad, found = BREADTHS.get(thing.noun, 0.8), []
    for x, scale in spots:
        share = scale * rng.uniform(0.93, 1.07)
        if thing.count > 1 and broad * HEIGHTS[thing.noun] * share > 204 / thing.count:
            share = 204 / thing.count / broad / HEIGHTS[thing.noun]
        tall = HEIGHTS[thing.noun] * share
        reach = min(broad * tall / 2 - OVERHANG, 84)
        found.append(Spot(min(max(x, reach), SIDE - reach), base, tall, mirrored))
    return found


def _paint(c: Canvas, facts: Facts, thing: Thing, spot: Spot, keep: bool) -> tuple[RGB, RGB]:
    """The thing's paint in this light, and what is behind it.

    A colour that cannot be told from what is behind is exchanged, unless a caller wants it.
    """
    half = spot.height * BREADTHS.get(thing.noun, 0.8) * 0.4
    behind = c.behind(spot.x - half, spot.base - spot.height, spot.x + half, spot.base)
    options = [thing.colour, *c.rng.choices(colours_of(thing.noun), k=4)]
    tinted = [ambient(COLOURS[name], facts.time) for name in options]
    chosen = 0
    if not keep:
        taken = {thing.garment_colour, thing.logo_colour} | {t.colour for t in facts.things}
        for k, paint in enumerate(tinted):
            if contrast(paint, behind) >= READABLE and (k == 0 or options[k] not in taken):
                chosen = k
                break
    thing.colour = options[chosen]
    return _readable(c.jitter(tinted[chosen], 6), behind), behind


def _shade_under(c: Canvas, facts: Facts, thing: Thing, s: Spot) -> None:
    """The shadow on the ground: a hard light throws a dark one to the right."""
    broad = s.height * min(1.0, BREADTHS.get(thing.noun, 0.8))
    if thing.noun in ("balloon", "boat"):
        return
    if thing.noun == "tshirt":
        c.shadow(s.x + 5, s.base - s.height * 0.45, s.height * 0.7, s.height * 0.9, alpha=0.18)
    elif facts.lighting == "hard":
        c.shadow(
            s.x + broad * 0.34, s.base + 1, broad * 1.25, s.height * 0.1, alpha=0.46, hard=True
        )
    else:
        alpha = 0.2 if facts.lighting == "soft" else 0.3
        c.shadow(s.x, s.base, broad, s.height * 0.09, alpha=alpha)


def _place_things(c: Canvas, facts: Facts, ground: float, keep: bool) -> None:
    """Draw the things."""
    crowd = 0.84 if len(facts.things) == 2 else 1.0
    for thing in facts.things:
        base = min(ground + c.between(-4, 4), SIDE - 12)
        if thing.noun == "balloon":
            base = c.between(150, 172)
        elif thing.noun == "tshirt":
            base = c.between(198, 210)
        spots = _spots(c, thing, base, crowd)
        paint, behind = _paint(c, facts, thing, spots[0], keep)
        for s in spots:
            _shade_under(c, facts, thing, s)
            if thing.noun == "lamp":
                c.glow(s.x, s.base - s.height * 0.7, s.height * 0.85, (255, 228, 150), 0.5)
            elif facts.time == "night" and luminance(paint) < 0.1:
                # Moonlit air behind dark things.
                halo = mix(behind, (186, 204, 244), 0.6)
                c.glow(s.x, s.base - s.height * 0.55, s.height * 0.8, halo, 0.5)
            DRAWERS[thing.noun](c, s, thing, paint)
            half = s.height * BREADTHS.get(thing.noun, 0.8) / 2
            thing.boxes.append((s.x - half, s.base - s.height, s.x + half, s.base))


def _surroundings(c: Canvas, facts: Facts) -> float:
    """Draw everything behind the things; gives the y on which they stand."""
    if facts.outdoor:
        top, air = sky.sky(c, facts.time)
        if facts.stars:
            sky.stars(c)
        if facts.light:
            sky.light(c, facts.light, facts.light_size, facts.light_position, facts.time)
        if facts.clouds:
            sky.clouds(c, air, facts.time)
        ground = PLACES[facts.place](c, mix(air, top, 0.15), facts.time)
        if facts.mist:
            sky.mist(c, air, facts.time)
        return ground
    paint = c.jitter(rooms.wall_colour(facts.wall), 5)
    if facts.place == "kitchen":
        rooms.kitchen(c, paint, facts.lighting)
    elif facts.place == "window":
        rooms.window(c, paint, facts.light_position, facts.lighting)
    elif facts.surface:
        rooms.wall(c, "backdrop", paint, facts.lighting)
    else:
        return rooms.sweep(c, paint, facts.lighting)
    return rooms.table(c, facts.surface)


def _see_joints(facts: Facts, masks: Mapping[str, np.ndarray]) -> None:
    """Mark joints that the picture does not show: outside it, or hidden by something else."""
    for thing in facts.things:
        own = [masks[n] for n in (thing.noun, thing.garment) if n in masks]
        if thing.skeletons and own:
            body = np.logical_or.reduce(own)
            for skeleton in thing.skeletons:
                for joint, (x, y, _) in skeleton.items():
                    seen = 0 <= x < SIDE and 0 <= y < SIDE and bool(body[int(y), int(x)])
                    skeleton[joint] = (x, y, seen)


def compose(seed: int, fixed: Mapping[str, Any], *, unseen: bool = False) -> Drawing:
    """Draw scene `seed`; `unseen`: with one of the pairs that training never shows."""
    c = Canvas(seed)
    if unseen:
        fixed = reserved(c.rng, fixed)
    facts = choose_facts(c.rng, fixed)
    c.style = facts.style
    ground = _surroundings(c, facts)
    _place_things(c, facts, ground, keep="colour" in fixed)
    masks = {noun: mask for noun, mask in c.masks.items() if mask.sum() >= 24}
    _see_joints(facts, masks)
    things = [m for n, m in masks.items() if n in DRAWERS]
    front = np.logical_or.reduce(things) if things else np.zeros((SIDE, SIDE), bool)
    picture = finish(c.pixels(), facts.style, c.rng, marks=c.marks, front=front)
    return Drawing(picture, facts, masks, c.marks)
