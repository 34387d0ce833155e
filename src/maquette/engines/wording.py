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


def traced_words(
    prompt: PromptText, known: frozenset[str] | None = None, *, negative: bool = False
) -> tuple[TracedWord, ...]:
    """The words of a prompt (or of its negative): their places in its source, their weights, and
    whether they are in the vocabulary ``known`` (None: any word is)."""
    text = prompt.negative if negative else prompt.text
    if prompt.interpreter == "plain":
        found = [(text[start:end], start, end, 1.0) for start, end in spell(text)]
    else:
        found = [(word.text, *word.span, word.weight) for word in words(parse(text))]
    return tuple(
        TracedWord(text=word, start=start, end=end, weight=weight, known=_knows(known, word))
        for word, start, end, weight in found
    )


def unknown_words(prompt: PromptText, can: Capabilities) -> tuple[str, ...]:
    """The words of a prompt and its negative that the model never saw, in order, each once.

    Numbers pass; a hyphenated word passes when each of its parts is known. An open vocabulary
    knows every word.
    """
    both = (
        *traced_words(prompt, can.vocabulary),
        *traced_words(prompt, can.vocabulary, negative=True),
    )
    return tuple(dict.fromkeys(word.text for word in both if not word.known))


def _knows(vocabulary: frozenset[str] | None, word: str) -> bool:
    if vocabulary is None or word.lower() in vocabulary:
        return True
    pieces = _JOINS.split(word.lower())
    return all(piece in vocabulary for piece in pieces if _LETTERS.search(piece))


def substitutions(unknown: tuple[str, ...]) -> tuple[Substitution, ...]:
    """What is said about words that the model does not know."""
    return tuple(
        Substitution(asked=word, given="(nothing)", reason="not in the model's vocabulary")
        for word in unknown
    )
