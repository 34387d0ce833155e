"""Midjourney's multi-prompts: ``moon:: wolf::2`` as parts with weights."""

from __future__ import annotations

import re
from dataclasses import dataclass

from maquette.core.grammar import MAX_WEIGHT

__all__ = ["WeighedPart", "read_parts", "write_parts"]

_PIECE = re.compile(r"\\.|[()\[\]]|::(?P<weight>-?(?:\d{1,9}(?:\.\d{0,9})?|\.\d{1,9}))?", re.DOTALL)


@dataclass(frozen=True, slots=True)
class WeighedPart:
    """Words that are read apart from the others, and how much they count; below 0: against."""

    text: str
    weight: float


def read_parts(text: str) -> tuple[WeighedPart, ...]:
    """The parts between ``::``, empty ones left out. One part for a text without any.

    A ``::`` inside brackets belongs to the brackets: ``[cat::0.5]`` is a swap.
    """
    parts: list[WeighedPart] = []
    start = depth = 0
    for found in _PIECE.finditer(text):
        if found[0] in ("(", "["):
            depth += 1
        elif found[0] in (")", "]"):
            depth = max(0, depth - 1)
        elif found[0].startswith("::") and depth == 0:
            number = found["weight"]
            weight = 1.0 if number is None else float(number)
            parts.append(WeighedPart(text[start : found.start()].strip(), weight))
            start = found.end()
    parts.append(WeighedPart(text[start:].strip(), 1.0))
    return tuple(part for part in parts if part.text)


def write_parts(parts: tuple[WeighedPart, ...]) -> tuple[str, str]:
    """The parts as a prompt of the house's dialect, joined by AND, and what counts against it."""
    wanted = [part for part in parts if part.weight > 0]
    against = [part.text for part in parts if part.weight < 0]
    if len(wanted) == 1:
        return wanted[0].text, ", ".join(against)
    said = " AND ".join(f"{part.text} :{min(part.weight, MAX_WEIGHT):g}" for part in wanted)
    return said, ", ".join(against)
