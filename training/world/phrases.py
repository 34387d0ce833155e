"""Words and phrases of captions. Every phrase carries the noun it speaks of, word by word.

A word may end in `<noun>`; `untag` turns that into the plain caption and the spans of characters
that speak of each noun, which is what attention supervision needs.
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass

from training.world.choose import ONE_COLOUR
from training.world.facts import SPECIES, Facts, Thing

WRITTEN = {"tshirt": "t-shirt"}
#: Other names, used one time in six.
ALIASES = {
    "balloon": "hot air balloon",
    "boat": "sailboat",
    "house": "cottage",
    "bag": "tote bag",
    "mug": "coffee mug",
    "lamp": "table lamp",
    "bottle": "glass bottle",
    "sneaker": "shoe",
    "bolt": "lightning bolt",
    "orange": "orange fruit",
}
PLURALS = {"wolf": "wolves", "fox": "foxes", "scarf": "scarves"}
NUMBERS = {2: "two", 3: "three"}
PLACE_NOUNS: dict[str, tuple[str, ...]] = {
    "forest": ("misty forest", "misty forest", "misty forest", "forest", "pine forest"),
    "mountains": ("mountains", "snowy mountains", "snowy mountains"),
    "sea": ("sea", "calm sea", "calm sea", "ocean"),
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
    "sunset": ("at sunset", "at sunset", "sunset"),
    "dawn": ("at dawn", "at sunrise", "dawn"),
    "night": ("at night", "at night", "night"),
}
STYLE_WORDS = {
    "flat": ("flat illustration", "illustration", "flat vector illustration"),
    "watercolour": ("watercolour", "watercolor painting", "watercolour painting"),
    "ink": ("ink drawing", "ink and wash", "pen and ink"),
    "pixel": ("pixel art", "pixel art", "8-bit pixel art"),
    "dusk": ("dusk photograph", "photograph", "photo"),
}
SIDES = {
    "left": ("on the left", "at left"),
    "centre": ("in the centre", "in the middle"),
    "right": ("on the right", "at right"),
}
#: Words of SIDES that stand for the side itself.
SIDE_WORDS = frozenset(said.rsplit(" ", 1)[1] for ways in SIDES.values() for said in ways)
LIGHTINGS = {
    "soft": ("soft light", "soft lighting"),
    "hard": ("hard light", "hard shadows"),
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
    return ("an " if phrase[0] in "aeiou8" else "a ") + phrase


def join(*parts: str) -> str:
    """Parts that are not empty, with commas."""
    return ", ".join(" ".join(p.split()) for p in parts if p.strip())


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


def _noun(thing: Thing, rng: random.Random) -> str:
    """The thing's name, in the plural when there are several."""
    name = WRITTEN.get(thing.noun, thing.noun)
    if thing.noun in SPECIES and rng.random() < 0.3:
        return f"{name} mascots" if thing.count > 1 else f"{name} mascot"
    if rng.random() < 1 / 6:
        name = ALIASES.get(name, name)
    return PLURALS.get(name, name + "s") if thing.count > 1 else name


def _after(thing: Thing, rng: random.Random) -> str:
    """Clothes or logo, as they follow the noun: 'in a red scarf', 'with a white star'."""
    if thing.garment and rng.random() < 0.9:
        worn = tag(f"{thing.garment_colour} {thing.garment}", thing.garment)
        if thing.count > 1:
            plural = PLURALS.get(thing.garment, thing.garment + "s")
            return f"in {tag(f'{thing.garment_colour} {plural}', thing.garment)}"
        return f"{rng.choice(('in', 'wearing', 'with'))} {article(worn)}"
    if thing.logo and rng.random() < 0.92:
        colour = thing.logo_colour + " " if rng.random() < 0.8 else ""
        logo = " logo" if rng.random() < 0.35 else ""
        sign = ALIASES.get(thing.logo, thing.logo) if rng.random() < 0.4 else thing.logo
        plain = f"{colour}{sign}{logo}"
        if thing.count > 1:
            return f"with {tag(plain + 's', thing.logo)}"
        first, rest = article(plain).split(" ", 1)
        return f"with {first} {tag(rest, thing.logo)}"
    return ""


