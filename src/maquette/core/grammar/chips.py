"""A prompt as chips: each word and each tag with its place and weight, for people to turn."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from .nodes import Alternate, Break, LoraTag, Node, Prompt, Swap, Text, Weighted
from .parser import parse
from .words import product, source_span, spell

__all__ = ["Chip", "ChipKind", "chips"]

ChipKind = Literal["word", "lora", "break", "and", "swap", "alternate"]


@dataclass(frozen=True, slots=True)
class Chip:
    """``source[start:end]``. ``text`` is the word with its escapes resolved, the adapter's name,
    or for the other kinds the source itself; ``weight`` is what it is drawn at."""

    text: str
    start: int
    end: int
    weight: float
    kind: ChipKind


def chips(text: str | Prompt) -> tuple[Chip, ...]:
    """The chips of a prompt in the order of its source; none overlaps another.

    A swap and an alternation are one chip each, whatever they hold.
    """
    prompt = parse(text) if isinstance(text, str) else text
    found: list[Chip] = []
    end = 0
    for number, part in enumerate(prompt.parts):
        if number:
            at = prompt.source.find("AND", end, part.span[0] + 1)
            if at >= 0:
                found.append(Chip("AND", at, at + 3, 1.0, "and"))
        found.extend(_chips(part.nodes, (), prompt.source))
        end = part.span[1]
    return tuple(sorted(found, key=lambda chip: chip.start))


def _chips(nodes: Sequence[Node], around: tuple[Weighted, ...], source: str) -> Iterator[Chip]:
    for node in nodes:
        match node:
            case Text():
                for start, end in spell(node.text):
                    span = source_span(node, start, end)
                    yield Chip(node.text[start:end], *span, product(around), "word")
            case Weighted():
                yield from _chips(node.nodes, (*around, node), source)
            case LoraTag():
                yield Chip(node.name, *node.span, node.weight, "lora")
            case Break():
                yield Chip("BREAK", *node.span, 1.0, "break")
            case Swap():
                said = source[slice(*node.span)]
                yield Chip(said, *node.span, product(around), "swap")
            case Alternate():
                said = source[slice(*node.span)]
                yield Chip(said, *node.span, product(around), "alternate")
