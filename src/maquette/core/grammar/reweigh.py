"""Setting the weight of words by editing the text, as little as possible."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from maquette.errors import SettingRefused

from .lift import lift, same_text
from .nodes import Node, Prompt, Span, Weighted
from .numerals import decimal
from .parser import parse
from .phrases import Place, UnknownWord, find_phrase, in_one_breath, places
from .words import Leaf, product, source_span

__all__ = ["TOLERANCE", "WeightRefused", "reweigh", "reweigh_span"]

TOLERANCE = 5e-7
"""How far a written weight may be off the asked one, for the sake of fewer decimals."""

_MOST = 10.0


class WeightRefused(SettingRefused, ValueError):
    """A weight outside 0 to 10, or words so deep in brackets that no weight fits around them."""


@dataclass(frozen=True, slots=True)
class _Unit:
    """Neighbouring words of one leaf that are to have one weight."""

    leaf: Leaf
    start: int
    end: int
    weight: float


def reweigh(text: str, changes: Mapping[str, float]) -> str:
    """Set the weights of words or phrases in ``text``; the rest of the text stays as it is.

    ``a full moon`` with ``{"moon": 1.5}`` becomes ``a full (moon:1.5)``; a bracket that holds
    only the phrase is rewritten, or taken away where it is no longer needed; inside other
    brackets the number makes up for them. Afterwards the words have the asked weights to within
    TOLERANCE. A key names a word or a phrase (``full moon``), letter case aside, at all its
    occurrences or at one (``moon#2``). Where keys overlap, the later one holds.

    Where no bracket could do it (inside a weight of 0, or where brackets cross), the words are
    lifted out of theirs and the whole text comes out in canonical form.

    Raises:
        UnknownWord: a key does not occur.
        WeightRefused: a weight is not between 0 and 10.
    """
    prompt = parse(text)
    found = places(prompt)
    asked: dict[int, float] = {}
    for key, weight in changes.items():
        _check(key, weight)
        for match in find_phrase(key, found):
            asked.update(dict.fromkeys(match, float(weight)))
    return _reweighed(text, prompt, found, asked)


def reweigh_span(text: str, start: int, end: int, weight: float) -> str:
    """``reweigh`` for the words that stand in ``text[start:end]``, wholly or in part.

    Raises:
        UnknownWord: no word stands there.
        WeightRefused: the weight is not between 0 and 10.
    """
    prompt = parse(text)
    found = places(prompt)
    spans = [source_span(place.leaf.text, place.start, place.end) for place in found]
    touched = [at for at, (first, last) in enumerate(spans) if first < end and last > start]
    if not touched:
        raise UnknownWord(text[max(0, start) : max(0, end)], [place.word for place in found])
    _check(text[max(0, start) : end], weight)
    return _reweighed(text, prompt, found, dict.fromkeys(touched, float(weight)))


def _check(what: str, weight: float) -> None:
    if not 0 <= weight <= _MOST:
        raise WeightRefused(
            f"a weight of {weight} for {what!r} is not between 0 and 10",
            hint="1 is neutral; 0.5 to 1.5 does most of what words can do",
        )


def _reweighed(
    text: str, prompt: Prompt, found: Sequence[Place], asked: Mapping[int, float]
) -> str:
    units = _units(found, asked)
    wanted = [asked.get(index, place.leaf.weight) for index, place in enumerate(found)]
    edited = _edited(text, units)
    if edited is None or not _holds(prompt, edited, wanted):
        spans = [(unit.leaf.text, (unit.start, unit.end), unit.weight) for unit in units]
        edited = lift(prompt, spans)
        tidied = _edited(edited, _units(places(parse(edited)), asked))
        if tidied is not None and _holds(prompt, tidied, wanted):
            return tidied
        if not _holds(prompt, edited, wanted):
            raise WeightRefused("these words are too deep in brackets to be weighed")
    return edited


def _units(found: Sequence[Place], asked: Mapping[int, float]) -> list[_Unit]:
    units: list[_Unit] = []
    last = -2
    for index in sorted(asked):
        place, weight = found[index], asked[index]
        if (
            last == index - 1
            and units[-1].leaf is place.leaf
            and units[-1].weight == weight
            and in_one_breath(found[last], place)
        ):
            units[-1] = _Unit(place.leaf, units[-1].start, place.end, weight)
        else:
            units.append(_Unit(place.leaf, place.start, place.end, weight))
        last = index
    return units


def _edited(text: str, units: Sequence[_Unit]) -> str | None:
    """``text`` with every unit rewritten in place. None where that cannot be done."""
    out: list[str] = []
    cursor = 0
    for unit in units:
        edit = _edit(text, unit)
        if edit is None:
            return None
        (start, end), new = edit
        if start < cursor:
            return None
        out += [text[cursor:start], new]
        cursor = end
    return "".join([*out, text[cursor:]])


def _edit(text: str, unit: _Unit) -> tuple[Span, str] | None:
    own = _own_brackets(unit)
    outer = product(unit.leaf.around[: len(unit.leaf.around) - len(own)])
    if outer == 0 and unit.weight:
        return None
    number = _written(unit.weight, outer) if outer else "1"
    if own:
        span = own[-1].span
        start, end = unit.leaf.text.span
    else:
        start, end = source_span(unit.leaf.text, unit.start, unit.end)
        start -= _loose_backslash(text, start)
        span = start, end
    if number == "1" and not (own and _glued(text, span)):
        return span, text[start:end]
    if abs(unit.leaf.weight - unit.weight) <= TOLERANCE:
        return span, text[span[0] : span[1]]
    return span, f"({text[start:end]}:{number})"


def _glued(text: str, span: Span) -> bool:
    """Whether brackets are all that parts what is in ``span`` from a word beside it."""
    before, after = text[max(0, span[0] - 1) : span[0]], text[span[1] : span[1] + 1]
    return before.isalnum() or after.isalnum()


def _own_brackets(unit: _Unit) -> list[Weighted]:
    """The weights, from the inside out, that hold the unit and nothing else."""
    own: list[Weighted] = []
    if (unit.start, unit.end) != unit.leaf.inner:
        return own
    held: Node = unit.leaf.text
    for weighted in reversed(unit.leaf.around):
        if not (len(weighted.nodes) == 1 and weighted.nodes[0] is held):
            break
        own.append(weighted)
        held = weighted
    return own


def _written(weight: float, outer: float) -> str:
    """The number with the fewest decimals that makes ``weight`` out of ``outer``."""
    needed = weight / outer
    for digits in range(13):
        rounded = round(needed, digits)
        if abs(rounded * outer - weight) <= TOLERANCE:
            return decimal(rounded + 0.0)
    return decimal(needed)


def _loose_backslash(text: str, start: int) -> int:
    """1 if the character before ``start`` is a backslash that escapes what follows, else 0."""
    first = start
    while first and text[first - 1] == "\\":
        first -= 1
    return (start - first) % 2


def _holds(before: Prompt, after: str, wanted: Sequence[float]) -> bool:
    prompt = parse(after)
    weights = [place.leaf.weight for place in places(prompt)]
    return (
        len(weights) == len(wanted)
        and same_text(before, prompt)
        and all(
            math.isclose(is_, ought, rel_tol=1e-9, abs_tol=2 * TOLERANCE)
            for is_, ought in zip(weights, wanted, strict=True)
        )
    )
