"""Drafts: dozens of cheap pictures, the prompts taken in turn."""

from __future__ import annotations

from maquette.core.recipe import MAX_SEED
from maquette.core.version import Version
from maquette.stages.order import Order
from maquette.stages.plan.campaign import Campaign
from maquette.stages.plan.ledger import evaluations

__all__ = ["STAGE", "draw", "expected", "orders"]

STAGE = "drafts"


def orders(campaign: Campaign) -> list[tuple[int, Order]]:
    """An order for each draft; seeds follow each other, prompts alternate."""
    brief, wanted = campaign.brief, list[tuple[int, Order]]()
    for place in range(brief.drafts.count):
        order = campaign.hands.orders.generate(
            brief.prompts[place % len(brief.prompts)],
            negative=brief.negative,
            seed=(brief.first_seed + place) % (MAX_SEED + 1),
            size=brief.size,
            quality=brief.drafts.quality,
            steps=brief.drafts.steps,
            guidance=brief.drafts.guidance,
        )
        wanted.append((place, order))
    return wanted


def expected(campaign: Campaign) -> float | None:
    """Seconds that the drafts will take together, by what was drawn before."""
    clock, asked = campaign.clock(), campaign.brief.drafts
    if clock is None:
        return None
    sampling = campaign.sampling(asked.quality, asked.steps, asked.guidance)
    return clock.seconds(evaluations(sampling)) * asked.count


def draw(campaign: Campaign) -> list[Version]:
    """Every draft of the brief.

    Raises:
        PromptRefused, SettingRefused, RecipeRefused: before anything is drawn.
        Cancelled, EngineFailed, StorageFull: what was made stays.
    """
    return campaign.carry_out(STAGE, orders(campaign))
