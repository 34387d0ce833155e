"""The flat view of a prompt that text encoders take: pieces of text, each with one weight."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, groupby
from typing import Literal, TypeAlias

from .nodes import Break, Node, Prompt, Span, Text, Weighted
from .parser import read_weights
from .schedule import resolve
from .words import product

__all__ = ["Run", "runs"]


@dataclass(frozen=True, slots=True)
class Run:
    """A stretch of text at one weight, or a ``BREAK`` (``kind`` "break", weight -1)."""

    text: str
    weight: float
    span: Span = field(default=(0, 0), compare=False)
    kind: Literal["text", "break"] = "text"


def runs(
    prompt: Prompt, step: int | None = None, steps: int | None = None, part: int = 0
) -> tuple[Run, ...]:
    """The text of one AND part at ``step`` of ``steps``, flattened to runs of equal weight.

    Without ``step`` the last one holds: what the finished picture was last drawn from. Without
    ``steps`` only step numbers can be told apart; a fraction below 1 then counts as passed, and
    an alternation shows its first option. Both numbers are clamped.

    The weights are the very floats that the dialect's home computes: products from the inside
    out. Unlike there, no run is empty, but for an empty prompt's single one, and a ``BREAK``
    inside brackets still breaks. LoRA tags are left out. A span reaches from the first character
    of its run to the last, over any syntax between.

    Raises:
        IndexError: there is no such part.
    """
    if steps is None:
        steps = _UNKNOWN if step is None else max(step, 1)
    steps = max(steps, 1)
    step = steps if step is None else max(1, min(steps, step))
    slices = resolve(prompt, step, steps, part)
    text = "".join(prompt.source[start:end] for start, end in slices)
    if len(prompt.parts) > 1:
        slices = _from(slices, len(text) - len(text.lstrip()))
        text = text.strip()
    found = _merged(_flat(read_weights(text), ()))
    if not found:
        start = prompt.parts[part].span[0]
        return (Run("", 1.0, (start, start)),)
    lengths = accumulate((end - start for start, end in slices), initial=0)
    place = _Places(tuple(lengths), slices)
    return tuple(
        Run(text, weight, (place(first), place(last - 1) + 1), kind)
        for text, weight, (first, last), kind in found
    )


_UNKNOWN = 720_720 * 3_000 + 1
"""More steps than any step number, and the first turn of any alternation of up to 16 options."""

_Piece: TypeAlias = tuple[str, float, Span, Literal["text", "break"]]


def _flat(nodes: Sequence[Node], around: tuple[Weighted, ...]) -> Iterator[_Piece]:
    for node in nodes:
        match node:
            case Text():
                yield node.text, product(around), node.span, "text"
            case Weighted():
                yield from _flat(node.nodes, (*around, node))
            case Break():
                yield "BREAK", -1.0, node.span, "break"
            case _:
                pass


def _merged(pieces: Iterator[_Piece]) -> list[_Piece]:
    merged: list[_Piece] = []
    for (weight, kind), group in groupby(pieces, key=lambda piece: (piece[1], piece[3])):
        same = list(group)
        if kind == "break":
            merged.extend(same)
            continue
        span = same[0][2][0], same[-1][2][1]
        merged.append(("".join(piece[0] for piece in same), weight, span, kind))
    return merged


def _from(slices: tuple[Span, ...], skip: int) -> tuple[Span, ...]:
    """``slices`` without their first ``skip`` characters."""
    kept = list(slices)
    while kept and skip:
        start, end = kept.pop(0)
        if end - start > skip:
            return (start + skip, end), *kept
        skip -= end - start
    return tuple(kept)


@dataclass(frozen=True, slots=True)
class _Places:
    """From offsets in the resolved text to offsets in the source."""

    starts: tuple[int, ...]
    slices: tuple[Span, ...]

    def __call__(self, offset: int) -> int:
        index = bisect_right(self.starts, offset, hi=len(self.slices)) - 1
        return self.slices[index][0] + offset - self.starts[index]
