"""A playbook's chain carried out: fill, draw, pick, and go on from what was picked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from maquette.core.playbook import Picked, Playbook, lint, step_says
from maquette.core.version import Version
from maquette.errors import TemplateRefused
from maquette.stages.hands import Hands
from maquette.stages.order import Order

__all__ = ["Link", "check_chain", "play"]


@dataclass(frozen=True)
class Link:
    """A step that was carried out: what was drawn, and which one it went on with."""

    step: str
    versions: tuple[Version, ...]
    picked: Version


def check_chain(book: Playbook, name: str) -> None:
    """Refuse a chain that is not there or not sound.

    Raises:
        TemplateRefused.
    """
    if name not in book.chains:
        known = ", ".join(book.chains) or "none"
        raise TemplateRefused(
            f"playbook '{book.name}' has no chain '{name[:60]}'", hint=f"it has {known}"[:500]
        )
    for remark in lint(book):
        if remark.severity == "error" and remark.where.startswith(f"chains.{name}."):
            raise TemplateRefused(f"{remark.where}: {remark.message}")


def play(
    book: Playbook,
    name: str,
    hands: Hands,
    values: Mapping[str, str],
    *,
    seed: int,
    revision: int | None = None,
) -> list[Link]:
    """Carry out a chain: each step fills its template with the values and with what earlier steps
    have picked, draws, and picks; ``best`` is what ``select`` puts first. Versions of a step are
    children of those that its words come from.

    Raises:
        TemplateRefused, WordLocked: before the step is begun; earlier steps stay.
        Cancelled, EngineFailed.
    """
    check_chain(book, name)
    links: dict[str, Link] = {}
    picked: dict[str, Picked] = {}
    for step in book.chains[name].steps:
        says = step_says(book, step, picked, values, seed)
        sources = [step.words_of] if step.words_of else []
        sources += [each.step for each in step.values.values() if not isinstance(each, str)]
        order: Order = hands.orders.chain_step(
            book,
            name,
            step,
            says,
            parents=[links[source].picked for source in sources],
            seed=seed,
            revision=revision,
        )
        versions = hands.carry_out(order)
        best = versions[0]
        if step.pick == "best" and len(versions) > 1:
            first = hands.select(versions, 1)[0].version
            best = next(version for version in versions if version.id == first.id)
        filled = says[versions.index(best) % len(says)]
        links[step.name] = Link(step.name, tuple(versions), best)
        picked[step.name] = Picked(filled.text, filled.negative, filled.values, filled.locked)
    return list(links.values())
