"""Drafts: dozens of cheap pictures, the prompts taken in turn."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from maquette.core.recipe import MAX_SEED, Recipe
from maquette.core.version import Version
from maquette.stages.order import Order
from maquette.stages.plan.campaign import Campaign
from maquette.stages.plan.ledger import evaluations
from maquette.stages.plan.naming import shown, with_values
from maquette.stages.plan.parts import Start, Template

__all__ = ["STAGE", "draw", "expected", "orders", "values_of"]

STAGE = "drafts"


def orders(campaign: Campaign) -> list[tuple[int, Order]]:
    """An order for each draft; seeds follow each other, prompts alternate.

    Raises:
        TemplateRefused, WordLocked, PromptRefused, SettingRefused, RecipeRefused.
        BriefRefused: a picture that is not there.
    """
    brief, wanted = campaign.brief, list[tuple[int, Order]]()
    if brief.template is not None:
        return _filled(campaign, brief.template)
    for place in range(brief.drafts.count):
        words = brief.prompts[place % len(brief.prompts)]
        order = _drawn(campaign, words, place, {}, negative=brief.negative)
        wanted.append((place, order))
    return wanted


def values_of(campaign: Campaign, origin: Mapping[str, Any]) -> dict[str, str]:
    """The values of the row that a draft came from, by its origin, and those that hold for all."""
    template = campaign.brief.template
    if template is None:
        return {}
    row = origin.get("row")
    own = template.rows[row - 1] if isinstance(row, int) and row <= len(template.rows) else {}
    return {**template.values, **own}


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
        spare=brief.beside,  # what only pictures and edits take
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
        recipe, origins = order.recipes[which], order.origins[which : which + 1]
        if brief.drafts.steered:
            assert recipe.prompt is not None  # noqa: S101 (drawn from words)
            values = values_of(campaign, origins[0])
            one = _drawn(
                campaign,
                recipe.prompt.text,
                place,
                values,
                negative=recipe.prompt.negative,
                like=recipe,
            )
            one = replace(one, origins=origins)
        else:
            assert recipe.sampling is not None  # noqa: S101 (drawn from words)
            sampling = recipe.sampling.model_copy(update={"seed": _seed(campaign, place)})
            one = replace(order, recipes=(recipe.change(sampling=sampling),), origins=origins)
        wanted.append((place, one))
    return wanted


def _drawn(
    campaign: Campaign,
    words: str,
    place: int,
    values: Mapping[str, str],
    *,
    negative: str,
    like: Recipe | None = None,
) -> Order:
    """A draft from these words: from noise, or from the brief's picture. ``like`` is the recipe
    that a template asks for, whose size counts and whose flags were read."""
    brief, asked, verbs = campaign.brief, campaign.brief.drafts, campaign.hands.orders
    size = brief.size if like is None else (like.size.width, like.size.height)
    how: dict[str, Any] = {
        "negative": negative,
        "seed": _seed(campaign, place),
        "size": size,
        "quality": asked.quality,
        "steps": asked.steps,
        "guidance": asked.guidance,
        "control": _shown(campaign, asked.control, values, "drafts.control"),
        "reference": _shown(campaign, asked.reference, values, "drafts.reference"),
        "lora": {campaign.called.get(name, name): weight for name, weight in asked.lora.items()},
        "embedding": {
            campaign.called.get(name, name): word for name, word in asked.embedding.items()
        },
    }
    if asked.picture is None:
        flags = {} if like is None else {"flags": "none"}
        return verbs.generate(words, **how, **flags)
    turn = place // max(1, len(brief.prompts) or len(brief.template.rows if brief.template else ()))
    strength = asked.picture.strength[turn % len(asked.picture.strength)]
    if size is None:
        best = campaign.hands.capabilities().best_size
        how["size"] = best.width, best.height
    return verbs.vary(
        _begun(campaign, asked.picture, values), strength=strength, prompt=words, **how
    )


def _begun(campaign: Campaign, start: Start, values: Mapping[str, str]) -> Version:
    """The version that drafts begin from; a file is taken in once."""
    where = "drafts.picture"
    named = with_values(start.named, values, where)
    source = shown(named, campaign.hands, campaign.folder, where)
    return source if isinstance(source, Version) else campaign.taken_in(source, STAGE)


def _shown(
    campaign: Campaign, asked: tuple[dict[str, Any], ...], values: Mapping[str, str], where: str
) -> list[dict[str, Any]]:
    """What steers, each with its picture as ``image``."""
    found: list[dict[str, Any]] = []
    for each in asked:
        filled = with_values(each, values, where)
        named = {key: filled.pop(key) for key in ("file", "version") if key in filled}
        named |= filled.pop("image", {})
        filled["image"] = shown(named, campaign.hands, campaign.folder, where)
        found.append(filled)
    return found


def _seed(campaign: Campaign, place: int) -> int:
    return (campaign.brief.first_seed + place) % (MAX_SEED + 1)


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
