"""What changed between two prompts, in words."""

from __future__ import annotations

from collections import deque
from typing import Any

from .parser import parse
from .words import Word, words

__all__ = ["changed_words"]

_DIGITS = 6
"""Weights that agree to so many decimals are the same."""


def changed_words(a: str, b: str) -> dict[str, Any]:
    """The words that come and go from prompt ``a`` to prompt ``b``, and those that weigh anew.

    Ready for JSON: ``{"added": […], "removed": […], "reweighted": [[word, from, to], …]}``, with
    additions and new weights in the order of ``b`` and removals in the order of ``a``. Letter
    case does not count. A word that occurs several times is matched occurrence by occurrence:
    first those of equal weight, the rest in order.
    """
    old, new = words(parse(a)), words(parse(b))
    partner: dict[int, int] = {}
    # Equal words of equal weight find each other first, then what is left, each in order.
    for key in (_word_and_weight, _word):
        waiting: dict[object, deque[int]] = {}
        taken = set(partner.values())
        for index, word in enumerate(old):
            if index not in taken:
                waiting.setdefault(key(word), deque()).append(index)
        for index, word in enumerate(new):
            if index not in partner and waiting.get(key(word)):
                partner[index] = waiting[key(word)].popleft()
    taken = set(partner.values())
    reweighted = [
        [word.text, round(old[partner[index]].weight, _DIGITS), round(word.weight, _DIGITS)]
        for index, word in enumerate(new)
        if index in partner
    ]
    return {
        "added": [word.text for index, word in enumerate(new) if index not in partner],
        "removed": [word.text for index, word in enumerate(old) if index not in taken],
        "reweighted": [change for change in reweighted if change[1] != change[2]],
    }


def _word(word: Word) -> object:
    return word.text.casefold()


def _word_and_weight(word: Word) -> object:
    return word.text.casefold(), round(word.weight, _DIGITS)
