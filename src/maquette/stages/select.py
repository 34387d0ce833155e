"""Select: which of many drafts are worth a person's look, by score and unlike one another.

A draft's score is what its maker's eye would check first: do the words have their places (focus),
is it well made (technique), and did the critics find faults. A person's own stars count before
any. The suggestions are taken greedily by maximal marginal relevance (Carbonell and Goldstein,
SIGIR 1998), so that five suggestions are five pictures and not one picture five times.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

from maquette.core.finding import Finding
from maquette.core.geometry import Size
from maquette.core.grammar.content import is_content
from maquette.core.heat import statistics
from maquette.core.trace import Trace
from maquette.core.version import Version
from maquette.stages.technique import Technique, technique_of

__all__ = ["TECHNIQUE", "Candidate", "Pick", "focus_of", "select"]

TECHNIQUE = 0.2
"""The share of the score that technical quality has; the rest is the words' focus."""
TOLD = 0.6
"""Technical quality below which a reason says what is the matter."""
UNTOLD = 0.5
"""The focus of a draft without token maps: neither good nor bad."""
DIVERSITY = 0.35
"""How much being unlike the picks before counts against the score, 0 to 1."""
GRID = 8
"""Pictures are told apart by the colours of so many places a side."""
FAR = 40.0
"""Two pictures this far apart (CIE Lab, root mean square over the places) share nothing."""
MOST_STARS = 5


@dataclass(frozen=True)
class Candidate:
    """A version with what the choice goes by; ``rating`` is a person's 1 to 5, None without one."""

    version: Version
    picture: Image.Image
    trace: Trace | None = None
    findings: Sequence[Finding] = ()
    rating: int | None = None


@dataclass(frozen=True)
class Pick:
    """A candidate's place in the ranking.

    ``score`` is 0 to 1; ``focus`` how concentrated its words' maps are (None without maps),
    ``technique`` how well it is made, ``faults`` the sum of its findings' scores; ``suggested`` is
    its turn among the suggestions (1 is the first) or None; ``reason`` says in a line why.
    """

    version: Version
    score: float
    focus: float | None
    technique: float
    faults: float
    suggested: int | None
    reason: str


def focus_of(trace: Trace, size: Size, words: Sequence[str] | None = None) -> float | None:
    """How concentrated the maps of these words (or of every content word that the model knows)
    are on the mean: the part of a word's attention that lies in its hottest tenth of the picture,
    0.1 when it is spread evenly and 1 in one spot. None when there is no such word.

    Raises:
        WordUnknown: the prompt does not hold one of ``words``.
    """
    if words is not None:
        found = [statistics(trace, size, word)[0].focus for word in words]
    else:
        found = [
            each.focus for each in statistics(trace, size) if each.known and is_content(each.token)
        ]
    return float(np.mean(found)) if found else None


def select(candidates: Sequence[Candidate], count: int = 5) -> list[Pick]:
    """Every candidate, best score first, ``count`` of them suggested.

    The score is focus and technical quality (``TECHNIQUE``), divided by one more than the sum of
    the faults, so that of drafts with many the one with fewer is still the better; with stars, it
    is the share of the stars instead, and the measured one only decides between equals.
    A candidate whose recipe made the same bytes as an earlier one is never suggested beside it.
    """
    measured = [_measure(candidate) for candidate in candidates]
    looks = [_look(candidate.picture) for candidate in candidates]
    turns = _greedy([each.score for each in measured], looks, max(0, count))
    best = max(range(len(measured)), key=lambda index: measured[index].score, default=0)
    picks = [
        Pick(
            candidate.version,
            round(own.score, 4),
            own.focus,
            round(own.technique.score, 4),
            own.faults,
            turns.get(index),
            _reason(candidate, own, turns.get(index), leads=index == best),
        )
        for index, (candidate, own) in enumerate(zip(candidates, measured, strict=True))
    ]
    return sorted(picks, key=lambda pick: -pick.score)


@dataclass(frozen=True)
class _Measured:
    score: float
    focus: float | None
    technique: Technique
    faults: float


def _measure(candidate: Candidate) -> _Measured:
    faults = sum(finding.score for finding in candidate.findings if finding.severity != "note")
    focus = (
        focus_of(candidate.trace, candidate.version.size) if candidate.trace is not None else None
    )
    technique = technique_of(candidate.picture)
    told = (1 - TECHNIQUE) * (UNTOLD if focus is None else focus) + TECHNIQUE * technique.score
    score = min(1.0, max(0.0, told)) / (1 + faults)
    if candidate.rating is not None:
        stars = min(max(candidate.rating, 0), MOST_STARS)
        score = 0.95 * stars / MOST_STARS + 0.05 * score
    return _Measured(score, focus, technique, faults)


def _look(picture: Image.Image) -> npt.NDArray[np.float32]:
    """A picture's colours by place: CIE Lab, GRID x GRID x 3."""
    small = picture.convert("RGB").resize((GRID, GRID), Image.Resampling.BOX)
    scaled = np.asarray(small, dtype=np.float32) / np.float32(255)
    return np.asarray(cv2.cvtColor(scaled, cv2.COLOR_RGB2LAB), dtype=np.float32)


def _apart(a: npt.NDArray[np.float32], b: npt.NDArray[np.float32]) -> float:
    """0 for the same picture, 1 for two that share nothing."""
    return min(1.0, float(np.sqrt(np.mean(np.sum((a - b) ** 2, axis=-1)))) / FAR)


def _greedy(
    scores: Sequence[float], looks: Sequence[npt.NDArray[np.float32]], count: int
) -> dict[int, int]:
    """Index of each suggestion to its turn, from 1."""
    turns: dict[int, int] = {}
    nearest = [1.0] * len(scores)
    while len(turns) < count:
        open_ = [i for i in range(len(scores)) if i not in turns and nearest[i] > 0]
        if not open_:
            break
        worth = {i: (1 - DIVERSITY) * scores[i] + DIVERSITY * nearest[i] for i in open_}
        chosen = max(open_, key=lambda i: (worth[i], -i))
        turns[chosen] = len(turns) + 1
        nearest = [
            min(near, _apart(looks[chosen], look))
            for near, look in zip(nearest, looks, strict=True)
        ]
    return turns


def _reason(candidate: Candidate, own: _Measured, turn: int | None, *, leads: bool) -> str:
    parts: list[str] = []
    if candidate.rating is not None:
        parts.append(f"{candidate.rating} of {MOST_STARS} stars")
    if own.focus is not None:
        parts.append(f"words in their places {own.focus:.0%}")
    technique = own.technique
    least = f"; least {technique.least}" if technique.score < TOLD else ""
    parts.append(f"technique {technique.score:.0%} (a fifth{least})")
    serious = [finding for finding in candidate.findings if finding.severity != "note"]
    if serious:
        more = f", and {len(serious) - 1} more" if len(serious) > 1 else ""
        parts.append(f"{serious[0].message}{more}")
    else:
        parts.append("nothing found amiss")
    if leads:
        parts.insert(0, "the best score")
    elif turn is not None:
        parts.insert(0, "unlike those before it")
    return ", ".join(parts)
