"""The words of a prompt as drawing engines tell them: where they stand, which are unknown."""

from __future__ import annotations

import re

from maquette.core.capabilities import Capabilities
from maquette.core.grammar import parse, words
from maquette.core.grammar.words import spell
from maquette.core.recipe import PromptText
from maquette.core.trace import TracedWord
from maquette.engines.base import Substitution

__all__ = ["substitutions", "traced_words", "unknown_words"]

_LETTERS = re.compile(r"[^\W\d_]")
_JOINS = re.compile(r"[-'’_]")


def traced_words(prompt: PromptText, *, negative: bool = False) -> tuple[TracedWord, ...]:
    """The words of a prompt (or of its negative): their places in its source, their weights."""
    text = prompt.negative if negative else prompt.text
    if prompt.interpreter == "plain":
        return tuple(
            TracedWord(text=text[start:end], start=start, end=end) for start, end in spell(text)
        )
    return tuple(
        TracedWord(text=word.text, start=word.span[0], end=word.span[1], weight=word.weight)
        for word in words(parse(text))
    )


def unknown_words(prompt: PromptText, can: Capabilities) -> tuple[str, ...]:
    """The words of a prompt and its negative that the model never saw, in order, each once.

    Numbers pass; a hyphenated word passes when each of its parts is known. An open vocabulary
    knows every word.
    """
    known = can.vocabulary
    if known is None:
        return ()
    both = (*traced_words(prompt), *traced_words(prompt, negative=True))

    def unknown(word: str) -> bool:
        pieces = [word.lower(), *_JOINS.split(word.lower())]
        return pieces[0] not in known and any(
            piece not in known for piece in pieces[1:] if _LETTERS.search(piece)
        )

    return tuple(dict.fromkeys(word.text for word in both if unknown(word.text)))


def substitutions(unknown: tuple[str, ...]) -> tuple[Substitution, ...]:
    """What is said about words that the model does not know."""
    return tuple(
        Substitution(asked=word, given="(nothing)", reason="not in the model's vocabulary")
        for word in unknown
    )
