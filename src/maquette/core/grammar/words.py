"""The leaves of a tree: texts with their weights, words, LoRA tags."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from .nodes import Alternate, Break, LoraTag, Node, Prompt, Span, Swap, Text, Weighted

__all__ = ["Leaf", "Word", "leaves", "loras", "product", "source_span", "spell", "words"]

_JOINERS = frozenset("-'_\u2019")


@dataclass(frozen=True, slots=True)
class Word:
    """A visible word: as written, escapes resolved, with the weight it is drawn at."""

    text: str
    weight: float
    span: Span = field(default=(0, 0), compare=False)


@dataclass(frozen=True, slots=True)
class Leaf:
    """A text and the weights around it, outermost first.

    ``inner`` is the text without white space at its ends.
    Leaves of one ``stretch`` are read in one breath: no part, branch or BREAK comes between.
    """

    text: Text
    around: tuple[Weighted, ...]
    stretch: int
    inner: Span

    @property
    def weight(self) -> float:
        """The weight that the text is drawn at."""
        return product(self.around)


def product(around: Sequence[Weighted]) -> float:
    """The weights multiplied from the inside out, as the dialect does."""
    weight = 1.0
    for node in reversed(around):
        weight *= node.weight
    return weight


def leaves(prompt: Prompt) -> Iterator[Leaf]:
    """Every text of every part and branch, in the order of the source."""
    stretch = 0

    def walk(nodes: Sequence[Node], around: tuple[Weighted, ...]) -> Iterator[Leaf]:
        nonlocal stretch
        for node in nodes:
            match node:
                case Text():
                    yield Leaf(node, around, stretch, _inner(node.text))
                case Weighted():
                    yield from walk(node.nodes, (*around, node))
                case Swap() | Alternate():
                    for branch in node.branches:
                        stretch += 1
                        yield from walk(branch.nodes, around)
                    stretch += 1
                case Break():
                    stretch += 1
                case _:
                    pass

    for part in prompt.parts:
        yield from walk(part.nodes, ())
        stretch += 1


def _inner(text: str) -> Span:
    return len(text) - len(text.lstrip()), len(text.rstrip())


def words(prompt: Prompt) -> tuple[Word, ...]:
    """The words of every part and branch, in the order of the source.

    A word is letters and digits, with hyphens, apostrophes and underscores inside it. Its weight
    is the product of the brackets around it; the weight of its AND part is not counted in.
    """
    return tuple(
        Word(leaf.text.text[start:end], weight, source_span(leaf.text, start, end))
        for leaf in leaves(prompt)
        for weight in (leaf.weight,)
        for start, end in spell(leaf.text.text)
    )


def source_span(text: Text, start: int, end: int) -> Span:
    """Where ``text.text[start:end]``, not empty, stands in the source."""
    return text.source_offset(start), text.source_offset(end - 1) + 1


def spell(text: str) -> Iterator[Span]:
    """The words of a plain text, as spans."""
    start = end = -1
    for index, character in enumerate(text):
        if character.isalnum() or (
            not character.isascii() and unicodedata.category(character) in ("Mn", "Mc")
        ):
            if start < 0:
                start = index
            end = index + 1
        elif start >= 0 and character not in _JOINERS:
            yield start, end
            start = -1
    if start >= 0:
        yield start, end


def loras(prompt: Prompt) -> tuple[LoraTag, ...]:
    """The LoRA tags of every part and branch, in the order of the source."""
    found: list[LoraTag] = []

    def walk(nodes: Sequence[Node]) -> None:
        for node in nodes:
            match node:
                case LoraTag():
                    found.append(node)
                case Weighted():
                    walk(node.nodes)
                case Swap() | Alternate():
                    for branch in node.branches:
                        walk(branch.nodes)
                case _:
                    pass

    for part in prompt.parts:
        walk(part.nodes)
    return tuple(found)
