"""The smallest pieces of a prompt, cut in one pass from left to right.

Every character of the source belongs to exactly one token. Two layers read the tokens: brackets
that weigh, and brackets that swap. They differ over a backslash: before ``( ) [ ] \\`` it makes
the character literal for both; before anything else it vanishes, and hides a ``:`` or ``|`` from
the swaps only.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import Enum, auto
from typing import NamedTuple

from .nodes import Lora
from .numerals import read_number, read_weight

__all__ = ["Kind", "Token", "tokenise"]


class Kind(Enum):
    """What a token is. ``text`` of a Token is what it shows when it turns out to be literal."""

    TEXT = auto()
    OPEN = auto()
    CLOSE = auto()
    CLOSE_WEIGHT = auto()
    """``:1.3)`` with its white space: ``number`` holds the weight."""
    SQUARE = auto()
    UNSQUARE = auto()
    COLON = auto()
    PIPE = auto()
    LORA = auto()
    BREAK = auto()
    AND = auto()


class Token(NamedTuple):
    """A piece of the source. ``hidden``: a backslash keeps it from the swaps."""

    kind: Kind
    start: int
    end: int
    text: str
    number: float = 0.0
    hidden: bool = False
    lora: Lora | None = None


_PIECE = re.compile(
    r"""
    (?P<escape> \\ [()\[\]\\] )
  | (?P<slash>  \\ )
  | (?P<weight> : \s*+ (?P<digits> [+-]?+ [.\d]++ ) \s*+ \) )
  | (?P<mark>   [()\[\]:|] )
  | (?P<lora>   <lora: (?P<inside> [^<>]*+ ) > )
  | (?P<plain>  [^\\()\[\]:|<]++ | < [^\\()\[\]:|<]*+ )
    """,
    re.VERBOSE,
)
_KEYWORD = re.compile(r"\b(?:AND|BREAK)\b")
_MARKS = {
    "(": Kind.OPEN,
    ")": Kind.CLOSE,
    "[": Kind.SQUARE,
    "]": Kind.UNSQUARE,
    ":": Kind.COLON,
    "|": Kind.PIPE,
}


def tokenise(text: str, *, splices: bool = True) -> list[Token]:
    """Cut ``text`` into tokens.

    With ``splices`` off, LoRA tags and ``AND`` are plain text: that is how a text reads once its
    swaps are resolved.
    """
    tokens: list[Token] = []
    position, hidden = 0, False
    while position < len(text):
        found = _PIECE.match(text, position)
        assert found is not None, "the pattern takes any character"  # noqa: S101
        start, end = found.span()
        after_slash, hidden = hidden, False
        match found.lastgroup:
            case "escape":
                tokens.append(Token(Kind.TEXT, start, end, found[0][1]))
            case "slash":
                tokens.append(Token(Kind.TEXT, start, end, ""))
                hidden = True
            case "weight":
                number = read_weight(found["digits"])
                if number is None:
                    end = start + 1
                    tokens.append(Token(Kind.COLON, start, end, ":", hidden=after_slash))
                else:
                    kind = Kind.CLOSE_WEIGHT
                    tokens.append(Token(kind, start, end, found[0], number, after_slash))
            case "mark":
                tokens.append(Token(_MARKS[found[0]], start, end, found[0], hidden=after_slash))
            case "lora" if splices and (lora := _lora(found["inside"], (start, end))):
                tokens.append(Token(Kind.LORA, start, end, found[0], lora=lora))
            case "lora":
                # Not a tag after all: only its first character is certainly text.
                end = start + 1
                tokens.append(Token(Kind.TEXT, start, end, "<"))
            case _:
                tokens.extend(_words(text, start, end, splices))
        position = end
    return tokens


def _words(text: str, start: int, end: int, splices: bool) -> Iterator[Token]:
    cursor = start
    # A slice, because \b must not look past the edges: a backslash or a bracket is a boundary.
    for found in _KEYWORD.finditer(text[start:end]):
        if found[0] == "AND" and not splices:
            continue
        first, last = start + found.start(), start + found.end()
        if first > cursor:
            yield Token(Kind.TEXT, cursor, first, text[cursor:first])
        kind = Kind.AND if found[0] == "AND" else Kind.BREAK
        yield Token(kind, first, last, found[0])
        cursor = last
    if cursor < end:
        yield Token(Kind.TEXT, cursor, end, text[cursor:end])


def _lora(inside: str, span: tuple[int, int]) -> Lora | None:
    """Read ``name:0.8``, ``name:text:picture`` or named ``te=``/``unet=``. None if malformed."""
    name, *arguments = inside.split(":")
    if not name.strip():
        return None
    plain: list[float] = []
    named: dict[str, float] = {}
    extras: list[str] = []
    for argument in arguments:
        key, equals, value = argument.partition("=")
        number = read_number(value if equals else argument)
        if equals and key in ("te", "unet"):
            if number is None:
                return None
            named[key] = number
        elif equals or len(plain) == 2:
            extras.append(argument)
        elif number is None:
            return None
        else:
            plain.append(number)
    text_weight = named.get("te", plain[0] if plain else 1.0)
    weight = named.get("unet", plain[1] if len(plain) == 2 else text_weight)
    return Lora(name, weight, text_weight, tuple(extras), span)
