"""The ledger: what each stage took, what the next will take, and against what that is little.

Times are the engine's own seconds, as every version states them. What has not been drawn yet is
estimated from what has: seconds as a line over the number of the network's evaluations (a fixed
part for text, decoding and maps, and a part for each evaluation), fitted by least squares.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

import numpy as np

from maquette.core.cost import Money
from maquette.core.recipe import Sampling

__all__ = ["Clock", "Ledger", "Line", "evaluations", "ledger_of"]


def evaluations(sampling: Sampling, share: float = 1.0) -> int:
    """How often the network is asked: every step with and without the words, where they are
    guided. ``share`` of the steps are taken."""
    steps = max(1, round(sampling.steps * share))
    return steps * (2 if sampling.guidance > 1 else 1)


@dataclass(frozen=True)
class Clock:
    """Seconds of a drawing by its evaluations: ``fixed + each * evaluations``; ``of`` so many
    drawings that were timed."""

    fixed: float
    each: float
    of: int

    @classmethod
    def fitted(cls, timed: Iterable[tuple[int, float]]) -> Clock | None:
        """From (evaluations, seconds) of drawings; None of none."""
        points = [(count, seconds) for count, seconds in timed if count > 0 and seconds > 0]
        if not points:
            return None
        counts, seconds = (np.array(part, dtype=np.float64) for part in zip(*points, strict=True))
        # Times have long tails on a busy machine: the median of each count stands for it.
        distinct = np.unique(counts)
        middle = np.array([np.median(seconds[counts == count]) for count in distinct])
        if len(distinct) > 1:
            each, fixed = np.polyfit(distinct, middle, 1)
            if each > 0 and fixed >= 0:
                return cls(float(fixed), float(each), len(points))
        return cls(0.0, float((middle / distinct).mean()), len(points))

    def seconds(self, count: int) -> float:
        """What a drawing of so many evaluations takes."""
        return self.fixed + self.each * count


@dataclass(frozen=True)
class Line:
    """A stage: how many pictures it made, what was expected of it (None: nothing to go by) and
    what it took, in seconds and in money where somebody bills it."""

    stage: str
    pictures: int
    estimate: float | None
    seconds: float
    money: Money


@dataclass(frozen=True)
class Ledger:
    """All stages, and the named baseline: ``baseline_seconds`` is None while nothing was timed;
    ``saved`` is the part of it that was not spent (negative when more was)."""

    lines: tuple[Line, ...]
    baseline: str
    baseline_seconds: float | None

    @property
    def seconds(self) -> float:
        """What all stages took."""
        return sum(line.seconds for line in self.lines)

    @property
    def money(self) -> Money:
        """What they cost."""
        total = Money(currency=self.lines[0].money.currency) if self.lines else Money()
        for line in self.lines:
            total += line.money
        return total

    @property
    def drawn(self) -> float:
        """What drafts and finals took: what the baseline is held against. Polishing would come
        on top of the baseline as well."""
        return sum(line.seconds for line in self.lines if line.stage in {"drafts", "refine"})

    @property
    def saved(self) -> float | None:
        """The part of the baseline that was not spent, 1 at most."""
        if not self.baseline_seconds:
            return None
        return 1 - self.drawn / self.baseline_seconds


def priced(seconds: float, per_second: Decimal, currency: str) -> Money:
    """What so many seconds cost, to a millionth."""
    amount = (Decimal(str(round(seconds, 3))) * per_second).quantize(Decimal("0.000001"))
    return Money(amount=amount, currency=currency)


def ledger_of(
    lines: Sequence[Line], clock: Clock | None, count: int, quality: str, sampling: Sampling
) -> Ledger:
    """The ledger with ``count`` pictures of a quality, drawn from nothing, as its baseline."""
    each = clock.seconds(evaluations(sampling)) if clock is not None else None
    named = f"{count} {quality}s" if quality != "final" else f"{count} finals"
    return Ledger(tuple(lines), named, None if each is None else round(each * count, 3))
