"""Midjourney's flags: which there are, in which versions, with which values.

From Midjourney's parameter list as of version 7 and the lists of its older versions. A niji model
is read as the version that it was released beside; a version newer than this table is read as the
newest that it knows. Midjourney has no public interface, so nothing here is sent anywhere: flags
are read in order to be translated.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

__all__ = ["FLAGS", "NEWEST", "NIJI", "VERSIONS", "Kind", "Spec", "Values", "spec_of", "values_in"]

Kind = Literal["number", "whole", "one-of", "ratio", "words", "pictures", "switch", "codes"]
"""What follows a flag: a number in a range, one of some, ``3:2``, words, pictures, or nothing."""

VERSIONS = ("4", "5", "5.1", "5.2", "6", "6.1", "7")
"""The versions that are told apart, oldest first."""

NEWEST = VERSIONS[-1]

NIJI: Mapping[str, str] = {"4": "4", "5": "5.2", "6": "6.1", "7": "7"}
"""The niji models, and the version that each is read as."""


@dataclass(frozen=True, slots=True)
class Values:
    """What a flag takes from version ``since`` to version ``until``: numbers from ``low`` to
    ``high``, or one of ``choices``."""

    since: str
    until: str
    low: float = 0
    high: float = 0
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Spec:
    """A flag. ``default`` is what counts without it, ``needs`` the flag that it goes with,
    ``instead`` what later versions have in its place."""

    name: str
    kind: Kind
    about: str
    values: tuple[Values, ...]
    aliases: tuple[str, ...] = ()
    default: float | None = None
    needs: str = ""
    instead: str = ""


def _always(low: float = 0, high: float = 0) -> tuple[Values, ...]:
    return (Values("4", NEWEST, low, high),)


_SEED = 2**32 - 1
_ALL = (
    Spec("ar", "ratio", "width to height", _always(), ("aspect",)),
    Spec("no", "words", "what to keep out of the picture", _always()),
    Spec("seed", "whole", "where the noise comes from", _always(0, _SEED)),
    Spec("chaos", "whole", "how much the pictures of one order differ", _always(0, 100), ("c",), 0),
    Spec("stylize", "whole", "how freely the words are taken", _always(0, 1000), ("s",), 100),
    Spec("weird", "whole", "strangeness", (Values("5", NEWEST, 0, 3000),), ("w",), 0),
    Spec("exp", "whole", "experimental look", (Values("7", NEWEST, 0, 100),), default=0),
    Spec(
        "quality",
        "one-of",
        "how long is drawn",
        (
            Values("4", "6", choices=("0.25", "0.5", "1")),
            Values("6.1", "6.1", choices=("0.5", "1", "2")),
            Values("7", NEWEST, choices=("1", "2", "4")),
        ),
        ("q",),
    ),
    Spec("draft", "switch", "quick and cheap", (Values("7", NEWEST),)),
    Spec("stop", "whole", "end early, at a percentage", (Values("4", "6.1", 10, 100),)),
    Spec("repeat", "whole", "so many times", _always(1, 40), ("r",)),
    Spec("tile", "switch", "a pattern without seams", (Values("5", NEWEST),)),
    Spec(
        "style",
        "one-of",
        "a house style",
        (
            Values("4", "4", choices=("4a", "4b", "4c")),
            Values("5", "6.1", choices=("raw", "cute", "scenic", "original", "expressive")),
            Values("7", NEWEST, choices=("raw",)),
        ),
    ),
    Spec("raw", "switch", "no house style", (Values("5.1", NEWEST),)),
    Spec(
        "iw",
        "number",
        "how much pictures before the words count",
        (Values("5", "5.2", 0, 2), Values("6", NEWEST, 0, 3)),
        default=1,
    ),
    Spec("sref", "pictures", "pictures to be like in style", (Values("6", NEWEST),)),
    Spec("sw", "whole", "how much --sref counts", (Values("6", NEWEST, 0, 1000),), (), 100, "sref"),
    Spec(
        "sv",
        "whole",
        "which way --sref works",
        (Values("6", "6.1", 1, 4), Values("7", NEWEST, 1, 6)),
        needs="sref",
    ),
    Spec(
        "cref",
        "pictures",
        "pictures of a character",
        (Values("6", "6.1"),),
        instead="--oref",
    ),
    Spec(
        "cw",
        "whole",
        "how much --cref counts",
        (Values("6", "6.1", 0, 100),),
        (),
        100,
        "cref",
        "--ow",
    ),
    Spec("oref", "pictures", "a picture of a thing or a character", (Values("7", NEWEST),)),
    Spec("ow", "whole", "how much --oref counts", (Values("7", NEWEST, 1, 1000),), (), 100, "oref"),
    Spec("profile", "codes", "a person's own taste", (Values("6", NEWEST),), ("p",)),
    Spec("v", "codes", "the model's version", _always(), ("version",)),
    Spec("niji", "codes", "the niji model's version", _always()),
    Spec("fast", "switch", "a speed of Midjourney's machines", _always()),
    Spec("relax", "switch", "a speed of Midjourney's machines", _always()),
    Spec("turbo", "switch", "a speed of Midjourney's machines", _always()),
    Spec("stealth", "switch", "who sees it at Midjourney's", _always()),
    Spec("public", "switch", "who sees it at Midjourney's", _always()),
)

FLAGS: Mapping[str, Spec] = {spec.name: spec for spec in _ALL}
"""The flags by name, in the order in which they are told of."""

_BY_ANY = {name: spec for spec in _ALL for name in (spec.name, *spec.aliases)}


def spec_of(name: str) -> Spec | None:
    """The flag of this name or alias, in any case; None for one that is not known."""
    return _BY_ANY.get(name.lower())


def values_in(spec: Spec, version: str) -> Values | None:
    """What a flag takes in one of ``VERSIONS``; None where that version does not have it."""
    at = VERSIONS.index(version)
    for values in spec.values:
        if VERSIONS.index(values.since) <= at <= VERSIONS.index(values.until):
            return values
    return None
