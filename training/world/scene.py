"""Composing a scene: chooses the facts, draws them, and keeps things readable."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from training.world import animals, outdoors, rooms, sky, tabletop
from training.world.canvas import SIDE, Canvas
from training.world.palette import COLOURS, RGB, ambient, contrast, mix, shade
from training.world.places import PLACES
from training.world.styles import finish

Drawer = Callable[[Canvas, float, float, float, RGB, bool], None]

DRAWERS: dict[str, Drawer] = {
    "wolf": animals.wolf,
    "cat": animals.cat,
    "tree": outdoors.tree,
    "house": outdoors.house,
    "boat": outdoors.boat,
    "balloon": outdoors.balloon,
    "mug": tabletop.mug,
    "bottle": tabletop.bottle,
    "vase": tabletop.vase,
    "lamp": tabletop.lamp,
    "book": tabletop.book,
    "apple": tabletop.apple,
    "sneaker": tabletop.sneaker,
}
#: Usual height in pixels of 256.
HEIGHTS = {
    "wolf": 128,
    "cat": 114,
    "tree": 132,
    "house": 112,
    "boat": 122,
    "balloon": 132,
    "mug": 96,
    "bottle": 142,
    "vase": 142,
    "lamp": 142,
    "book": 116,
    "apple": 90,
    "sneaker": 80,
}
SIZES = {"big": 1.2, "": 1.0, "small": 0.72}
X_OF = {"left": (62, 74), "centre": (122, 134), "right": (182, 194)}
GENERAL = (
    "red",
    "orange",
    "yellow",
    "green",
    "blue",
    "teal",
    "purple",
    "pink",
    "white",
    "black",
    "brown",
)
COLOURS_OF = {
    "wolf": ("black", "grey", "grey", "white", "brown"),
    "cat": ("black", "orange", "white", "brown", "grey"),
    "tree": ("green", "green", "green", "orange", "red", "pink"),
    "apple": ("red", "red", "green", "yellow"),
}
TABLE_THINGS = ("mug", "bottle", "vase", "lamp", "book", "apple", "sneaker", "cat")
READABLE = 0.2


@dataclass(frozen=True)
class Thing:
    """One kind of object in the scene, `count` of them."""

    noun: str
    colour: str
    position: str
    size: str
    count: int = 1


@dataclass
class Facts:
    """What a scene shows, as its captions may say it."""

    style: str = "flat"
    outdoor: bool = True
    time: str = ""
    place: str = ""
    light: str = ""
    light_size: str = ""
    light_position: str = ""
    stars: bool = False
    mist: bool = False
    surface: str = ""
    wall: str = ""
    things: list[Thing] = field(default_factory=list)


class Chooser:
    """Random choices that a caller may fix by name."""

    def __init__(self, rng: random.Random, fixed: dict[str, Any]) -> None:
        self.rng, self.fixed = rng, fixed

    def __call__(self, name: str, options: tuple[Any, ...], weights: tuple[float, ...] = ()) -> Any:
        picked = self.rng.choices(options, weights or None)[0]
        return self.fixed.get(name, picked)


def _things(choose: Chooser, facts: Facts) -> list[Thing]:
    """Choose the objects of the scene: none, one, several alike, or a pair."""
    if not facts.outdoor:
        pool, weights = TABLE_THINGS, (1.0,) * 7 + (0.8,)
    elif facts.place == "sea":
        pool, weights = ("boat", "balloon"), (0.75, 0.25)
    else:
        pool = ("wolf", "cat", "tree", "house", "balloon")
        wolves = 0.5 if facts.place in ("forest", "mountains") else 0.3
        weights = (wolves, 0.13, 0.16, 0.2, 0.16)
    mode = choose(
        "mode", ("one", "count", "pair", "none"), (0.68, 0.13, 0.13, 0.06 if facts.outdoor else 0.0)
    )
    if "noun" in choose.fixed and mode == "none":
        mode = "one"
    if mode == "none":
        return []
    noun = choose("noun", pool, weights)
    colour = choose("colour", COLOURS_OF.get(noun, GENERAL))
    if mode == "count":
        return [Thing(noun, colour, "", "", choose("count", (2, 3)))]
    if mode == "one":
        position = choose("position", ("left", "centre", "right"), (0.3, 0.4, 0.3))
        if noun == "balloon" and facts.light and "light_position" not in choose.fixed:
            # A balloon before the moon hides it: the two keep apart.
            facts.light_position = "right" if position == "left" else "left"
        return [
            Thing(noun, colour, position, choose("size", ("big", "", "small"), (0.15, 0.7, 0.15)))
        ]
    others = tuple(x for x in pool if x != noun)
    second = choose("noun2", others)
    colour2 = choose("colour2", COLOURS_OF.get(second, GENERAL))
    return [Thing(noun, colour, "left", ""), Thing(second, colour2, "right", "")]


def choose_facts(rng: random.Random, fixed: dict[str, Any]) -> Facts:
    """Decide everything nameable about a scene; `fixed` overrides any choice by its name."""
    choose = Chooser(rng, fixed)
    indoor_only = fixed.get("noun") in tabletop.__dict__ or "surface" in fixed or "wall" in fixed
    facts = Facts(style=choose("style", ("flat", "watercolour"), (0.8, 0.2)))
    facts.outdoor = choose("outdoor", (True, False), (0.66, 0.34)) and not indoor_only
    if "outdoor" not in fixed and ("time" in fixed or fixed.get("place") in PLACES):
        facts.outdoor = True
    if facts.outdoor:
        facts.time = choose("time", ("day", "sunset", "night"), (0.28, 0.24, 0.48))
        facts.place = choose("place", tuple(PLACES), (0.36, 0.22, 0.14, 0.09, 0.09, 0.1))
        lights = {"day": ("sun", ""), "sunset": ("sun", "")}.get(
            facts.time, ("full moon", "crescent moon", "")
        )
        facts.light = choose(
            "light", lights, (0.62, 0.22, 0.16) if len(lights) == 3 else (0.65, 0.35)
        )
        facts.light_size = choose("light_size", ("big", "", "small"), (0.33, 0.42, 0.25))
        facts.light_position = choose("light_position", ("left", "centre", "right"))
        facts.stars = bool(choose("stars", (True, False))) and facts.time == "night"
        hazy = facts.place not in ("forest", "sea")
        facts.mist = bool(choose("mist", (True, False), (0.12, 0.88))) and hazy
    else:
        facts.place = choose("place", ("backdrop", "kitchen", "window"), (0.5, 0.27, 0.23))
        facts.surface = choose("surface", ("wooden", "marble"))
        facts.wall = choose("wall", rooms.WALLS)
        facts.light_position = choose("light_position", ("left", "centre", "right"))
    facts.things = _things(choose, facts)
    return facts


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


def _spots(thing: Thing, rng: random.Random) -> list[tuple[float, float]]:
    """Centre x (pixels) and scale of each copy of a thing."""
    if thing.count == 2:
        return [(76 + rng.uniform(-5, 5), 0.82), (180 + rng.uniform(-5, 5), 0.82)]
    if thing.count == 3:
        return [(x + rng.uniform(-4, 4), 0.62) for x in (46, 128, 210)]
    return [(rng.uniform(*X_OF[thing.position]), SIZES[thing.size])]


def _place_things(c: Canvas, facts: Facts, ground: float) -> None:
    """Draw the things; a colour that cannot be told from its background is exchanged."""
    for index, thing in enumerate(facts.things):
        crowd = 0.86 if len(facts.things) == 2 else 1.0
        spots = _spots(thing, c.rng)
        mirrored = c.rng.random() < 0.5
        flying = thing.noun == "balloon"
        base = c.between(150, 172) if flying else min(ground + c.between(-4, 4), SIDE - 12)
        tall = HEIGHTS[thing.noun] * crowd
        x0, scale0 = spots[0]
        width = tall * scale0 * 0.3
        behind = c.behind(x0 - width, base - tall * scale0, x0 + width, base)
        options = [thing.colour, *c.rng.sample(COLOURS_OF.get(thing.noun, GENERAL), 4)]
        tinted = [ambient(COLOURS[name], facts.time) for name in options]
        chosen = 0
        for k, paint in enumerate(tinted):
            if contrast(paint, behind) >= READABLE:
                chosen = k
                break
        if chosen:
            facts.things[index] = Thing(
                thing.noun, options[chosen], thing.position, thing.size, thing.count
            )
        paint = _readable(c.jitter(tinted[chosen], 6), behind)
        for x, scale in spots:
            h = tall * scale * c.between(0.97, 1.03)
            if not flying and thing.noun != "boat":
                c.shadow(x, base, h * 0.8, h * 0.09)
            if thing.noun == "lamp":
                c.glow(x, base - h * 0.7, h * 0.85, (255, 228, 150), 0.5)
            with c.layer(thing.noun):
                DRAWERS[thing.noun](c, x, base, h, paint, mirrored)


def compose(seed: int, fixed: dict[str, Any]) -> tuple[np.ndarray, Facts, dict[str, np.ndarray]]:
    """Draw scene `seed`: picture (uint8 256x256x3), its facts, and a mask for each noun (bool)."""
    c = Canvas(seed)
    facts = choose_facts(c.rng, fixed)
    c.style = facts.style
    if facts.outdoor:
        top, air = sky.sky(c, facts.time)
        if facts.stars:
            sky.stars(c)
        if facts.light:
            sky.light(c, facts.light, facts.light_size, facts.light_position, facts.time)
        ground = PLACES[facts.place](c, mix(air, top, 0.15), facts.time)
        if facts.mist:
            sky.mist(c, air, facts.time)
    else:
        paint = c.jitter(rooms.wall_colour(facts.wall), 5)
        if facts.place == "kitchen":
            rooms.kitchen(c, paint)
        elif facts.place == "window":
            rooms.window(c, paint, facts.light_position)
        else:
            rooms.wall(c, "backdrop", paint)
        ground = rooms.table(c, facts.surface)
    _place_things(c, facts, ground)
    masks = {noun: mask for noun, mask in c.masks.items() if mask.sum() >= 24}
    return finish(c.pixels(), facts.style, c.rng), facts, masks
