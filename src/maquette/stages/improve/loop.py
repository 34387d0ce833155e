"""Look, choose a remedy, draw, look again; keep what is better, and stop.

Hill climbing with memory: from the best version so far the next untried remedy is carried out, the
findings taking turns, the worst one first. A better one becomes the best, a worse one stays in the
graph with its reason and is not built on. So the answer is never worse than the version that it
began with.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any, Literal

from maquette.core.finding import Finding
from maquette.core.version import Version
from maquette.errors import (
    FindingUnknown,
    MaskRefused,
    PromptRefused,
    RecipeRefused,
    SettingRefused,
    WordLocked,
    WordUnknown,
)
from maquette.stages.hands import Hands
from maquette.stages.improve.policy import Remedy, remedies
from maquette.stages.improve.score import WEIGHTS, score_of
from maquette.stages.order import Order

__all__ = ["BECAUSE", "Improvement", "Step", "answered", "improve"]

BECAUSE = "because"
"""The name of the note that says why a version was made."""

_IMPOSSIBLE = (
    FindingUnknown,
    MaskRefused,
    PromptRefused,
    RecipeRefused,
    SettingRefused,
    WordLocked,
    WordUnknown,
)
"""A remedy that raises one of these cannot be tried here; the next one is."""


@dataclass(frozen=True)
class Step:
    """A version that the loop made: what for, how good it is, whether it became the best."""

    version: Version
    finding: str
    remedy: str
    score: float
    better: bool


@dataclass(frozen=True)
class Improvement:
    """``best`` is ``began`` itself where nothing helped. ``ended``: ``reached`` the score,
    ``budget`` spent, or ``exhausted``: no remedy is left. ``seconds`` are the engine's."""

    began: Version
    best: Version
    before: float
    after: float
    steps: tuple[Step, ...]
    ended: Literal["reached", "budget", "exhausted"]
    seconds: float


def answered(done: Improvement) -> dict[str, Any]:
    """What a job of the loop answers: ``{best, before, after, ended, steps}``, as JSON."""
    return {
        "best": done.best.id,
        "before": done.before,
        "after": done.after,
        "ended": done.ended,
        "steps": [
            {"version": step.version.id, "remedy": step.remedy, "score": step.score}
            for step in done.steps
        ],
    }


def improve(
    version: Version,
    hands: Hands,
    *,
    until: float = 1.0,
    steps: int = 6,
    seconds: float | None = None,
    on_step: Callable[[Step], None] | None = None,
) -> Improvement:
    """Make a version better until its score reaches ``until``, at most ``steps`` versions and
    ``seconds`` of drawing are spent, or no remedy is left.

    Every version that was tried is kept, with a note that says why it was made.

    Raises:
        Cancelled, EngineFailed, StorageFull: what was made until then is kept.
    """
    best, score = version, _seen(hands, version)
    before, spent = score, 0.0
    made: list[Step] = []
    tried: set[str] = set()
    untried = _untried(best, hands, tried, len(made))
    while True:
        if score >= until:
            return Improvement(version, best, before, score, tuple(made), "reached", spent)
        if len(made) >= steps or (seconds is not None and spent >= seconds):
            return Improvement(version, best, before, score, tuple(made), "budget", spent)
        found = next(untried, None)
        if found is None:
            return Improvement(version, best, before, score, tuple(made), "exhausted", spent)
        finding, remedy = found
        try:
            child = _once(hands, remedy.order(hands))
        except _IMPOSSIBLE:
            continue
        spent += child.cost.seconds
        now = score_of(hands.findings(child))
        step = Step(child, finding.name, remedy.says, now, now > score)
        made.append(step)
        hands.records.add_findings(child.id, [_because(step, score)])
        if on_step is not None:
            on_step(step)
        if step.better:
            best, score = child, now
            untried = _untried(best, hands, tried, len(made))


def _once(hands: Hands, order: Order) -> Version:
    """The version that an order asks for: the one that an earlier, interrupted run left, if any."""
    for parent in order.parents:
        for child in hands.records.children(parent):
            if child.operation == order.operation and child.recipe == order.recipes[0]:
                return child
    (made,) = hands.carry_out(order)
    return made


def _seen(hands: Hands, version: Version) -> float:
    return score_of(hands.findings(version))


def _untried(
    version: Version, hands: Hands, tried: set[str], nth: int
) -> Iterator[tuple[Finding, Remedy]]:
    """Remedies for what is amiss with a version: the first one of each finding, the worst finding's
    first, then the second one of each; none a second time, unless for another version. So what
    cannot be mended does not use up the steps of what can."""
    amiss = [each for each in hands.findings(version) if WEIGHTS[each.severity] * each.score > 0]
    amiss.sort(key=lambda each: -WEIGHTS[each.severity] * each.score)
    turns = zip_longest(*(remedies(version, finding, nth) for finding in amiss))
    for turn in turns:
        for finding, remedy in zip(amiss, turn, strict=True):
            key = f"{version.id} {remedy.says}" if remedy is not None else ""
            if remedy is not None and key not in tried:
                tried.add(key)
                yield finding, remedy


def _because(step: Step, before: float) -> Finding:
    went = "better" if step.better else "no better"
    return Finding(
        critic="improve",
        name=BECAUSE,
        message=f"{step.remedy}, because of '{step.finding}':"
        f" {went} ({before:.2f} before, {step.score:.2f} now)",
        severity="note",
        score=0.0,
    )
