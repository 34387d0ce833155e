"""Finding words and phrases in a prompt, and what is said when one is not there."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from maquette.errors import WordUnknown

from .nodes import Prompt
from .words import Leaf, leaves, spell

__all__ = ["Place", "UnknownWord", "find_phrase", "in_one_breath", "places"]

_NTH = re.compile(r"(?P<phrase>.*)#(?P<nth>[0-9]{1,9})", re.DOTALL)
_LISTED = 40


class UnknownWord(WordUnknown, ValueError):
    """A word or phrase that the prompt does not hold. The message lists those it does."""

    hint = "name a word or a phrase of the prompt; moon#2 is its second moon"

    def __init__(self, word: str, present: Sequence[str]) -> None:
        self.word = word
        self.present = tuple(present)
        names = list(dict.fromkeys(present))
        listed = ", ".join(names[:_LISTED]) + (", …" if len(names) > _LISTED else "")
        super().__init__(
            f"the prompt has no {word!r}; its words are: {listed}"
            if names
            else f"the prompt has no {word!r}; it has no words at all"
        )


@dataclass(frozen=True, slots=True)
class Place:
    """A word where it stands: ``leaf.text.text[start:end]``."""

    leaf: Leaf
    start: int
    end: int

    @property
    def word(self) -> str:
        return self.leaf.text.text[self.start : self.end]


def places(prompt: Prompt) -> list[Place]:
    """Every word of the prompt, in the order of the source."""
    return [
        Place(leaf, start, end) for leaf in leaves(prompt) for start, end in spell(leaf.text.text)
    ]


def find_phrase(key: str, found: Sequence[Place]) -> list[range]:
    """Where the phrase ``key`` stands among the words ``found``, as ranges of their indices.

    Whole words are matched, letter case aside; only white space may stand between them. A key
    like ``moon#2`` means the second occurrence alone.

    Raises:
        UnknownWord: it does not occur, or not that often.
    """
    numbered = _NTH.fullmatch(key)
    phrase = numbered["phrase"] if numbered else key
    wanted = [phrase[start:end].casefold() for start, end in spell(phrase)]
    matches: list[range] = []
    index = 0
    while wanted and index + len(wanted) <= len(found):
        if _matches(wanted, found, index):
            matches.append(range(index, index + len(wanted)))
            index += len(wanted)
        else:
            index += 1
    if numbered:
        nth = int(numbered["nth"])
        matches = matches[nth - 1 : nth] if nth else []
    if not matches:
        raise UnknownWord(key, [place.word for place in found])
    return matches


def in_one_breath(first: Place, second: Place) -> bool:
    """Whether nothing but white space stands between two neighbouring words."""
    if first.leaf is second.leaf:
        return first.leaf.text.text[first.end : second.start].isspace()
    if first.leaf.stretch != second.leaf.stretch:
        return False
    return first.end == first.leaf.inner[1] and second.start == second.leaf.inner[0]


def _matches(wanted: Sequence[str], found: Sequence[Place], index: int) -> bool:
    for offset, word in enumerate(wanted):
        if found[index + offset].word.casefold() != word:
            return False
        if offset and not in_one_breath(found[index + offset - 1], found[index + offset]):
            return False
    return True
