"""Choosing what a scene shows: seeded, weighted, and open to choices that a caller fixes."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Any

from training.world.facts import (
    GARMENTS,
    INDOOR_PLACES,
    LOGOS,
    OUTDOOR_PLACES,
    PATTERNS,
    POSES,
    POSITIONS,
    SIZES,
    SPECIES,
    STYLES,
    TIMES,
    UNSEEN_COLOURS,
    UNSEEN_PLACES,
    Facts,
    Thing,
)
from training.world.rooms import WALLS

GENERAL = (
    *("red", "orange", "yellow", "green", "blue", "teal", "purple", "pink", "white", "black"),
    "brown",
)
#: Colours of things that are not of just any colour; named twice: twice as often.
COLOURS_OF: dict[str, tuple[str, ...]] = {
    "wolf": ("black", "grey", "grey", "white", "brown"),
    "cat": ("black", "black", "orange", "white", "brown", "grey", "blue", "pink"),
    "fox": ("orange", "orange", "orange", "orange", "red", "red", "grey", "white", "blue"),
    "bear": ("brown", "brown", "brown", "white", "grey", "black", "blue", "pink", "purple"),
    "rabbit": ("white", "white", "grey", "brown", "pink", "blue", "yellow"),
    "lamp": ("red", "orange", "yellow", "green", "blue", "teal", "purple", "white"),
    "tree": ("green", "green", "green", "orange", "red", "pink"),
    "apple": ("red", "red", "green", "yellow"),
    "pear": ("green", "green", "yellow"),
    "lemon": ("yellow",),
    "orange": ("orange",),
}
GARMENT_COLOURS = ("red", "yellow", "green", "blue", "teal", "purple", "orange", "white")
#: Things of one colour, whose captions do not say it.
ONE_COLOUR = ("lemon", "orange")
TABLE_THINGS: dict[str, float] = {
    **{"mug": 1.5, "bottle": 1.0, "vase": 1.1, "lamp": 0.9, "book": 0.9, "sneaker": 1.5},
    **{"tshirt": 1.1, "bag": 1.0, "apple": 0.9, "pear": 0.6, "lemon": 0.5, "orange": 0.6},
    **{"cat": 0.7, "fox": 0.5, "bear": 0.5, "rabbit": 0.5},
}
#: Things that hang or lie flat: only on a studio sweep.
SWEEP_THINGS = ("tshirt",)
ALOFT = ("balloon", "boat")
WIDE = ("sneaker", "lemon")
WITH_LOGO = ("mug", "bottle", "tshirt", "bag")
WITH_PATTERN = ("mug", "tshirt", "bag", "balloon")
OUTDOOR_THINGS = ("wolf", *SPECIES, "tree", "house", "balloon")
PLACE_WEIGHTS = (0.3, 0.22, 0.17, 0.09, 0.11, 0.11)


class Chooser:
    """Random choices that a caller may fix by name."""

    def __init__(self, rng: random.Random, fixed: Mapping[str, Any]) -> None:
        self.rng, self.fixed = rng, dict(fixed)

    def __call__(self, name: str, options: Sequence[Any], weights: Sequence[float] = ()) -> Any:
        """One of the options; the random numbers drawn are the same whether it is fixed or not."""
        picked = self.rng.choices(options, weights or None)[0]
        return self.fixed.get(name, picked)

    def chance(self, name: str, share: float) -> bool:
        """True in that share of scenes."""
        return bool(self(name, (True, False), (share, 1 - share)))


def colours_of(noun: str) -> tuple[str, ...]:
    """Colours that training may show a noun in."""
    return tuple(c for c in COLOURS_OF.get(noun, GENERAL) if (noun, c) not in UNSEEN_COLOURS)


def _pool(facts: Facts) -> dict[str, float]:
    """Nouns that may stand at a place, with their weights."""
    if not facts.outdoor:
        # A table has no place for what lies flat; a sweep makes up for it.
        often = 0.0 if facts.surface else 4.0
        pool = {n: w * (often if n in SWEEP_THINGS else 1.0) for n, w in TABLE_THINGS.items()}
    elif facts.place == "sea":
        pool = {"boat": 0.75, "balloon": 0.25}
    else:
        wolves = 0.36 if facts.place in ("forest", "mountains") else 0.2
        pool = {"wolf": wolves, "cat": 0.13, "fox": 0.12, "bear": 0.1, "rabbit": 0.1}
        pool |= {"tree": 0.11, "house": 0.15, "balloon": 0.13}
    return {n: w for n, w in pool.items() if w and (n, facts.place) not in UNSEEN_PLACES}


def _dress(choose: Chooser, thing: Thing, many: bool) -> Thing:
    """Pattern and logo of a product, pose and clothes of a figure."""
    plain = 0.44 if not many else 0.8
    if thing.noun in SPECIES:
        sits = 0.5 if thing.noun == "cat" else 0.24
        rest = (1 - sits) / 4
        thing.pose = choose("pose", POSES, (rest, sits, rest, rest, rest))
        thing.garment = choose("garment", ("", *GARMENTS), (0.52, 0.16, 0.16, 0.16))
        free = [
            c
            for c in GARMENT_COLOURS
            if c != thing.colour and (thing.garment, c) not in UNSEEN_COLOURS
        ]
        paint = choose("garment_colour", free)
        thing.garment_colour = paint if thing.garment else ""
        return thing
    style = choose("decoration", ("", "logo", "pattern"), (plain, 0.34, 0.22))
    wants_logo = "logo" in choose.fixed or (style == "logo" and "pattern" not in choose.fixed)
    if thing.noun in WITH_LOGO and wants_logo:
        thing.logo = choose("logo", LOGOS)
        light = thing.colour in ("white", "yellow", "pink", "orange")
        fit = ("black", "red", "blue") if light else ("white", "yellow")
        thing.logo_colour = choose("logo_colour", [c for c in fit if c != thing.colour])
    elif thing.noun in WITH_PATTERN and ("pattern" in choose.fixed or style == "pattern"):
        thing.pattern = choose("pattern", PATTERNS)
    return thing


def _things(choose: Chooser, facts: Facts) -> list[Thing]:
    """Choose the objects of the scene: none, one, several alike, or a pair."""
    pool = _pool(facts)
    weights = (0.69, 0.08, 0.09, 0.14) if facts.outdoor else (0.78, 0.12, 0.1, 0.0)
    mode = choose("mode", ("one", "count", "pair", "none"), weights)
    if "noun" in choose.fixed and mode == "none":
        mode = "one"
    if mode == "none":
        return []
    noun = choose("noun", tuple(pool), tuple(pool.values()))
    if noun in SWEEP_THINGS and not facts.outdoor:
        facts.place, facts.surface = "backdrop", ""
    colour = choose("colour", colours_of(noun))
    if mode == "count":
        return [_dress(choose, Thing(noun, colour, "", "", choose("count", (2, 3))), True)]
    if mode == "one":
        position = choose("position", POSITIONS, (0.28, 0.44, 0.28))
        size = choose("size", SIZES, (0.15, 0.71, 0.14))
        if noun in WIDE and position != "centre" and size == "big":
            size = ""
        if facts.outdoor and facts.light_position == position and noun != "house":
            # What stands before the moon hides it: the two keep apart.
            aside = [p for p in POSITIONS if p != position]
            facts.light_position = choose("light_position", aside)
        return [_dress(choose, Thing(noun, colour, position, size), False)]
    others = [n for n in pool if n != noun]
    second = choose("noun2", others)
    colour2 = choose("colour2", [c for c in colours_of(second) if c != colour] or ["white"])
    pair = [Thing(noun, colour, "left"), Thing(second, colour2, "right")]
    for thing in pair:
        if thing.noun in SPECIES:
            thing.pose = choose.rng.choice(("standing", "sitting", "waving"))
    return pair


def _outdoors(choose: Chooser, facts: Facts) -> None:
    """Time, place, sky and weather."""
    times = (0.4, 0.17, 0.1, 0.33)
    if facts.style == "dusk":
        times = (0.1, 0.5, 0.2, 0.2)
    facts.time = choose("time", TIMES, times)
    noun = choose.fixed.get("noun", "")
    open_weights = [
        0.0 if (noun, p) in UNSEEN_PLACES or (p == "sea" and noun and noun not in ALOFT) else w
        for p, w in zip(OUTDOOR_PLACES, PLACE_WEIGHTS, strict=True)
    ]
    facts.place = choose("place", OUTDOOR_PLACES, open_weights)
    if noun == "boat":
        facts.place = choose.fixed.get("place", "sea")
    if facts.time == "night":
        lights, weights = ("full moon", "crescent moon", "half moon", ""), (0.52, 0.2, 0.12, 0.16)
    else:
        lights, weights = ("sun", ""), (0.62, 0.38)
    facts.light = choose("light", lights, weights)
    facts.light_size = choose("light_size", SIZES, (0.3, 0.46, 0.24))
    facts.light_position = choose("light_position", POSITIONS)
    facts.stars = choose.chance("stars", 0.5) and facts.time == "night"
    facts.mist = choose.chance("mist", 0.12) and facts.place not in ("forest", "sea")
    facts.clouds = choose.chance("clouds", 0.22) and facts.time != "night"


def _indoors(choose: Chooser, facts: Facts) -> None:
    """Backdrop, table and lighting."""
    facts.place = choose("place", INDOOR_PLACES, (0.62, 0.2, 0.18))
    if (choose.fixed.get("noun", ""), facts.place) in UNSEEN_PLACES and "place" not in choose.fixed:
        facts.place = "backdrop"
    surfaces = ("wooden", "marble", "") if facts.place == "backdrop" else ("wooden", "marble")
    facts.surface = choose("surface", surfaces)
    facts.wall = choose("wall", WALLS)
    facts.lighting = choose("lighting", ("", "soft", "hard"), (0.6, 0.2, 0.2))
    facts.light_position = choose("light_position", POSITIONS)


def reserved(rng: random.Random, fixed: Mapping[str, Any]) -> dict[str, Any]:
    """Fix one of the reserved pairs, so that a scene shows what training never did."""
    # Kept apart by kind: the sets are small, sorted so that their order is no accident.
    pairs = [*sorted(UNSEEN_COLOURS), *sorted(UNSEEN_PLACES)]
    noun, other = rng.choice(pairs)
    if noun in GARMENTS:
        species = rng.choice([n for n in SPECIES if other not in COLOURS_OF[n]])
        return {"garment": noun, "garment_colour": other, "noun": species, "mode": "one", **fixed}
    kind = "place" if (noun, other) in UNSEEN_PLACES else "colour"
    return {"noun": noun, kind: other, "mode": "one", **fixed}


def choose_facts(rng: random.Random, fixed: Mapping[str, Any]) -> Facts:
    """Decide everything nameable about a scene; `fixed` overrides any choice by its name."""
    choose = Chooser(rng, fixed)
    facts = Facts(style=choose("style", STYLES, (0.66, 0.13, 0.08, 0.07, 0.06)))
    noun, place = fixed.get("noun", ""), fixed.get("place", "")
    facts.outdoor = choose("outdoor", (True, False), (0.58, 0.42))
    if "outdoor" not in fixed:
        inside = place in INDOOR_PLACES or any(x in fixed for x in ("surface", "wall", "lighting"))
        if inside or (noun in TABLE_THINGS and noun not in OUTDOOR_THINGS):
            facts.outdoor = False
        elif place in OUTDOOR_PLACES or "time" in fixed or (noun and noun not in TABLE_THINGS):
            facts.outdoor = True
    if facts.outdoor:
        _outdoors(choose, facts)
    else:
        _indoors(choose, facts)
    facts.things = _things(choose, facts)
    shown = {t.colour for t in facts.things}
    if not facts.outdoor and facts.wall in shown and "wall" not in fixed:
        facts.wall = rng.choice([w for w in WALLS if w not in shown])
    return facts
