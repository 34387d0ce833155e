"""A small book of styles and settings, for exploring a prompt's surroundings.

Styles lie on a map of three axes, each 0 to 1, so that 'nearby' and 'far' mean something: how much
a picture looks like the world (realism), how much it lives by lines (line), how softly its colours
meet (softness). The places are our judgement; they order suggestions and decide nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

__all__ = ["SLOTS", "STYLES", "Slot", "Style", "distance", "sayable"]


@dataclass(frozen=True)
class Style:
    """A way of drawing, as a prompt says it, and its place on the map."""

    phrase: str
    realism: float
    line: float
    softness: float


STYLES = (
    Style("flat illustration", 0.1, 0.2, 0.1),
    Style("flat vector illustration", 0.05, 0.25, 0.0),
    Style("watercolour painting", 0.35, 0.25, 0.9),
    Style("ink drawing", 0.2, 1.0, 0.1),
    Style("pen and ink", 0.2, 1.0, 0.05),
    Style("pixel art", 0.0, 0.6, 0.0),
    Style("dusk photograph", 0.95, 0.0, 0.5),
    Style("gouache painting", 0.3, 0.1, 0.6),
    Style("pencil sketch", 0.4, 0.9, 0.4),
    Style("charcoal drawing", 0.45, 0.7, 0.7),
    Style("pastel drawing", 0.35, 0.3, 0.95),
    Style("oil painting", 0.6, 0.1, 0.7),
    Style("linocut print", 0.1, 0.95, 0.0),
    Style("risograph print", 0.1, 0.4, 0.3),
    Style("woodblock print", 0.2, 0.8, 0.2),
    Style("paper cut-out", 0.15, 0.35, 0.05),
    Style("stained glass", 0.15, 0.85, 0.15),
    Style("comic book", 0.3, 0.85, 0.15),
    Style("isometric illustration", 0.3, 0.4, 0.05),
    Style("low poly", 0.4, 0.3, 0.1),
    Style("3D render", 0.75, 0.05, 0.3),
    Style("studio photograph", 1.0, 0.0, 0.2),
    Style("film photograph", 1.0, 0.0, 0.6),
)


@dataclass(frozen=True)
class Slot:
    """Something that a prompt may leave open: ``phrases`` fill it, any word of ``marks`` says that
    it is filled. ``indoors`` is where it makes sense: True, False, or None for both."""

    name: str
    phrases: tuple[str, ...]
    marks: frozenset[str]
    indoors: bool | None = None


def _marks(words: str) -> frozenset[str]:
    return frozenset(words.split())


SLOTS = (
    Slot(
        "time",
        ("at night", "at sunset", "at dawn", "by day"),
        _marks("night day daytime daylight sunset dusk dawn sunrise morning evening noon midnight"),
        indoors=False,
    ),
    Slot(
        "light",
        ("under a full moon", "with a crescent moon", "under a big sun"),
        _marks("moon sun sunlight moonlight sunshine backlit"),
        indoors=False,
    ),
    Slot(
        "place",
        ("misty forest", "snowy mountains", "calm sea", "city skyline", "green hills", "desert"),
        _marks(
            "forest mountains mountain sea ocean city skyline hills hill desert beach lake river"
            " garden field street island valley woods"
        ),
        indoors=False,
    ),
    Slot(
        "weather",
        ("with mist", "starry sky", "with clouds"),
        _marks("mist misty fog foggy clouds cloudy stars starry rain snow storm clear"),
        indoors=False,
    ),
    Slot(
        "surface",
        ("on a wooden table", "on a marble table"),
        _marks("table surface desk shelf floor wooden marble counter"),
        indoors=True,
    ),
    Slot(
        "background",
        ("grey studio backdrop", "by a window", "in a kitchen"),
        _marks("backdrop background window kitchen wall room studio"),
        indoors=True,
    ),
    Slot(
        "lighting",
        ("soft light", "hard light"),
        _marks("light lighting lit shadow shadows"),
        indoors=True,
    ),
    Slot(
        "side",
        ("on the left", "on the right", "in the centre"),
        _marks("left right centre center middle"),
    ),
)
"""In the order in which a picture gains most by them."""


def distance(a: Style, b: Style) -> float:
    """How far two styles lie apart on the map: 0 to the square root of 3."""
    axes = ((a.realism, b.realism), (a.line, b.line), (a.softness, b.softness))
    return sum((one - other) ** 2 for one, other in axes) ** 0.5


def sayable(phrase: str, vocabulary: Iterable[str] | None) -> bool:
    """Whether a model with this vocabulary (None: open) knows every word of a phrase."""
    if vocabulary is None:
        return True
    known = vocabulary if isinstance(vocabulary, frozenset | set) else frozenset(vocabulary)
    return all(
        word in known or all(piece in known for piece in word.split("-"))
        for word in phrase.lower().split()
    )
