"""Locked words: a brand's own, which no row, flag, weight or edit may remove or weaken."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from maquette.core.grammar import Node, Prompt, Text, Weighted, parse
from maquette.core.grammar.words import product, spell
from maquette.errors import WordLocked

__all__ = ["check_locked", "missing_locks"]

_TOLERANCE = 1e-6


@dataclass(frozen=True, slots=True)
class _Said:
    word: str
    weight: float
    glued: bool
    """Whether nothing but white space stands between it and the word before."""


def missing_locks(text: str, locked: Iterable[str], *, plain: bool = False) -> dict[str, str]:
    """The locked words that a prompt does not hold as it should, each with what is wrong.

    Locked words stand side by side, in any case, weigh 1 or more, and are drawn at every step: not
    inside a swap or an alternation. ``plain`` reads brackets as letters.
    """
    wanted = {phrase: [word.casefold() for word in _spelt(phrase)] for phrase in locked}
    if not wanted:
        return {}
    stretches = [_plain(text)] if plain else list(_said(parse(text)))
    wrong: dict[str, str] = {}
    for phrase, words in wanted.items():
        best = max(
            (_weight(words, said) for said in stretches if words),
            default=None,
            key=lambda weight: -1.0 if weight is None else weight,
        )
        if best is None:
            wrong[phrase] = "is missing"
        elif best < 1 - _TOLERANCE:
            wrong[phrase] = f"weighs {best:.3g}, less than 1"
    return wrong


def check_locked(
    text: str, locked: Sequence[str], negative: str = "", *, plain: bool = False
) -> None:
    """Refuse a prompt that removes or weakens locked words, or that holds them in its negative.

    Raises:
        WordLocked: naming the first of them.
    """
    for phrase, wrong in missing_locks(text, locked, plain=plain).items():
        raise WordLocked(
            f"'{phrase}' is locked and {wrong} in this prompt",
            hint=f"keep '{phrase}' as it is, at a weight of 1 or more",
        )
    for phrase in locked:
        words = [word.casefold() for word in _spelt(phrase)]
        against = list(_said(parse(negative), everywhere=True)) if negative else []
        if words and any(_weight(words, said) is not None for said in against):
            raise WordLocked(
                f"'{phrase}' is locked and stands in the negative prompt",
                hint="take it out of the negative prompt",
            )


def _spelt(text: str) -> list[str]:
    return [text[start:end] for start, end in spell(text)]


def _plain(text: str) -> list[_Said]:
    found: list[_Said] = []
    last = 0
    for start, end in spell(text):
        found.append(_Said(text[start:end].casefold(), 1.0, not text[last:start].strip()))
        last = end
    return found


def _said(prompt: Prompt, *, everywhere: bool = False) -> Iterator[list[_Said]]:
    """The words of each AND part, with their weights; those of swaps only if ``everywhere``."""
    for part in prompt.parts:
        found: list[_Said] = []
        broken = True

        def walk(nodes: Sequence[Node], around: tuple[Weighted, ...], weight: float) -> None:
            nonlocal broken
            for node in nodes:
                match node:
                    case Text(text):
                        last = 0
                        for start, end in spell(text):
                            glued = not broken and not text[last:start].strip()
                            found.append(_Said(text[start:end].casefold(), weight, glued))  # noqa: B023
                            last, broken = end, False
                        broken = broken or bool(text[last:].strip())
                    case Weighted():
                        inner = (*around, node)
                        walk(node.nodes, inner, product(inner) * part.weight)  # noqa: B023
                    case _:
                        broken = True
                        for branch in getattr(node, "branches", ()) if everywhere else ():
                            walk(branch.nodes, around, weight)
                            broken = True

        walk(part.nodes, (), part.weight)
        yield found


def _weight(words: Sequence[str], said: Sequence[_Said]) -> float | None:
    """The weight of a phrase where it weighs most: that of its weakest word. None if missing."""
    best: float | None = None
    for at in range(len(said) - len(words) + 1):
        run = said[at : at + len(words)]
        if all(one.word == word for one, word in zip(run, words, strict=True)) and all(
            one.glued for one in run[1:]
        ):
            weight = min(one.weight for one in run)
            best = weight if best is None else max(best, weight)
    return best
