"""Explore a prompt's surroundings: nearby and far styles, and what it leaves open.

Everything works on the prompt's own text and keeps its weights, so that a proposal is a prompt
like any other. Proposals are made of words that the model knows.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from maquette.core.flags import without_flags
from maquette.core.grammar import Word, parse, words
from maquette.core.wordbook import SLOTS, STYLES, Style, distance, sayable

__all__ = ["Proposal", "Reach", "restyle", "style_of", "styles", "suggestions"]

Reach = Literal["near", "far"]

_INDOORS = frozenset(
    "table kitchen backdrop studio window room wall wooden marble shelf desk indoors".split()  # noqa: SIM905
)
_THINGS_INDOORS = frozenset(
    "mug bottle vase lamp book sneaker sneakers t-shirt bag apple apples pear lemon orange".split()  # noqa: SIM905
)


@dataclass(frozen=True)
class Proposal:
    """A prompt to try: ``adds`` is what is new in it, ``slot`` what that fills (``style`` …)."""

    slot: str
    adds: str
    text: str


def style_of(text: str) -> Style | None:
    """The style that a prompt names, the longest phrase first."""
    return _named(text)[0]


def restyle(text: str, phrase: str) -> str:
    """The prompt in another style: in place of the one that it names, or added at its end."""
    return _restyled(text, _named(text)[1], phrase)


def styles(
    text: str,
    *,
    reach: Reach = "near",
    count: int = 5,
    vocabulary: frozenset[str] | None = None,
) -> list[Proposal]:
    """The prompt in other styles: the nearest ones first, or far ones far from each other too.

    A prompt without a style is taken for the first style of the book that the model knows.
    """
    known = [style for style in STYLES if sayable(style.phrase, vocabulary)]
    named, span = _named(text)
    here = named or (known[0] if known else None)
    others = [style for style in known if style != here]
    if here is None or count < 1:
        return []
    chosen: list[Style] = []
    if reach == "near":
        chosen = sorted(others, key=lambda style: distance(style, here))[:count]
    else:
        met = [here]
        while others and len(chosen) < count:
            best = max(others, key=lambda style: min(distance(style, one) for one in met))
            others.remove(best)
            met.append(best)
            chosen.append(best)
    return [
        Proposal("style", style.phrase, _restyled(text, span, style.phrase)) for style in chosen
    ]


def suggestions(
    text: str, *, count: int = 6, vocabulary: frozenset[str] | None = None
) -> list[Proposal]:
    """What a prompt leaves open, one proposal for each open slot, then a second for each.

    Nothing is proposed for the sky of a still life, nor a table for a landscape.
    """
    said = {word.text.lower() for word in words(parse(without_flags(text)[0]))}
    indoors = bool(said & _INDOORS) or (bool(said & _THINGS_INDOORS) and not _outdoors(said))
    open_slots = [
        slot for slot in SLOTS if slot.indoors in (None, indoors) and not said & slot.marks
    ]
    found: list[Proposal] = []
    for turn in range(max((len(slot.phrases) for slot in open_slots), default=0)):
        for slot in open_slots:
            fitting = [phrase for phrase in slot.phrases if sayable(phrase, vocabulary)]
            if turn < len(fitting):
                found.append(Proposal(slot.name, fitting[turn], _add(text, fitting[turn])))
    if style_of(text) is None:
        found[3:3] = styles(text, reach="far", count=1, vocabulary=vocabulary)
    return found[: max(0, count)]


def _outdoors(said: set[str]) -> bool:
    return any(said & slot.marks for slot in SLOTS if slot.indoors is False)


def _named(text: str) -> tuple[Style | None, tuple[int, int] | None]:
    """The style that a prompt names, and where. The prompt is read once: it may be a long one."""
    found = words(parse(without_flags(text)[0]))
    for style in sorted(STYLES, key=lambda style: -len(style.phrase)):
        span = _find(text, found, style.phrase)
        if span is not None:
            return style, span
    return None, None


def _restyled(text: str, span: tuple[int, int] | None, phrase: str) -> str:
    return _add(text, phrase) if span is None else text[: span[0]] + phrase + text[span[1] :]


def _find(text: str, found: Sequence[Word], phrase: str) -> tuple[int, int] | None:
    """Where a phrase stands in a prompt of these words, as whole words side by side."""
    wanted = phrase.lower().split()
    for at in range(len(found) - len(wanted) + 1):
        run = found[at : at + len(wanted)]
        if [word.text.lower() for word in run] != wanted:
            continue
        if all(re.fullmatch(r"\s+", text[a.span[1] : b.span[0]]) for a, b in pairwise(run)):
            return run[0].span[0], run[-1].span[1]
    return None


def _add(text: str, phrase: str) -> str:
    """The phrase at the end of the prompt's words, before its flags. A side or a time reads on;
    others follow a comma."""
    words, flags = without_flags(text)
    body = words.rstrip().rstrip(",")
    if not body:
        return phrase + flags
    reads_on = phrase.split(maxsplit=1)[0] in {"at", "by", "under", "with", "on", "in"}
    # After a comma stands a place or a style: 'misty forest at night' would say something else.
    comma = not reads_on or "," in body
    return (f"{body}, {phrase}" if comma else f"{body} {phrase}") + flags
