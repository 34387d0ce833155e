"""What a prompt claims of its picture, as far as a judge can check it: things, colours, counts."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from maquette.core.grammar import parse, words

__all__ = ["COLOURS", "COUNTS", "SCENERY", "Claim", "claims_of", "noun_of"]

COLOURS = (
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
    "grey",
)
COUNTS = (1, 2, 3)
SCENERY = frozenset(
    {
        *("sky", "moon", "sun", "stars", "mist", "clouds", "forest", "mountains", "sea", "desert"),
        *("city", "hills", "ground", "table", "backdrop", "kitchen", "window", "wall"),
    }
)
"""Nouns of places and light; every other one is a thing."""
_NUMBERS = {"a": 1, "an": 1, "one": 1, "lone": 1, "two": 2, "three": 3}
_ALSO = {
    "sailboat": "boat",
    "cottage": "house",
    "ocean": "sea",
    "starry": "stars",
    "shoe": "sneaker",
    "t-shirt": "tshirt",
    "tote": "bag",
    "lightning": "bolt",
    "skyline": "city",
    "cloudy": "clouds",
    "sandy": "desert",
}
"""Other words for a judge's nouns."""
_REACH = 3
"""A colour or a number stands at most so many words before its noun."""


@dataclass(frozen=True)
class Claim:
    """That a thing is there; that it has this colour, if one is said; that there are so many of
    it, if a number above one is said. ``word`` is how the prompt names it, ``weight`` how much it
    counts."""

    noun: str
    word: str
    colour: str | None = None
    count: int | None = None
    weight: float = 1.0


def noun_of(word: str, nouns: Collection[str]) -> str | None:
    """The judge's noun that a word means, in the singular or the plural; None of another word."""
    word = word.lower()
    forms = [word, _ALSO.get(word, "")]
    if word.endswith("ves"):
        forms += [word[:-3] + "f", word[:-3] + "fe"]
    if word.endswith("es"):
        forms.append(word[:-2])
    if word.endswith("s"):
        forms += [word[:-1], _ALSO.get(word[:-1], "")]
    return next((form for form in forms if form in nouns), None)


def claims_of(text: str, nouns: Collection[str], interpreter: str = "attention") -> list[Claim]:
    """The claims of a prompt, one for each noun, in its order."""
    if interpreter == "plain":
        said = [(word, 1.0) for word in text.replace(",", " , ").split()]
    else:
        said = [(word.text, word.weight) for word in words(parse(text))]
    found: dict[str, Claim] = {}
    for place, (word, weight) in enumerate(said):
        noun = noun_of(word, nouns)
        # A colour that is a thing as well ('orange') speaks of the noun that follows it.
        following = said[place + 1][0] if place + 1 < len(said) else ""
        if noun is None or noun in found or (word in COLOURS and noun_of(following, nouns)):
            continue
        before = _before(said, place, nouns)
        colour = next((each for each in before if each in COLOURS), None)
        number = next((_NUMBERS[each] for each in before if each in _NUMBERS), None)
        count = number if number is not None and number > 1 else None
        found[noun] = Claim(noun, word, colour, count, weight)
    return list(found.values())


def _before(said: Sequence[tuple[str, float]], place: int, nouns: Collection[str]) -> list[str]:
    """The words before a noun, nearest first, as far as the noun before it."""
    near: list[str] = []
    for word, _ in reversed(said[max(0, place - _REACH) : place]):
        lower = word.lower()
        if lower not in COLOURS and noun_of(lower, nouns):
            break
        near.append(lower)
    return near
