r"""ComfyUI's prompt weights, in A1111's dialect.

There, brackets weigh 1.1 and multiply, but a number (``(words:1.3)``) counts instead of whatever
stands around it; ``[ ]`` are letters, ``\(`` and ``\)`` escape, and a bracket that is never closed
is a letter. ``embedding:NAME`` asks for a learned word by its file.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass

__all__ = ["ComfyWords", "read_comfy_words"]

_MORE = 1.1
_DEEPEST = 50
_LONGEST = 100_000
_ESCAPED = {r"\(": "\ue000", r"\)": "\ue001"}
_EMBEDDING = re.compile(
    r"\bembedding:([\w\-./]*?[\w\-])(?:\.(?:pt|bin|safetensors))?(?=[\s,:()]|$)"
)


@dataclass(frozen=True)
class ComfyWords:
    """``text`` in A1111's dialect, and the names of the ``embeddings`` that it asks for, which
    stand in it by those names."""

    text: str
    embeddings: tuple[str, ...] = ()


def read_comfy_words(text: str) -> ComfyWords:
    """A prompt as ComfyUI reads it. Never fails."""
    text = text[:_LONGEST]
    for mark, letter in _ESCAPED.items():
        text = text.replace(mark, letter)
    names: list[str] = []

    def named(found: re.Match[str]) -> str:
        names.append(found[1])
        return found[1]

    text = _EMBEDDING.sub(named, text)
    runs: list[tuple[str, float]] = []
    for part, weight in _weighed(text, 1.0, 0):
        if runs and runs[-1][1] == weight:
            runs[-1] = runs[-1][0] + part, weight
        else:
            runs.append((part, weight))
    written = "".join(_written(part, weight) for part, weight in runs)
    return ComfyWords(written, tuple(dict.fromkeys(names)))


def _weighed(text: str, weight: float, depth: int) -> Iterator[tuple[str, float]]:
    for part in _groups(text):
        if depth >= _DEEPEST or len(part) < 2 or part[0] != "(" or part[-1] != ")":
            yield part, weight
            continue
        inner, own = part[1:-1], weight * _MORE
        head, colon, number = inner.rpartition(":")
        if colon and head and (given := _number(number)) is not None:
            inner, own = head, given
        yield from _weighed(inner, own, depth + 1)


def _groups(text: str) -> Iterator[str]:
    """The text cut at its outermost brackets, each pair with what it holds."""
    depth, start = 0, 0
    for place, letter in enumerate(text):
        if letter == "(":
            if depth == 0:
                if place > start:
                    yield text[start:place]
                start = place
            depth += 1
        elif letter == ")":
            depth -= 1
            if depth == 0:
                yield text[start : place + 1]
                start = place + 1
    if start < len(text):
        yield text[start:]


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _written(text: str, weight: float) -> str:
    for mark, letter in _ESCAPED.items():
        text = text.replace(letter, mark[1])
    escaped = re.sub(r"([()\[\]\\])", r"\\\1", text)
    if weight == 1 or not text.strip():
        return escaped
    return f"({escaped}:{round(weight, 4):g})"
