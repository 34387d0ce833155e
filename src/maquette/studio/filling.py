"""Orders from templates and playbooks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from maquette import operations
from maquette.core.playbook import Card, Filled, Playbook, Step, fill
from maquette.core.recipe import Recipe
from maquette.core.template import parse_template
from maquette.core.version import Version
from maquette.errors import TemplateRefused
from maquette.stages.locking import LOCKED
from maquette.stages.order import Order
from maquette.studio.desk import seeds_from
from maquette.studio.wording import chosen, joined, origin_of, read_words

if TYPE_CHECKING:
    from maquette.studio.desk import Desk

__all__ = ["Filling", "Named", "open_playbook"]

Values = Mapping[str, str]


class Named:
    """A playbook, and the number of its revision when it is saved in the project."""

    def __init__(self, playbook: Playbook, revision: int | None = None) -> None:
        self.playbook, self.revision = playbook, revision


def open_playbook(desk: Desk, source: str | Path | Playbook) -> Named:
    """A playbook by itself, by its file (``….yaml``), or by the name under which the project has
    saved it (``acme``, ``acme@2`` for its second revision).

    Raises:
        TemplateRefused.
    """
    from maquette.exchange.playbooks import parse_playbook, read_playbook

    if isinstance(source, Playbook):
        return Named(source)
    if isinstance(source, Path) or source.endswith((".yaml", ".yml")):
        return Named(read_playbook(source))
    name, _, number = source.partition("@")
    if number and not (number.isdecimal() and len(number) < 7):
        raise TemplateRefused(f"'{source[:80]}' names no revision", hint="write acme@2")
    text, revision = desk.playbooks.read(name, int(number) if number else None)
    return Named(parse_playbook(text, f"playbook '{name}'"), revision.number)


class Filling:
    """The orders that begin with a template; see ``Orders``."""

    _desk: Desk

    def fill(
        self,
        template: str,
        *,
        playbook: str | Path | Playbook | None = None,
        values: Values | None = None,
        rows: Sequence[Values] = (),
        n: int | None = 1,
        choose: int = 0,
        wildcards: Mapping[str, Sequence[str]] | None = None,
        negative: str = "",
        seed: int | None = None,
        same_seed: bool = False,
        size: tuple[int, int] | None = None,
        quality: str | None = None,
        steps: int | None = None,
        guidance: float | None = None,
        maps: bool = True,
    ) -> Order:
        """Draw pictures from a template: the text of one, or with ``playbook`` (a file, a name
        saved in the project, or itself) the name of one.

        For each of ``rows`` (values by variable, beside ``values``, which hold for all), ``n``
        different prompts are chosen by ``choose``, or all with None; each is drawn once, with seeds
        that follow each other or with the ``same_seed``. Quality and size are the template's
        unless given. What each version came from is its origin.

        Raises:
            TemplateRefused, WordLocked: nothing is begun.
            PromptRefused, SettingRefused, RecipeRefused, Cancelled, EngineFailed.
        """
        named = None if playbook is None else open_playbook(self._desk, playbook)
        book = named.playbook if named else loose(template, wildcards)
        name = template if named else "text"
        found: list[tuple[int, int, Filled]] = []
        for number, row in enumerate(rows or ({},), 1):
            at = f"row {number}: " if rows else ""
            try:
                texts = fill(book, name, {**(values or {}), **row}, n=n, seed=choose)
            except TemplateRefused as refused:
                raise TemplateRefused(f"{at}{refused}", hint=refused.hint) from refused
            found += [(number, index, filled) for index, filled in enumerate(texts, 1)]
        seeds = seeds_from(seed, 1 if same_seed else len(found))
        recipes: list[Recipe] = []
        origins: list[dict[str, Any]] = []
        for place, (number, index, filled) in enumerate(found):
            recipe, flags = self._worded(
                filled,
                seed=seeds[0 if same_seed else place],
                negative=negative,
                size=size,
                quality=quality,
                steps=steps,
                guidance=guidance,
            )
            recipes.append(recipe)
            origin: dict[str, Any] = {"template": template if named else template[:2_000]}
            if named is not None:
                origin |= {"playbook": book.name, "version": book.version, "digest": book.digest}
                origin |= {"revision": named.revision}
            if rows:
                origin["row"] = number
            origin |= {"values": dict(filled.values), "text": index, "choose": choose, **flags}
            if filled.locked:
                origin[LOCKED] = list(filled.locked)
            origins.append(origin)
        return Order("generate", tuple(recipes), maps=maps, origins=tuple(origins))

    def chain_step(
        self,
        playbook: Playbook,
        chain: str,
        step: Step,
        says: Sequence[Filled],
        *,
        parents: Sequence[Version] = (),
        seed: int | None = None,
        revision: int | None = None,
    ) -> Order:
        """The pictures of one step of a chain: ``n`` of what it says, drawn in turn."""
        total = step.n if len(says) == 1 else len(says)
        seeds = seeds_from(seed, 1 if step.same_seed else total)
        recipes: list[Recipe] = []
        origins: list[dict[str, Any]] = []
        for place in range(total):
            filled = says[place % len(says)]
            recipe, flags = self._worded(
                filled, seed=seeds[place % len(seeds)], quality=step.quality
            )
            recipes.append(recipe)
            origin: dict[str, Any] = {"playbook": playbook.name, "version": playbook.version}
            origin |= {"digest": playbook.digest, "revision": revision}
            origin |= {"chain": chain, "step": step.name, "template": filled.template}
            origin |= {"values": dict(filled.values), **flags}
            if filled.locked:
                origin[LOCKED] = list(filled.locked)
            origins.append(origin)
        ids = tuple(dict.fromkeys(parent.id for parent in parents))
        return Order("generate", tuple(recipes), ids, origins=tuple(origins))

    def _worded(
        self,
        filled: Filled,
        *,
        seed: int,
        negative: str = "",
        size: tuple[int, int] | None = None,
        quality: str | None = None,
        steps: int | None = None,
        guidance: float | None = None,
    ) -> tuple[Recipe, dict[str, Any]]:
        able = self._desk.capabilities()
        said = read_words(filled.text, "auto", able)
        asked = said.settings
        recipe = operations.generate(
            said.prompt,
            joined(filled.negative, negative, said.negative),
            capabilities=able,
            seed=asked.get("seed", seed),
            size=chosen(size, None, {"size": filled.size, **asked}, "size"),
            quality=chosen(quality, None, {"quality": filled.quality, **asked}, "quality"),
            steps=chosen(steps, None, asked, "steps"),
            guidance=chosen(guidance, None, asked, "guidance"),
        )
        return recipe, origin_of(filled.text, said)


def loose(template: str, wildcards: Mapping[str, Sequence[str]] | None) -> Playbook:
    """A template without a playbook, in one of its own."""
    parse_template(template)  # which says more than the card would
    lists = {name: tuple(entries) for name, entries in (wildcards or {}).items()}
    cards = {"text": Card(template=template)}
    return Playbook(playbook=1, name="loose", version="0", wildcards=lists, templates=cards)
