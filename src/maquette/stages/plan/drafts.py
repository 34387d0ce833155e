"""Drafts: dozens of cheap pictures, the prompts taken in turn."""

from __future__ import annotations

from dataclasses import replace

from maquette.core.recipe import MAX_SEED
from maquette.core.version import Version
from maquette.stages.order import Order
from maquette.stages.plan.brief import Template
from maquette.stages.plan.campaign import Campaign
from maquette.stages.plan.ledger import evaluations

__all__ = ["STAGE", "draw", "expected", "orders"]

STAGE = "drafts"


def orders(campaign: Campaign) -> list[tuple[int, Order]]:
    """An order for each draft; seeds follow each other, prompts alternate.

    Raises:
        TemplateRefused, WordLocked, PromptRefused, SettingRefused, RecipeRefused.
    """
    brief, wanted = campaign.brief, list[tuple[int, Order]]()
    if brief.template is not None:
        return _filled(campaign, brief.template)
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


def _filled(campaign: Campaign, template: Template) -> list[tuple[int, Order]]:
    """The texts of a template in turn, each as often as the number of drafts asks for."""
    brief = campaign.brief
    book = template.playbook
    if book.endswith((".yaml", ".yml")):
        book = str(campaign.folder / book)
    each = -(-brief.drafts.count // max(1, len(template.rows)))
    order: Order = campaign.hands.orders.fill(
        template.name or template.text,
        playbook=book or None,
        values=template.values,
        rows=template.rows,
        n=each,
        choose=brief.first_seed,
        negative=brief.negative,
        seed=brief.first_seed,
        size=brief.size,
        quality=brief.drafts.quality,
        steps=brief.drafts.steps,
        guidance=brief.drafts.guidance,
    )
    wanted: list[tuple[int, Order]] = []
    for place in range(brief.drafts.count):
        which = place % len(order.recipes)
        recipe, seed = order.recipes[which], (brief.first_seed + place) % (MAX_SEED + 1)
        assert recipe.sampling is not None  # noqa: S101 (drawn from words)
        sampling = recipe.sampling.model_copy(update={"seed": seed})
        origins = order.origins[which : which + 1]
        one = replace(order, recipes=(recipe.change(sampling=sampling),), origins=origins)
        wanted.append((place, one))
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
