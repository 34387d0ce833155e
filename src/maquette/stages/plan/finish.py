"""Refine and polish: the chosen drafts at full quality, then what is still amiss."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from maquette.core.version import Version
from maquette.stages.improve import answered, improve
from maquette.stages.order import Order, Ordered
from maquette.stages.plan.campaign import Campaign
from maquette.stages.plan.drafts import values_of
from maquette.stages.plan.edits import Edit, edits_of
from maquette.stages.plan.ledger import evaluations
from maquette.storage.origin import origins_of

__all__ = ["POLISH", "REFINE", "expected", "polish", "polished", "refine"]

REFINE, POLISH = "refine", "polish"
_ROOM = 100
"""Places for the edits of one final."""


def expected(campaign: Campaign, count: int) -> float | None:
    """Seconds that so many finals will take."""
    clock, asked = campaign.clock(), campaign.brief.refine
    if clock is None:
        return None
    sampling = campaign.sampling(asked.quality, asked.steps, asked.guidance)
    return clock.seconds(evaluations(sampling, 1 - asked.begin)) * count


def refine(campaign: Campaign, chosen: Sequence[Version]) -> list[Version]:
    """The finished picture of each chosen draft, as its child."""
    asked = campaign.brief.refine
    wanted = [
        (
            place,
            campaign.hands.orders.refine(
                draft,
                quality=asked.quality,
                begin=asked.begin,
                steps=asked.steps,
                guidance=asked.guidance,
            ),
        )
        for place, draft in enumerate(chosen)
    ]
    return campaign.carry_out(REFINE, wanted)


def polish(campaign: Campaign, finals: Sequence[Version]) -> tuple[list[Version], list[Version]]:
    """The finals with their faults mended, in the brief's shape and size; each as often as the
    brief says (``polish.each``).

    Returns:
        (what goes out, all pictures of one final together; every version that was made for it).
    """
    drafts = [parent for final in finals for parent in final.parents]
    origins = origins_of(campaign.hands.records, drafts)
    each = campaign.brief.polish.each or ({},)
    mended, made = _mended(campaign, finals)
    best: list[Version] = []
    todo: list[list[Edit]] = []
    for final, start in zip(finals, mended, strict=True):
        values = values_of(campaign, origins.get(final.parents[0], {}) if final.parents else {})
        best += [start] * len(each)
        todo += [edits_of(campaign, {**values, **more}) for more in each]
    for nth, asks in enumerate(zip(*todo, strict=True)):  # all take each step together
        wanted: list[tuple[int, Order]] = []
        for place, (version, ask) in enumerate(zip(best, asks, strict=True)):
            if (order := ask(version)) is not None:
                wanted.append((place * _ROOM + nth, order))
        found = campaign.carry_out(POLISH, wanted) if wanted else []
        for (place, _), version in zip(wanted, found, strict=True):
            best[place // _ROOM] = version
        made += found
    return best, made


def polished(campaign: Campaign, finals: Sequence[Version]) -> list[Version] | None:
    """What goes out when all of it is there; None while something is missing. Nothing is made."""
    try:
        return polish(replace(campaign, others=True), finals)[0]
    except Ordered:
        return None


def _mended(campaign: Campaign, finals: Sequence[Version]) -> tuple[list[Version], list[Version]]:
    """The best versions that the loop finds, and all that it tried; what it found before is not
    sought again.

    Raises:
        Ordered: others let the loop run.
    """
    asked = campaign.brief.polish
    if asked.steps == 0:
        return list(finals), []
    how: dict[str, Any] = {"until": asked.until, "steps": asked.steps}
    wish = list(how.values())
    known = {version: told for version, told in campaign.notes(POLISH) if told.get("wish") == wish}
    orders: list[Order] = []
    for final in finals:
        if final.id in known:
            continue
        if final.id in campaign.answers:
            found = campaign.answers[final.id]
        elif campaign.others:
            orders.append(campaign.hands.orders.improve(final, **how))
            continue
        else:
            found = answered(improve(final, campaign.hands, **how))
        known[final.id] = {
            "wish": wish,
            "best": found["best"],
            "tried": [step["version"] for step in found["steps"]],
            "before": found["before"],
            "after": found["after"],
        }
        campaign.note(final, POLISH, known[final.id])
    if orders:
        raise Ordered(orders)
    version = campaign.hands.version
    best = [version(known[final.id]["best"]) for final in finals]
    return best, [version(each) for final in finals for each in known[final.id]["tried"]]
