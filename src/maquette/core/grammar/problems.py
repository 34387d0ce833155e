"""What a person may want to know while typing. Every prompt parses; these are doubts."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from .nodes import Alternate, Node, Prompt, Span, Swap, Text, Weighted
from .numerals import MAX_WEIGHT, decimal
from .parser import read
from .tokens import Kind, Token, tokenise
from .words import leaves

__all__ = ["MAX_PROBLEMS", "Problem", "problems"]

MAX_PROBLEMS = 100
"""How many problems are told at most."""

_STRONG = 2.0
_LOOSE_SEPARATOR = re.compile(r"(?<!\\)[:|]")
_TAG = re.compile(r"<\w++:[^<>]*+>?")


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """A remark about ``text[span[0]:span[1]]``; an "error" is most likely not what was meant."""

    span: Span
    message: str
    severity: Literal["error", "warning"] = "warning"


def problems(text: str) -> tuple[Problem, ...]:
    """The doubtful places of ``text`` in the order of their spans, at most MAX_PROBLEMS."""
    prompt, faults = read(text)
    found = [Problem(fault.span, fault.message, "error") for fault in faults]
    found += _empty(prompt)
    tokens = tokenise(text)
    found += _numbers(tokens)
    found += _tags(text, tokens)
    found += _strong_words(prompt)
    for part in prompt.parts:
        found += _brackets(text, part.nodes)
    return tuple(sorted(set(found))[:MAX_PROBLEMS])


def _empty(prompt: Prompt) -> Iterator[Problem]:
    if not any(leaf.text.text.strip() for leaf in leaves(prompt)):
        yield Problem((0, len(prompt.source)), "the prompt is empty", "error")
    elif len(prompt.parts) > 1:
        for part in prompt.parts:
            if not part.nodes:
                yield Problem(part.span, "there is nothing on this side of AND")


def _numbers(tokens: Sequence[Token]) -> Iterator[Problem]:
    for colon, text, close in zip(tokens, tokens[1:], tokens[2:], strict=False):
        kinds = colon.kind, text.kind, close.kind
        if kinds != (Kind.COLON, Kind.TEXT, Kind.CLOSE) or colon.hidden:
            continue
        word = text.text.strip()
        if word and not any(character.isspace() or character == "," for character in word):
            message = f"{word[:20]!r} is not a number, so it is read as words"
            yield Problem((colon.start, text.end), message, "error")


def _tags(text: str, tokens: Sequence[Token]) -> Iterator[Problem]:
    read_as_tags = {token.start for token in tokens if token.kind is Kind.LORA}
    for found in _TAG.finditer(text):
        if found.start() in read_as_tags:
            continue
        if found[0].startswith("<lora:"):
            message = "this tag cannot be read; write <lora:name:0.8>"
            yield Problem(found.span(), message, "error")
        elif found[0].endswith(">"):
            yield Problem(found.span(), "only <lora:…> is a tag; this one is read as words")


def _strong_words(prompt: Prompt) -> Iterator[Problem]:
    for leaf in leaves(prompt):
        weight = leaf.weight
        if weight <= _STRONG or any(around.weight > _STRONG for around in leaf.around):
            continue
        if leaf.text.text.strip():
            message = f"these brackets together weigh {weight:.3g}; above 2 pictures often break"
            yield Problem(leaf.text.span, message)


def _brackets(text: str, nodes: Sequence[Node]) -> Iterator[Problem]:
    waiting = list(nodes)
    while waiting:
        node = waiting.pop()
        match node:
            case Weighted():
                yield from _weight(text, node)
                waiting.extend(node.nodes)
            case Swap():
                yield from _swap(node)
                waiting.extend(inner for branch in node.branches for inner in branch.nodes)
            case Alternate():
                waiting.extend(inner for branch in node.branches for inner in branch.nodes)
            case _:
                pass


def _weight(text: str, node: Weighted) -> Iterator[Problem]:
    if abs(node.weight) >= MAX_WEIGHT:
        yield Problem(node.span, f"this weight counts as {decimal(node.weight)}, the limit")
    elif node.weight > _STRONG:
        message = f"a weight of {decimal(node.weight)} is strong; above 2 pictures often break"
        yield Problem(node.span, message)
    elif node.weight < 0:
        yield Problem(node.span, "a weight below 0 seldom does what one hopes")
    if text[node.span[0]] == "[" and any(
        isinstance(inner, Text) and _LOOSE_SEPARATOR.search(text, *inner.span)
        for inner in node.nodes
    ):
        message = "these only weaken; a swap is [from:to:0.5], an alternation [one|other]"
        yield Problem(node.span, message)


def _swap(node: Swap) -> Iterator[Problem]:
    if node.fraction and node.when >= 1:
        message = f"this swap never happens: {decimal(node.when)} with a point is a share of 1"
        yield Problem(node.span, message)
    elif node.when <= 0:
        yield Problem(node.span, "this swap has happened before the first step")
