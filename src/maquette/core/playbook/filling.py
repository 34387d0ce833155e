"""From a playbook's template and values to prompts, with everything the brand wants of them."""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import dataclass
from difflib import get_close_matches

from maquette.core.playbook.model import Card, Playbook, Quality
from maquette.core.template import (
    MAX_EXPANSIONS,
    Plan,
    Template,
    check_locked,
    compile_template,
    every,
    parse_template,
    samples,
    unset,
)
from maquette.errors import TemplateRefused

__all__ = ["Filled", "bind", "fill", "locked_by", "needs"]


@dataclass(frozen=True, slots=True)
class Filled:
    """A prompt from a template. ``values`` are those that it took."""

    text: str
    negative: str
    locked: tuple[str, ...]
    quality: Quality
    size: tuple[int, int] | None
    template: str
    values: Mapping[str, str]


def locked_by(playbook: Playbook, card: Card, template: Template | None = None) -> tuple[str, ...]:
    """The words that are locked in a template: the playbook's, the card's, its own."""
    own = (template or parse_template(card.template)).locked
    return tuple(dict.fromkeys([*playbook.locked, *card.locked, *own]))


def needs(playbook: Playbook, name: str) -> tuple[str, ...]:
    """The variables of a template that must be given a value.

    Raises:
        TemplateRefused: a template that cannot be read.
    """
    card, what = playbook.card(name), f"template '{name}'"
    return unset(parse_template(card.template, what), _defaults(card), playbook.wildcards, what)


def bind(
    playbook: Playbook, name: str, values: Mapping[str, str], *, spare: Container[str] = ()
) -> tuple[Plan, tuple[str, ...]]:
    """The plan of a template with these values and the defaults of its card, and its locked
    words. Values named in ``spare`` may be for something else than the template.

    Raises:
        TemplateRefused: a value for no variable, one that is not among its choices, one that is
            missing, or a template that cannot be read.
    """
    card, what = playbook.card(name), f"template '{name}'"
    template = parse_template(card.template, what)
    plan = compile_template(template, {**_defaults(card), **values}, playbook.wildcards, what)
    for variable, value in values.items():
        allowed = card.variables[variable].one_of if variable in card.variables else None
        if variable not in plan.used and variable not in spare:
            near = get_close_matches(variable, [*plan.used, *card.variables], n=1)
            hint = f"did you mean '{near[0]}'?" if near else "leave it out"
            raise TemplateRefused(f"{what} has no variable '{variable[:60]}'", hint=hint)
        if allowed is not None and value not in allowed:
            raise TemplateRefused(
                f"{what}: {variable} is '{value[:60]}'", hint=f"one of {', '.join(allowed)}"[:500]
            )
    return plan, locked_by(playbook, card, template)


def _defaults(card: Card) -> dict[str, str]:
    found = {name: about.default for name, about in card.variables.items()}
    return {name: default for name, default in found.items() if default is not None}


def fill(
    playbook: Playbook,
    name: str,
    values: Mapping[str, str] | None = None,
    *,
    n: int | None = 1,
    seed: int = 0,
    spare: Container[str] = (),
) -> list[Filled]:
    """Up to ``n`` different prompts of a template, chosen by ``seed``; with ``n`` None all of
    them. ``spare`` is as for ``bind``.

    Raises:
        TemplateRefused: see ``bind``; or more than 10,000 texts.
        WordLocked: a value removes or weakens locked words.
    """
    card, given = playbook.card(name), dict(values or {})
    plan, locked = bind(playbook, name, given, spare=spare)
    if n is None and plan.ways > MAX_EXPANSIONS:
        raise TemplateRefused(
            f"template '{name}' has {plan.ways:,} ways, more than {MAX_EXPANSIONS:,}",
            hint="say how many to choose with n",
        )
    texts = every(plan) if n is None else samples(plan, n, seed)
    negative = ", ".join(part for part in (playbook.negative, card.negative) if part.strip())
    for text in texts:
        check_locked(text, locked, negative)
    return [
        Filled(
            text,
            negative,
            locked,
            card.quality or playbook.quality,
            card.size or playbook.size,
            name,
            given,
        )
        for text in texts
    ]
