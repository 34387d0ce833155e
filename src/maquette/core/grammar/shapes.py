"""Which square brackets swap or alternate, found before any weight is read.

The rules, bottom-up (``text`` holds no unescaped ``: | ( ) [ ]``):

    number  = a signed decimal, white space around it allowed
    weighed = "(" body ")"  |  "(" body ":" body ")"  |  "[" body "]"
    swap    = "[" body ":" number "]"  |  "[" body ":" body ":" number "]"
    choice  = "[" body ("|" body)+ "]"
    body    = (text | weighed | swap | choice)*

A bracket that fits none of these is loose. Loose brackets may stand around swaps but not inside
one, so meeting one dooms every bracket still open. Published cases fix one more point: in a
bracket that ends in ``: number``, a ``|`` is text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from .numerals import read_when
from .tokens import Kind, Token

__all__ = ["Shape", "find_shapes"]


@dataclass(frozen=True, slots=True)
class Shape:
    """A swap or a choice. The numbers are token indices: its separators and its closing bracket.

    ``when`` is None for a choice. For a swap the last separator stands before the number.
    """

    close: int
    separators: tuple[int, ...]
    when: tuple[float, bool] | None = None


@dataclass(slots=True)
class _Open:
    kind: Kind
    index: int
    colons: list[int] = field(default_factory=list[int])
    pipes: list[int] = field(default_factory=list[int])


def find_shapes(source: str, tokens: Sequence[Token]) -> Mapping[int, Shape]:
    """The swaps and choices among ``tokens``, by the index of their opening bracket."""
    shapes: dict[int, Shape] = {}
    open_brackets: list[_Open] = []
    for index, token in enumerate(tokens):
        match token.kind:
            case Kind.OPEN | Kind.SQUARE:
                open_brackets.append(_Open(token.kind, index))
            case Kind.COLON if open_brackets and not token.hidden:
                open_brackets[-1].colons.append(index)
            case Kind.PIPE if open_brackets and not token.hidden:
                open_brackets[-1].pipes.append(index)
            case Kind.CLOSE | Kind.CLOSE_WEIGHT if open_brackets:
                bracket = open_brackets.pop()
                colons = len(bracket.colons)
                colons += token.kind is Kind.CLOSE_WEIGHT and not token.hidden
                if bracket.kind is not Kind.OPEN or colons > 1:
                    open_brackets.clear()
            case Kind.UNSQUARE if open_brackets:
                bracket = open_brackets.pop()
                shape = _shape(source, tokens, bracket, index)
                if shape is not None:
                    shapes[bracket.index] = shape
                elif bracket.kind is not Kind.SQUARE or bracket.colons or bracket.pipes:
                    open_brackets.clear()
            case _:
                pass
    return shapes


def _shape(source: str, tokens: Sequence[Token], bracket: _Open, close: int) -> Shape | None:
    if bracket.kind is not Kind.SQUARE:
        return None
    colons, pipes = bracket.colons, bracket.pipes
    if pipes and not colons:
        return Shape(close, tuple(pipes))
    if len(colons) in (1, 2):
        when = read_when(source, tokens[colons[-1]].end, tokens[close].start)
        if when is not None:
            return Shape(close, tuple(colons), when)
    return None
