"""Lifting words out of the brackets around them: the way to reweigh where no bracket can."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import prod

from .nodes import Alternate, Branch, Node, Part, Prompt, Span, Swap, Text, Weighted
from .writer import format

__all__ = ["lift", "same_text"]


def lift(prompt: Prompt, targets: Sequence[tuple[Text, Span, float]]) -> str:
    """Canonical text of ``prompt`` in which every target has exactly its weight.

    A target is a span of a text of this very tree. The weights that held it are handed down to
    its neighbours as one product, so that theirs stay as they were but for rounding.
    """
    lifter = _Lifter(targets)
    parts = (replace(part, nodes=lifter.nodes(part.nodes, ())) for part in prompt.parts)
    return format(Prompt(tuple(parts)))


def same_text(one: Prompt, other: Prompt) -> bool:
    """Whether two prompts differ in nothing but the weights inside their parts.

    Words that only brackets part count as one text.
    """
    return [_bare_part(part) for part in one.parts] == [_bare_part(part) for part in other.parts]


class _Lifter:
    def __init__(self, targets: Sequence[tuple[Text, Span, float]]) -> None:
        self.cuts: dict[int, list[tuple[Span, float]]] = {}
        for text, span, weight in targets:
            self.cuts.setdefault(id(text), []).append((span, weight))

    def nodes(self, nodes: Sequence[Node], around: tuple[float, ...]) -> tuple[Node, ...]:
        """``nodes`` with the weights ``around`` them, outermost first, handed down."""
        out: list[Node] = []
        kept: list[Node] = []

        def close() -> None:
            if kept:
                out.extend(_wrapped(tuple(kept), around))
                kept.clear()

        for node in nodes:
            if not self.holds(node):
                kept.append(node)
                continue
            if isinstance(node, Text):
                cursor = 0
                for (start, end), weight in self.cuts[id(node)]:
                    if start > cursor:
                        kept.append(Text(node.text[cursor:start]))
                    close()
                    out.extend(_wrapped((Text(node.text[start:end]),), (weight,)))
                    cursor = end
                if cursor < len(node.text):
                    kept.append(Text(node.text[cursor:]))
                continue
            close()
            match node:
                case Weighted():
                    out.extend(self.nodes(node.nodes, (*around, node.weight)))
                case Swap():
                    before, after = (self.branch(branch, around) for branch in node.branches)
                    out.append(replace(node, before=before, after=after))
                case Alternate():
                    branches = tuple(self.branch(branch, around) for branch in node.branches)
                    out.append(replace(node, branches=branches))
                case _:
                    pass
        close()
        return _joined(out)

    def branch(self, branch: Branch, around: tuple[float, ...]) -> Branch:
        return Branch(self.nodes(branch.nodes, around))

    def holds(self, node: Node) -> bool:
        """Whether a target is somewhere in ``node``."""
        waiting: list[Node] = [node]
        while waiting:
            match waiting.pop():
                case Text() as text:
                    if id(text) in self.cuts:
                        return True
                case Weighted(nodes):
                    waiting.extend(nodes)
                case Swap() | Alternate() as choice:
                    waiting.extend(inner for branch in choice.branches for inner in branch.nodes)
                case _:
                    pass
        return False


def _wrapped(nodes: tuple[Node, ...], around: tuple[float, ...]) -> tuple[Node, ...]:
    if not around:
        return nodes
    # One bracket for all of them, or deep nesting would multiply the text. A weight of 1 stays,
    # since it may be all that parts two words.
    return (Weighted(nodes, prod(reversed(around), start=1.0)),)


def _joined(nodes: Sequence[Node]) -> tuple[Node, ...]:
    joined: list[Node] = []
    for node in nodes:
        if joined and isinstance(node, Text) and isinstance(last := joined[-1], Text):
            joined[-1] = Text(last.text + node.text)
        else:
            joined.append(node)
    return tuple(joined)


def _bare_part(part: Part) -> tuple[float, tuple[Node, ...]]:
    return part.weight, _bare(part.nodes)


def _bare(nodes: Sequence[Node]) -> tuple[Node, ...]:
    """``nodes`` as they would be without a single weight."""
    out: list[Node] = []
    for node in nodes:
        match node:
            case Weighted():
                out.extend(_bare(node.nodes))
            case Swap():
                before, after = (Branch(_bare(branch.nodes)) for branch in node.branches)
                out.append(replace(node, before=before, after=after))
            case Alternate():
                branches = tuple(Branch(_bare(branch.nodes)) for branch in node.branches)
                out.append(replace(node, branches=branches))
            case _:
                out.append(node)
    return _joined(out)
