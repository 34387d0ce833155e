"""Captions suggested by looking: what a judge sees, put into words.

A caption says what shall stay free; whatever no caption says goes to the trigger. So places, light
and what stands beside the subject are named, and neither the subject's own colours nor a thing that
most pictures share, which is taken for the subject itself.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from maquette.core.dataset import Entry

__all__ = ["Shown", "Thing", "captioned", "words_for"]

SHARED = 0.6
"""A thing that more than this share of the pictures show is what they teach."""
INDOORS = frozenset({"table", "backdrop", "kitchen", "window", "wall", "ground", "mist"})
"""Scenery that says nothing of the sky."""
_SPELT = {2: "two", 3: "three"}


@dataclass(frozen=True)
class Thing:
    """A noun that is to be seen: its colour ("" where it has none for sure), how many there are (1
    where nobody can tell), and whether it belongs to the place and its light."""

    noun: str
    colour: str = ""
    count: int = 1
    scenery: bool = False


@dataclass(frozen=True)
class Shown:
    """What is to be seen in a picture, the surest first, and when: ``day``, ``sunset``, ``dawn``,
    ``night``, or "" where it cannot be told."""

    things: tuple[Thing, ...] = ()
    time: str = ""

    def packed(self) -> dict[str, Any]:
        """As plain values."""
        return {"things": [asdict(thing) for thing in self.things], "time": self.time}

    @classmethod
    def unpacked(cls, told: Mapping[str, Any]) -> Shown:
        """Read what ``packed`` wrote.

        Raises:
            ValueError: it is something else.
        """
        try:
            return cls(tuple(Thing(**each) for each in told["things"]), str(told["time"]))
        except (KeyError, TypeError) as error:
            raise ValueError(f"nothing that was seen: {error}") from error


def captioned(
    entries: Sequence[Entry], shown: Sequence[Shown] | None, subject: str = ""
) -> list[Entry]:
    """The entries, those that nothing says a caption of with a suggested one. A suggestion is made
    anew each time, since it depends on what the pictures share; without ``shown`` those that were
    suggested before stay."""
    if shown is None:
        return list(entries)
    common = _common(shown)
    found: list[Entry] = []
    for entry, each in zip(entries, shown, strict=True):
        if entry.told in {"nobody", "seen"}:
            words = words_for(each, subject, common)
            told = "seen" if words else "nobody"
            found.append(entry.model_copy(update={"caption": words, "told": told}))
        else:
            found.append(entry)
    return found


def _common(shown: Sequence[Shown]) -> frozenset[str]:
    counts = Counter(
        thing.noun for each in shown for thing in set(each.things) if not thing.scenery
    )
    return frozenset(noun for noun, count in counts.items() if count > SHARED * len(shown))


def words_for(shown: Shown, subject: str = "", common: frozenset[str] = frozenset()) -> str:
    """A caption: the subject, if it is one of the judge's nouns, then the things, the place, the
    time of day where the sky says it."""
    own = subject.lower().split()
    subjects = [thing for thing in shown.things if thing.noun in own]
    things = [
        thing
        for thing in shown.things
        if not thing.scenery and thing.noun not in own and thing.noun not in common
    ]
    places = [thing for thing in shown.things if thing.scenery and thing.noun not in own]
    parts = [
        *(_said(Thing(thing.noun, "", thing.count)) for thing in subjects),
        *(_said(thing) for thing in things),
        *(f"{thing.colour} {thing.noun}".strip() for thing in places),
    ]
    if any(thing.noun not in INDOORS for thing in places) and shown.time not in {"", "day"}:
        parts.append(f"at {shown.time}")
    return ", ".join(parts)


def _said(thing: Thing) -> str:
    many = _SPELT.get(thing.count)
    if many is not None:
        return " ".join(part for part in (many, thing.colour, _plural(thing.noun)) if part)
    named = f"{thing.colour} {thing.noun}".strip()
    return f"{'an' if named[0] in 'aeiou' else 'a'} {named}"


def _plural(noun: str) -> str:
    if noun.endswith("f"):
        return f"{noun[:-1]}ves"
    return f"{noun}es" if noun.endswith(("x", "s", "ch", "sh")) else f"{noun}s"
