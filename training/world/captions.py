"""Captions of a scene: long and short phrasings, in natural English."""

from __future__ import annotations

import random

from training.world.facts import Facts
from training.world.phrases import (
    LIGHTINGS,
    PLACE_NOUNS,
    PREPOSITIONS,
    STYLE_WORDS,
    TIMES,
    Caption,
    all_things,
    article,
    in_the_sky,
    join,
    tag,
    the_light,
    the_time,
    untag,
)

#: First words before which 'an illustration of' makes sense.
DETERMINERS = frozenset(("a", "an", "the", "two", "three"))
#: Words and commas that a caption may have; each is about one token, and 38 tokens fit.
LONGEST = 34


def _inline(time: str) -> str:
    """A time that follows without a comma: 'night' becomes 'at night'."""
    return time if " " in time or not time else f"at {time}"


def _outdoor(facts: Facts, rng: random.Random, sided: bool) -> str:
    """One phrasing of an outdoor scene, without its style."""
    things, light = all_things(facts, rng, sided=sided), the_light(facts, rng, sided=sided)
    if rng.random() < 0.1:
        light = ""
    weather = in_the_sky(facts, rng)
    night = "moon" in light or any("stars" in x for x in weather)
    time = the_time(facts, rng, told=night)
    place = tag(rng.choice(PLACE_NOUNS[facts.place]), facts.place)
    located = f"{rng.choice(PREPOSITIONS[facts.place])} {place}"
    first_words = ("a", "the") if facts.place in ("forest", "desert", "city") else ("the", "")
    subject = things or f"{rng.choice(first_words)} {place}"
    head = f"{subject} {located}" if things else subject
    form = rng.random()
    if form < 0.34:
        under = f"{subject} under {light}" if light else subject
        return join(under, place if things else "", time, *weather)
    if form < 0.58:
        return join(f"{head} {_inline(time)}", f"with {light}" if light else "", *weather)
    if form < 0.72:
        return join(f"{light} over {place}" if light else place, things, time, *weather)
    if form < 0.88:
        extras = [x for x in (light, *weather) if x]
        return join(f"{head} {_inline(time)}" + (f" with {' and '.join(extras)}" if extras else ""))
    parts = [x for x in (things, place, time, light, *weather) if x]
    rng.shuffle(parts)
    return join(*parts)


def _background(facts: Facts, rng: random.Random) -> str:
    """'pink studio backdrop', 'in a kitchen', 'by a window', or ''."""
    if facts.place == "backdrop":
        if rng.random() < 0.75:
            return tag(f"{facts.wall} studio backdrop", "backdrop")
        return tag(f"{facts.wall} {rng.choice(('backdrop', 'background'))}", "backdrop")
    if facts.place == "kitchen":
        return "in a " + tag("kitchen", "kitchen")
    return rng.choice(("by a ", "with a ")) + tag("window", "window")


def _indoor(facts: Facts, rng: random.Random, sided: bool) -> str:
    """One phrasing of an indoor scene, without its style."""
    things, table = all_things(facts, rng, sided=sided), ""
    if facts.surface and rng.random() < 0.88:
        surface = f"{facts.surface} table" if rng.random() < 0.85 else "table"
        table = f"on a {tag(surface, 'table')}"
    behind = _background(facts, rng) if rng.random() < 0.86 else ""
    lighting = ""
    if facts.lighting and rng.random() < 0.7:
        lighting = rng.choice(LIGHTINGS[facts.lighting])
    if rng.random() < 0.06 and not table:
        things = f"product photo of {things}" if facts.style == "dusk" else things
    form = rng.random()
    if form < 0.6:
        return join(f"{things} {table}", behind, lighting)
    if form < 0.72:
        return join(behind, f"{things} {table}", lighting)
    joined = behind
    if facts.place == "backdrop" and behind:
        joined = f"{rng.choice(('before', 'on', 'against'))} a {behind}"
        if table:
            joined = f"before a {behind}"
    return join(f"{things} {table} {joined}", lighting)


def _short(facts: Facts, rng: random.Random, sided: bool) -> str:
    """A caption of one or two nouns, as an inpainting prompt or a first try has it.

    It leaves out backgrounds, never a thing: who asks for 'misty forest' gets an empty forest.
    """
    if facts.things:
        things = all_things(facts, rng, sided=sided)
        if not facts.outdoor or (facts.time == "day" and rng.random() < 0.5):
            return things
        return join(f"{things} {_inline(rng.choice(TIMES[facts.time]))}")
    if not facts.outdoor:
        return "a " + tag(f"{facts.surface or 'wooden'} table", "table")
    place = tag(rng.choice(PLACE_NOUNS[facts.place]), facts.place)
    light, weather = the_light(facts, rng, sided=sided), in_the_sky(facts, rng)
    timed = place if facts.time == "day" else f"{place} {_inline(rng.choice(TIMES[facts.time]))}"
    choices = [timed, timed, f"{timed}, {light}" if light else timed]
    if "moon" in light:
        choices += [light, f"{light} over {place}"]
    if any("starry" in x for x in weather):
        choices += [x for x in weather if "starry" in x]
    return rng.choice(choices)


def _styled(body: str, facts: Facts, rng: random.Random) -> str:
    """The body with a word for its style before or after it."""
    words = rng.choice(STYLE_WORDS[facts.style])
    form = rng.random()
    if form < 0.25 and body.split(maxsplit=1)[0].partition("<")[0] in DETERMINERS:
        if words in ("ink and wash", "pen and ink", "pixel art", "8-bit pixel art", "watercolour"):
            return f"{words} of {body}"
        return f"{article(words)} of {body}"
    return f"{words}, {body}" if form < 0.45 else f"{body}, {words}"


def caption(facts: Facts, rng: random.Random, *, sided: bool = False) -> Caption:
    """One phrasing of the scene; a short one in five times, in half of those without things.

    sided: say more often where things and lights are, as teaches positions.
    """
    chance = 0.25 if facts.style == "flat" else 0.93
    for _ in range(8):
        if rng.random() < (0.2 if facts.things else 0.5):
            body = _short(facts, rng, sided)
        else:
            body = _outdoor(facts, rng, sided) if facts.outdoor else _indoor(facts, rng, sided)
        body = body or _short(facts, rng, sided)
        said = untag(_styled(body, facts, rng) if rng.random() < chance else body)
        if len(said.text.replace(",", " ,").replace("-", " - ").split()) <= LONGEST:
            return said
    return untag(_short(facts, rng, sided))
