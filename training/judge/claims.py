"""What a caption says of its scene, as claims that the judge can check, and their tally.

Only what is said is claimed: a caption that drops the colour is not judged on colour. A thing
named in the singular is claimed to be alone of its kind.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from training.judge.network import COUNTS
from training.judge.scenes import COLOUR_NAMES
from training.world.choose import ONE_COLOUR
from training.world.facts import (
    GARMENTS,
    LOGOS,
    NOUNS,
    POSITIONS,
    STYLES,
    TIMES,
    Facts,
    Thing,
    unseen,
)
from training.world.phrases import NUMBERS, SIDES, STYLE_WORDS, Caption
from training.world.phrases import TIMES as TIME_PHRASES
from training.world.scene import DRAWERS

#: Kinds of claims in the order of the table, and what issue and card call them.
KINDS = {
    "object": "objects",
    "thing": "- things",
    "worn": "- clothes and signs",
    "around": "- places, sky, light",
    "colour": "colours",
    "count": "counts of two and three",
    "single": "one, when one is said",
    "position": "positions",
    "time": "time of day",
    "style": "style",
    "pair": "reserved pairs",
}
_LITTLE = frozenset(("at", "by", "in", "the", "during", "daylight"))
_SIDE_WORDS = {phrase: side for side, phrases in SIDES.items() for phrase in phrases}
_TIME_WORDS = {
    word: time
    for time, phrases in TIME_PHRASES.items()
    for phrase in phrases
    for word in phrase.split()
    if word not in _LITTLE
} | {"daylight": "day"}
_STYLE_WORDS = {"watercolor": "watercolour", "photo": "dusk"} | {
    word: style
    for style, word in (
        *(("flat", "illustration"), ("watercolour", "watercolour"), ("ink", "ink")),
        *(("pixel", "pixel"), ("dusk", "photograph")),
    )
}
assert set(_STYLE_WORDS.values()) == set(STYLE_WORDS) == set(STYLES)


@dataclass(frozen=True)
class Claim:
    """One thing said: kind of `KINDS`, the noun it is about ('' for the whole), the value.

    The value of a pair is its colour or its place; of an object, its group.
    """

    kind: str
    noun: str = ""
    value: str = ""


def _group(noun: str) -> str:
    if noun in DRAWERS:
        return "thing"
    return "worn" if noun in GARMENTS or noun in LOGOS else "around"


def _colours(thing: Thing, said: Mapping[str, set[str]]) -> list[Claim]:
    """Colours said of a thing, of what it wears, of its sign."""
    parts = [(thing.garment, thing.garment_colour), (thing.logo, thing.logo_colour)]
    if thing.noun not in ONE_COLOUR:
        parts.append((thing.noun, thing.colour))
    return [Claim("colour", n, c) for n, c in parts if c and c in said.get(n, ())]


def _positions(caption: Caption) -> dict[str, str]:
    """Noun to side: a side belongs to the last thing or light named before it."""
    found = {}
    for match in re.finditer("|".join(map(re.escape, _SIDE_WORDS)), caption.text):
        before = [
            (end, noun)
            for _, end, noun in caption.spans
            if end <= match.start() and (noun in DRAWERS or noun in ("sun", "moon"))
        ]
        if before:
            found[max(before)[1]] = _SIDE_WORDS[match[0]]
    return found


def claims(caption: Caption, facts: Facts) -> list[Claim]:
    """Everything that a caption says of a scene with these facts and that a judge can check."""
    said: dict[str, set[str]] = {}
    for start, end, noun in caption.spans:
        said.setdefault(noun, set()).update(caption.text[start:end].split())
    found = [Claim("object", noun, _group(noun)) for noun in said if noun != "sky"]
    shared = [n for t in facts.things for n in (t.garment, t.logo) if n]
    for thing in facts.things:
        if thing.noun in said:
            # Two scarves of two colours are no claim about one of them.
            found += [c for c in _colours(thing, said) if shared.count(c.noun) < 2]
            number = NUMBERS.get(thing.count)
            if number in said[thing.noun]:
                found.append(Claim("count", thing.noun, str(thing.count)))
            elif thing.count == 1:
                found.append(Claim("single", thing.noun, "1"))
    if facts.wall in said.get("backdrop", ()):
        found.append(Claim("colour", "backdrop", facts.wall))
    truth = {t.noun: t.position for t in facts.things}
    truth["sun" if facts.light == "sun" else "moon"] = facts.light_position
    found += [
        Claim("position", noun, side)
        for noun, side in _positions(caption).items()
        if truth.get(noun) == side
    ]
    words = set(re.findall(r"[a-z]+", caption.text))
    found += [
        Claim("time", "", time)
        for time in sorted({_TIME_WORDS[w] for w in words & _TIME_WORDS.keys()})
        if time == facts.time
    ]
    found += [
        Claim("style", "", style)
        for style in sorted({_STYLE_WORDS[w] for w in words & _STYLE_WORDS.keys()})
        if style == facts.style
    ]
    for noun, other in unseen(facts):
        if noun in said and (other in said[noun] or other in said):
            found.append(Claim("pair", noun, other))
    return found


def holds(claim: Claim, told: Mapping[str, np.ndarray], threshold: float = 0.5) -> bool:
    """Whether a picture keeps a claim; `told`: the judge's answers about that one picture."""
    if claim.kind == "time":
        return TIMES[int(told["time"])] == claim.value
    if claim.kind == "style":
        return STYLES[int(told["style"])] == claim.value
    row = NOUNS.index(claim.noun)
    if told["present"][row] < threshold:
        return False
    if claim.kind in ("count", "single"):
        return str(COUNTS[int(told["count"][row])]) == claim.value
    if claim.kind == "position":
        return POSITIONS[int(told["position"][row])] == claim.value
    if claim.kind == "colour" or (claim.kind == "pair" and claim.value in COLOUR_NAMES):
        return COLOUR_NAMES[int(told["colour"][row])] == claim.value
    if claim.kind == "pair":
        return bool(told["present"][NOUNS.index(claim.value)] >= threshold)
    return True


def interval(right: int, asked: int, z: float = 1.96) -> tuple[float, float]:
    """Wilson's 95% interval of a share."""
    if not asked:
        return 0.0, 1.0
    share, spread = right / asked, z * z / asked
    middle = (share + spread / 2) / (1 + spread)
    half = z * math.sqrt(share * (1 - share) / asked + spread / (4 * asked)) / (1 + spread)
    return max(0.0, middle - half), min(1.0, middle + half)


def tally(judged: Iterable[tuple[Claim, bool, bool]]) -> dict[str, dict[str, Any]]:
    """Shares by kind from (claim, whether it holds, whether its noun was found).

    `share`: of all that was asked; a colour of a thing that is missing is wrong. `where_found`:
    of those whose noun was found.
    """
    counts: dict[str, list[int]] = {}
    for claim, right, seen in judged:
        names = [claim.kind] + ([claim.value] if claim.kind == "object" else [])
        for name in names:
            row = counts.setdefault(name, [0, 0, 0])
            row[0] += 1
            row[1] += right
            row[2] += seen
    found: dict[str, dict[str, Any]] = {}
    for kind in KINDS:
        if kind not in counts:
            continue
        asked, right, seen = counts[kind]
        low, high = interval(right, asked)
        found[kind] = {
            "asked": asked,
            "share": round(right / asked, 4),
            "interval": [round(low, 4), round(high, 4)],
            "where_found": round(right / seen, 4) if seen else None,
        }
    return found
