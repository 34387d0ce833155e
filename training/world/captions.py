"""Captions of a scene. Every phrase carries the noun it speaks of, word by word.

Inside this module a word may end in `<noun>`; `untag` turns that into the plain caption and the
spans of characters that speak of each noun, which is what attention supervision needs.
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass

from training.world.scene import Facts, Thing

PLURALS = {"wolf": "wolves"}
NUMBERS = {2: "two", 3: "three"}
PLACE_NOUNS: dict[str, tuple[str, ...]] = {
    "forest": ("misty forest", "misty forest", "misty forest", "forest", "pine forest"),
    "mountains": ("mountains", "snowy mountains", "snowy mountains"),
    "sea": ("sea", "calm sea", "ocean"),
    "desert": ("desert", "sandy desert"),
    "city": ("city skyline", "city skyline", "city"),
    "hills": ("green hills", "hills"),
}
PREPOSITIONS: dict[str, tuple[str, ...]] = {
    "forest": ("in a", "in the", "before a"),
    "mountains": ("in the", "in front of"),
    "sea": ("at", "on the", "by the"),
    "desert": ("in the", "in a"),
    "city": ("in front of a", "before a"),
    "hills": ("on", "on the"),
}
TIMES = {
    "day": ("by day", "in daylight", "during the day"),
    "sunset": ("at sunset", "at dusk", "sunset"),
    "night": ("at night", "at night", "night"),
}
SKY_WORDS = {
    "day": ("blue sky", "daytime sky"),
    "sunset": ("sunset sky",),
    "night": ("night sky",),
}
STYLE_WORDS = {
    "flat": ("flat illustration", "illustration"),
    "watercolour": ("watercolour", "watercolor painting", "watercolour painting"),
}
#: First words after which 'an illustration of …' would make no sense.
ADVERBIAL = frozenset(("by", "in", "with", "before", "at", "on", "during", "sunset", "night"))
SIDES = {
    "left": ("on the left", "at left"),
    "centre": ("in the centre", "in the middle"),
    "right": ("on the right", "at right"),
}


@dataclass(frozen=True)
class Caption:
    """A caption and, for each noun it names, the spans of characters that speak of it."""

    text: str
    spans: tuple[tuple[int, int, str], ...]


def tag(phrase: str, noun: str) -> str:
    """Mark every word of a phrase as speaking of a noun."""
    return " ".join(f"{word}<{noun}>" for word in phrase.split())


def article(phrase: str) -> str:
    """'a' or 'an' before a phrase."""
    return ("an " if phrase[0] in "aeiou" else "a ") + phrase


def untag(tagged: str) -> Caption:
    """Plain text and spans of a tagged phrase."""
    text, spans = "", []
    for index, word in enumerate(tagged.split()):
        found = re.fullmatch(r"([^<]+)<(\w+)>(,?)", word)
        text += " " if index else ""
        if found:
            spans.append((len(text), len(text) + len(found[1]), found[2]))
            text += found[1] + found[3]
        else:
            text += word
    return Caption(text, tuple(spans))


def _thing(thing: Thing, rng: random.Random, place: bool) -> str:
    """'a big red mug on the left', with attributes dropped at random."""
    colour = thing.colour + " " if rng.random() < 0.75 else ""
    if thing.count > 1:
        plural = PLURALS.get(thing.noun, thing.noun + "s")
        return tag(f"{NUMBERS[thing.count]} {colour}{plural}", thing.noun)
    size = thing.size + " " if thing.size and rng.random() < 0.85 else ""
    # Balloon, boat and the rest are alone only where nothing stands beside them.
    lone = "lone " if place and not size and rng.random() < 0.3 else ""
    phrase = f"{lone}{size}{colour}{thing.noun}"
    first, rest = article(phrase).split(" ", 1)
    said = tag(rest, thing.noun)
    if rng.random() < 0.93:
        said = f"{first} {said}"
    if thing.position and rng.random() < (0.5 if thing.position != "centre" else 0.15):
        said += " " + rng.choice(SIDES[thing.position])
    return said


def _things(facts: Facts, rng: random.Random) -> str:
    """All the things as one phrase, or '' when there are none."""
    lone = facts.outdoor and len(facts.things) == 1
    said = [_thing(t, rng, lone) for t in facts.things]
    if len(said) == 2 and rng.random() < 0.25:
        said.reverse()
    return rng.choice((" and ", " and ", " beside ")).join(said)


def _light(facts: Facts, rng: random.Random) -> str:
    """'a big full moon on the left', tagged, or ''."""
    if not facts.light:
        return ""
    noun = "sun" if facts.light == "sun" else "moon"
    name = facts.light if rng.random() < 0.8 else noun
    size = facts.light_size + " " if facts.light_size and rng.random() < 0.85 else ""
    first, rest = article(size + name).split(" ", 1)
    if noun == "sun" and not size:
        first = rng.choice(("a", "the"))
    said = f"{first} {tag(rest, noun)}"
    if rng.random() < 0.35:
        said += " " + rng.choice(SIDES[facts.light_position])
    return said


def _stars(facts: Facts, rng: random.Random) -> str:
    """A phrase for the stars, tagged, or ''."""
    if not facts.stars or rng.random() < 0.15:
        return ""
    return rng.choice(
        (
            tag("stars", "stars"),
            tag("stars", "stars"),
            f"{tag('starry', 'stars')} {tag('sky', 'sky')}",
            f"{tag('starry', 'stars')} {tag('night sky', 'sky')}",
        )
    )


def _outdoor(facts: Facts, rng: random.Random) -> str:
    """One phrasing of an outdoor scene, without its style."""
    things, light, stars = _things(facts, rng), _light(facts, rng), _stars(facts, rng)
    place = tag(rng.choice(PLACE_NOUNS[facts.place]), facts.place)
    article_words = ("a", "the") if facts.place in ("forest", "desert", "city") else ("the", "")
    if rng.random() < 0.1:
        light = ""
    time = rng.choice(TIMES[facts.time]) if rng.random() < (0.85 if not light else 0.5) else ""
    mist = tag("mist", "mist") if facts.mist and rng.random() < 0.85 else ""
    prep = rng.choice(PREPOSITIONS[facts.place])
    located = f"{prep} {place}"
    form = rng.random()
    subject = things or f"{rng.choice(article_words)} {place}"
    if form < 0.34:
        head = f"{subject} under {light}" if light else subject
        parts = [head, place if things else "", time, stars, mist]
    elif form < 0.58:
        head = f"{subject} {located}" if things else subject
        parts = [f"{head} {time}", f"with {light}" if light else "", stars, mist]
    elif form < 0.74:
        parts = [f"{light} over {place}" if light else place, things, time, stars, mist]
    elif form < 0.88:
        extras = [x for x in (light, stars, mist) if x]
        head = f"{subject} {located}" if things else subject
        parts = [f"{head} {time}" + (f" with {' and '.join(extras)}" if extras else "")]
    else:
        parts = [x for x in (things, place, time, light, stars, mist) if x]
        rng.shuffle(parts)
    return ", ".join(" ".join(p.split()) for p in parts if p.strip())


def _indoor(facts: Facts, rng: random.Random) -> str:
    """One phrasing of an indoor scene, without its style."""
    things = _things(facts, rng)
    surface = tag(f"{facts.surface} table" if rng.random() < 0.8 else "table", "table")
    table = f"on a {surface}" if rng.random() < 0.85 else ""
    behind = {
        "backdrop": tag(f"{facts.wall} studio backdrop", "backdrop")
        if rng.random() < 0.8
        else f"{facts.wall} {tag('backdrop', 'backdrop')}",
        "kitchen": "in a " + tag("kitchen", "kitchen"),
        "window": rng.choice(("by a ", "with a ")) + tag("window", "window"),
    }[facts.place]
    if rng.random() < 0.12:
        behind = ""
    head = f"{things} {table}" if things else (f"a {surface}" if table else "")
    form = rng.random()
    if form < 0.6 or not head.strip():
        parts = [head, behind]
    elif form < 0.8:
        parts = [behind, head]
    else:
        joined = behind if facts.place != "backdrop" else f"before a {behind}" if behind else ""
        parts = [f"{head} {joined}"]
    return ", ".join(" ".join(p.split()) for p in parts if p.strip())


def _single(facts: Facts, rng: random.Random) -> str:
    """A caption of one or two nouns, as an inpainting prompt or a first try has it."""
    choices = [tag(rng.choice(PLACE_NOUNS[facts.place]), facts.place)] if facts.outdoor else []
    if facts.outdoor:
        choices.append(f"{choices[0]} {rng.choice(TIMES[facts.time])}")
    light, stars = _light(facts, rng), _stars(facts, rng)
    choices += [x for x in (light, stars) if x]
    if facts.things:
        choices += [_things(facts, rng)] * (2 if facts.outdoor else 4)
    elif not facts.outdoor:
        choices.append("a " + tag(f"{facts.surface} table", "table"))
    return rng.choice(choices)


def caption(facts: Facts, rng: random.Random) -> Caption:
    """One phrasing of the scene; about one in six is a short one."""
    if rng.random() < 0.17:
        return untag(_single(facts, rng))
    body = _outdoor(facts, rng) if facts.outdoor else _indoor(facts, rng)
    body = body or _single(facts, rng)
    chance = 0.35 if facts.style == "flat" else 0.85
    if rng.random() < chance:
        words = rng.choice(STYLE_WORDS[facts.style])
        form = rng.random()
        starts_with_subject = body.split("<")[0].split()[0].rstrip(",") not in ADVERBIAL
        if form < 0.25 and starts_with_subject:
            body = f"{article(words)} of {body}"
        elif form < 0.45:
            body = f"{words}, {body}"
        else:
            body = f"{body}, {words}"
    return untag(body)
