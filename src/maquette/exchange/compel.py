"""Compel's prompt weights, as InvokeAI writes them, in A1111's dialect.

``word+`` and ``(some words)++`` weigh 1.1 a plus, ``-`` 0.9 a minus, ``(words)1.3`` by the number;
brackets without one are only brackets. Nesting multiplies. Blends, conjunctions and swaps
(``("a", "b").blend(1, 0.5)``, ``.and()``, ``.swap()``) are other things and are named instead.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

__all__ = ["read_compel"]

_MORE, _LESS = 1.1, 0.9
_LONGEST = 100_000
_DEEPEST = 50
_TOKEN = re.compile(
    r"""\\(?P<escaped>.)
    |(?P<open>\()
    |(?P<close>\))(?P<weight>[+]+|-+|\d+\.?\d*|\.\d+)?
    |(?P<word>[^\s()\\,]*[^\s()\\,+\-])(?P<signs>[+]+|-+)(?=[\s,()]|$)
    |(?P<text>[^\s()\\]+|\s+)""",
    re.VERBOSE | re.DOTALL,
)
_JOINED = re.compile(r"\.(blend|and|swap)\s*\(")


@dataclass
class _Piece:
    text: str
    weight: float = 1.0


@dataclass
class _Open:
    pieces: list[_Piece] = field(default_factory=list[_Piece])


def read_compel(text: str) -> tuple[str, tuple[str, ...]]:
    """A prompt in A1111's dialect, and what of it could not be carried over. Never fails."""
    if len(text) > _LONGEST:
        text = text[:_LONGEST]
    if found := _JOINED.search(text):
        return _escaped(text), (f"prompt: Compel's .{found[1]}() is left as text",)
    stack = [_Open()]
    for token in _TOKEN.finditer(text):
        _take(stack, token)
    while len(stack) > 1:  # never closed: a letter
        inner = stack.pop()
        stack[-1].pieces += [_Piece("("), *inner.pieces]
    pieces = _merged(stack[0].pieces)
    written = "".join(_written(piece) for piece in pieces)
    if all(piece.weight == 1 for piece in pieces):
        return written, ()
    return written, ("prompt weights: InvokeAI blends where A1111's dialect scales",)


def _take(stack: list[_Open], token: re.Match[str]) -> None:
    if token["escaped"] is not None:
        stack[-1].pieces.append(_Piece(token["escaped"]))
    elif token["open"]:
        if len(stack) > _DEEPEST:
            stack[-1].pieces.append(_Piece("("))
        else:
            stack.append(_Open())
    elif token["close"]:
        if len(stack) == 1:
            stack[0].pieces.append(_Piece(token[0]))
            return
        inner = stack.pop()
        weight = _weight(token["weight"] or "")
        stack[-1].pieces += [_Piece(each.text, each.weight * weight) for each in inner.pieces]
    elif token["word"]:
        stack[-1].pieces.append(_Piece(token["word"], _weight(token["signs"])))
    else:
        stack[-1].pieces.append(_Piece(token["text"]))


def _weight(signs: str) -> float:
    if not signs:
        return 1.0
    if signs[0] in "+-":
        return (_MORE if signs[0] == "+" else _LESS) ** min(len(signs), 20)
    return float(signs) if len(signs) < 20 else 1.0


def _merged(pieces: list[_Piece]) -> list[_Piece]:
    merged: list[_Piece] = []
    for piece in pieces:
        if merged and merged[-1].weight == piece.weight:
            merged[-1] = _Piece(merged[-1].text + piece.text, piece.weight)
        else:
            merged.append(piece)
    return merged


def _written(piece: _Piece) -> str:
    text = _escaped(piece.text)
    if piece.weight == 1 or not text.strip():
        return text
    return f"({text}:{round(piece.weight, 4):g})"


def _escaped(text: str) -> str:
    return re.sub(r"([()\[\]\\])", r"\\\1", text)
