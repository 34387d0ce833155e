"""From text to tree. Any text parses, in linear time: what is no syntax is text.

The dialect is that of AUTOMATIC1111's web UI. Where it differs, on purpose:

- A swap that cannot be read is text, and so is a ``|`` outside an alternation; there, such a
  thing can switch off every swap of the prompt. Where loose brackets touch a swap, its ambiguous
  grammar at times gives the swap up; here it stays one.
- A ``:weight`` at the end counts only where there is an ``AND``; there, ``16:9`` at the end of a
  prompt makes it nine times as strong.
- ``BREAK`` inside brackets breaks; there, it becomes a word.
- White space next to ``AND`` belongs to it.
- Brackets open more than MAX_DEPTH deep are text, and numbers stop at MAX_WEIGHT.
"""

from __future__ import annotations

from .builder import Fault, build
from .nodes import Node, Part, Prompt, Span, Text
from .numerals import read_number
from .shapes import find_shapes
from .tokens import Kind, Token, tokenise

__all__ = ["parse", "read", "read_weights", "split_weight"]


def parse(text: str) -> Prompt:
    """Parse any text into a tree. Never raises; takes time in proportion to the text's length.

    Brackets weigh: ``(a)`` 1.1, ``[a]`` 1/1.1, ``(a:1.3)``; nested weights multiply; unclosed
    brackets close at the end of their part. ``[from:to:when]``, ``[to:when]`` and
    ``[from::when]`` swap, ``[a|b]`` alternates, ``<lora:name:0.8>`` asks for a LoRA, ``BREAK``
    pads a chunk, ``AND`` parts the prompt, a backslash escapes.
    """
    return read(text)[0]


def read(text: str) -> tuple[Prompt, tuple[Fault, ...]]:
    """The prompt, and what was odd about its brackets, in the order met."""
    faults: list[Fault] = []
    groups: list[list[Token]] = [[]]
    edges = [0]
    for token in tokenise(text):
        if token.kind is Kind.AND:
            groups.append([])
            edges += [token.start, token.end]
        else:
            groups[-1].append(token)
    edges.append(len(text))
    if len(groups) == 1:
        nodes = build(groups[0], find_shapes(text, groups[0]), faults)
        return Prompt((Part(nodes, 1.0, (0, len(text))),), text), tuple(faults)
    parts: list[Part] = []
    for index, group in enumerate(groups):
        tokens, weight, weight_span = split_weight(group)
        nodes = build(tokens, find_shapes(text, tokens), faults)
        span = edges[2 * index], edges[2 * index + 1]
        parts.append(Part(_trimmed(nodes), weight, span, weight_span))
    return Prompt(tuple(parts), text), tuple(faults)


def read_weights(text: str) -> tuple[Node, ...]:
    """Only what weighs: how a text reads once its swaps, tags and ``AND`` are resolved."""
    return build(tokenise(text, splices=False), {}, [])


def split_weight(tokens: list[Token]) -> tuple[list[Token], float, Span | None]:
    """Take a trailing ``:0.5`` off a part's tokens. LoRA tags may stand behind it."""
    tail: list[Token] = []
    for index in range(len(tokens) - 1, -1, -1):
        token = tokens[index]
        if token.kind is Kind.COLON:
            digits = [t for t in reversed(tail) if t.lora is None]
            number = read_number("".join(t.text for t in digits))
            if number is None:
                break
            tags = [t for t in reversed(tail) if t.lora is not None]
            last = next(t for t in reversed(digits) if not t.text.isspace())
            return tokens[:index] + tags, number, (token.start, _stripped_end(last))
        # A token without text is a backslash, and that splits a number.
        if token.kind not in (Kind.TEXT, Kind.LORA) or not token.text:
            break
        tail.append(token)
    return tokens, 1.0, None


def _stripped_end(token: Token) -> int:
    return token.end - (len(token.text) - len(token.text.rstrip()))


def _trimmed(nodes: tuple[Node, ...]) -> tuple[Node, ...]:
    """``nodes`` without white space at either end."""
    if nodes and isinstance(first := nodes[0], Text):
        nodes = _shortened(first, len(first.text) - len(first.text.lstrip()), None) + nodes[1:]
    if nodes and isinstance(last := nodes[-1], Text):
        nodes = nodes[:-1] + _shortened(last, 0, len(last.text.rstrip()))
    return nodes


def _shortened(text: Text, start: int, end: int | None) -> tuple[Text, ...]:
    kept = text.text[start:end]
    if not kept or kept == text.text:
        return (text,) if kept else ()
    stop = start + len(kept)
    first = text.source_offset(start)
    seams = tuple((at - start, source) for at, source in text.seams if start < at < stop)
    span = first, text.source_offset(stop - 1) + 1
    return (Text(kept, span, ((0, first), *seams)),)