def _beside(noun: str, position: str, rng: random.Random) -> str:
    """' on the left', whose last word speaks of the noun: it is to look where the noun is.

    The text encoder is causal, so the noun's own word cannot know the side that follows it.
    """
    before, side = rng.choice(SIDES[position]).rsplit(" ", 1)
    return f" {before} {tag(side, noun)}"


def one_thing(thing: Thing, rng: random.Random, *, lone: bool, sided: bool) -> str:
    """'a big red mug with a white star on the left', with attributes dropped at random."""
    says_colour = thing.noun not in ONE_COLOUR and rng.random() < 0.82
    words = [thing.pattern, thing.colour if says_colour else ""]
    before, after = "", ""
    if thing.pose and rng.random() < {"standing": 0.3, "sitting": 0.6}.get(thing.pose, 0.93):
        before, after = (thing.pose, "") if rng.random() < 0.55 else ("", thing.pose)
    name = _noun(thing, rng)
    if thing.count > 1:
        phrase = " ".join(w for w in (NUMBERS[thing.count], before, *words, name) if w)
        said = tag(phrase, thing.noun)
    else:
        size = thing.size if rng.random() < 0.75 else ""
        alone = "lone" if lone and not size and rng.random() < 0.25 else ""
        phrase = " ".join(w for w in (alone, size, before, *words, name) if w)
        first, rest = article(phrase).split(" ", 1)
        said = tag(rest, thing.noun)
        if rng.random() < 0.95:
            said = f"{first} {said}"
    if after:
        said += " " + tag(after, thing.noun)
    said += " " + _after(thing, rng)
    shares = (0.75, 0.4) if sided else (0.55, 0.15)
    if thing.position and rng.random() < shares[thing.position == "centre"]:
        said += _beside(thing.noun, thing.position, rng)
    return " ".join(said.split())


def all_things(facts: Facts, rng: random.Random, *, sided: bool = False) -> str:
    """All the things as one phrase, or '' when there are none."""
    lone = facts.outdoor and len(facts.things) == 1
    said = [one_thing(t, rng, lone=lone, sided=sided) for t in facts.things]
    if len(said) == 2 and rng.random() < 0.25:
        said.reverse()
    return rng.choice((" and ", " and ", " beside ")).join(said)


def the_light(facts: Facts, rng: random.Random, *, sided: bool = False) -> str:
    """'a big full moon on the left', tagged, or ''."""
    if not facts.light:
        return ""
    noun = "sun" if facts.light == "sun" else "moon"
    name = facts.light if rng.random() < 0.8 or facts.light == "half moon" else noun
    size = facts.light_size + " " if facts.light_size and rng.random() < 0.7 else ""
    first, rest = article(size + name).split(" ", 1)
    if noun == "sun" and not size:
        first = rng.choice(("a", "the"))
    said = f"{first} {tag(rest, noun)}"
    if rng.random() < (0.65 if sided else 0.35):
        said += _beside(noun, facts.light_position, rng)
    return said


def in_the_sky(facts: Facts, rng: random.Random) -> list[str]:
    """Phrases for stars, clouds and mist, as far as they are shown and said."""
    said = []
    if facts.stars and rng.random() < 0.85:
        starry = tag("starry", "stars")
        options = (
            tag("stars", "stars"),
            tag("stars", "stars"),
            f"{starry} {tag('sky', 'sky')}",
            f"{starry} {tag('night sky', 'sky')}",
        )
        said.append(rng.choice(options))
    if facts.clouds and rng.random() < 0.8:
        cloudy = f"{tag('cloudy', 'clouds')} {tag('sky', 'sky')}"
        said.append(rng.choice((tag("clouds", "clouds"), tag("clouds", "clouds"), cloudy)))
    if facts.mist and rng.random() < 0.85:
        said.append(tag("mist", "mist"))
    return said


def the_time(facts: Facts, rng: random.Random, *, told: bool) -> str:
    """'at night' or ''. Not saying it means daylight, unless a moon or stars are `told` of."""
    chance = 0.5 if facts.time == "day" else 0.93
    if told and facts.time == "night":
        chance = 0.5
    return rng.choice(TIMES[facts.time]) if rng.random() < chance else ""
