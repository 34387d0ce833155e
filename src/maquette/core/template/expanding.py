"""Filling a template: some ways by a seed, or every way in order."""

from __future__ import annotations

import hashlib
import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from maquette.core.grammar import MAX_LENGTH
from maquette.core.template.compiling import Group, Once, Pick, Plan, Recall, Step
from maquette.errors import TemplateRefused

__all__ = ["MAX_EXPANSIONS", "every", "samples"]

MAX_EXPANSIONS = 10_000
"""Texts that are made at one time."""

_MOST_STEPS = 100_000
_MOST_STEPS_TOGETHER = 3_000_000
_MOST_LETTERS_TOGETHER = 5_000_000
_TRIES = 20
_BLANKS = re.compile(r"[ \t]{2,}")


def samples(plan: Plan, n: int, seed: int) -> list[str]:
    """Up to ``n`` different texts, chosen by weight; the same seed gives the same texts, and the
    first ones are the same whatever ``n`` is. Fewer where there are no more.

    Raises:
        TemplateRefused: a text that becomes too long, or ``n`` out of range.
    """
    _bounded(n)
    found: dict[str, None] = {}
    spent = _Spent()
    for index in range(n):
        for attempt in range(_TRIES):
            text = _filled(plan, _ByWeight(seed, index, attempt), spent)
            if text not in found:
                found[text] = None
                break
        if len(found) >= plan.ways:
            break
    return list(found)


def every(plan: Plan, limit: int = MAX_EXPANSIONS) -> list[str]:
    """The first ``limit`` different texts of all, the last choice changing fastest.

    Raises:
        TemplateRefused: a text that becomes too long, or ``limit`` out of range.
    """
    _bounded(limit)
    found: dict[str, None] = {}
    turns, spent = _InTurn(), _Spent()
    for _ in range(2 * MAX_EXPANSIONS):  # some ways read alike
        found[_filled(plan, turns, spent)] = None
        if len(found) >= limit or not turns.advance():
            break
    return list(found)


def _bounded(n: int) -> None:
    if not 1 <= n <= MAX_EXPANSIONS:
        raise TemplateRefused(
            f"cannot make {n} texts of a template at once", hint=f"1 to {MAX_EXPANSIONS}"
        )


class _Chooser(Protocol):
    def pick(self, weights: Sequence[float]) -> int: ...

    def between(self, low: int, high: int) -> int: ...


class _ByWeight:
    """Chance, the same for the same numbers on every machine."""

    def __init__(self, *numbers: int) -> None:
        digest = hashlib.sha256(":".join(map(str, numbers)).encode()).digest()
        # Of this generator only random() is promised to stay the same between Pythons.
        self._chance = random.Random(int.from_bytes(digest[:8], "big"))  # noqa: S311

    def pick(self, weights: Sequence[float]) -> int:
        at = self._chance.random() * sum(weights)
        for index, weight in enumerate(weights):
            at -= weight
            if at < 0:
                return index
        return len(weights) - 1

    def between(self, low: int, high: int) -> int:
        return low + min(high - low, int(self._chance.random() * (high - low + 1)))


class _InTurn:
    """Each choice after the other; ``advance`` goes on to the next way."""

    def __init__(self) -> None:
        self._taken: list[list[int]] = []
        self._at = 0

    def _next(self, count: int) -> int:
        if self._at == len(self._taken):
            self._taken.append([0, count])
        self._at += 1
        return self._taken[self._at - 1][0]

    def pick(self, weights: Sequence[float]) -> int:
        return self._next(len(weights))

    def between(self, low: int, high: int) -> int:
        return low + self._next(high - low + 1)

    def advance(self) -> bool:
        """Go on to the next way; False when there is none."""
        while self._taken:
            last = self._taken[-1]
            last[0] += 1
            if last[0] < last[1]:
                self._at = 0
                return True
            self._taken.pop()
        return False


@dataclass(slots=True)
class _Filling:
    chooser: _Chooser
    kept: dict[int, str]
    steps: int = 0
    length: int = 0

    def group(self, group: Group) -> str:
        return "".join(self.step(step) for step in group.steps)

    def step(self, step: Step) -> str:
        self.steps += 1
        if self.steps > _MOST_STEPS:
            raise TemplateRefused(
                "the template takes too many steps to fill", hint="part it into several templates"
            )
        match step:
            case str():
                return self._said(step)
            case Recall(slot):
                return self._said(self.kept[slot])
            case Once(slot, group):
                before = self.length
                self.kept[slot] = self.group(group)
                self.length = before
                return ""
            case Group():
                return self.group(step)
            case _:
                return self._pick(step)

    def _pick(self, pick: Pick) -> str:
        count = pick.low
        if pick.low < pick.high:
            count = self.chooser.between(pick.low, pick.high)
        left, chosen = list(pick.options), list[str]()
        for _ in range(count):
            index = self.chooser.pick([weight for weight, _ in left]) if len(left) > 1 else 0
            _, group = left[index] if count == 1 else left.pop(index)
            chosen.append(self.group(group))
        return pick.joiner.join(chosen)

    def _said(self, text: str) -> str:
        self.length += len(text)
        if self.length > MAX_LENGTH:
            raise TemplateRefused(
                f"the template becomes longer than the {MAX_LENGTH:,} characters of a prompt",
                hint="shorten it; models read some 75 words at most",
            )
        return text


@dataclass(slots=True)
class _Spent:
    """What filling a template again and again has taken so far."""

    steps: int = 0
    letters: int = 0

    def add(self, filling: _Filling) -> None:
        self.steps += filling.steps
        self.letters += filling.length
        if self.steps > _MOST_STEPS_TOGETHER or self.letters > _MOST_LETTERS_TOGETHER:
            raise TemplateRefused(
                "the template is too long to be filled so many times", hint="ask for fewer texts"
            )


def _filled(plan: Plan, chooser: _Chooser, spent: _Spent) -> str:
    filling = _Filling(chooser, {})
    text = filling.group(plan.group)
    spent.add(filling)
    return _BLANKS.sub(" ", text).strip()
