"""Words that say what a picture shows, told from those that only join them."""

from __future__ import annotations

__all__ = ["is_content"]

_JOINING = frozenset(
    """
    a an the this that these those some any each every no its his her their our your my
    and or but nor so yet as than then
    of in on at by to for from with without within into onto over under above below beneath beside
    behind between among around near next against across through along up down off out about
    is are was were be been being has have had it he she they we you i who which while where
    very quite rather
    """.split()  # noqa: SIM905 - a list of words reads better as words
)


def is_content(word: str) -> bool:
    """Whether a word is none of the articles, pronouns, prepositions, conjunctions and the like.

    An occurrence (``moon#2``) does not matter, nor does case.
    """
    return word.partition("#")[0].casefold() not in _JOINING
