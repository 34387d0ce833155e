"""Orders from templates and playbooks."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from maquette.core.playbook import Card, Filled, Playbook, Step, fill, step_says
from maquette.core.recipe import Recipe
from maquette.core.template import parse_template
from maquette.core.version import Version
from maquette.errors import TemplateRefused
from maquette.stages.chain import check_chain
from maquette.stages.locking import LOCKED
from maquette.stages.order import Order
from maquette.studio.desk import MAX_PICTURES, seeds_from
from maquette.studio.wording import joined, read_words

if TYPE_CHECKING:
    from maquette.studio.desk import Desk
    from maquette.studio.orders import Orders

__all__ = [
    "Named",
    "chain_step",
    "fill_template",
    "loose",
    "open_playbook",
    "play_order",
    "row_texts",
]

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


def fill_template(
    self: Orders,
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
    spare: Container[str] = (),
) -> Order:
    """Draw pictures from a template: the text of one, or with ``playbook`` (a file, a name saved
    in the project, or itself) the name of one.

    For each of ``rows`` (values by variable, beside ``values``, which hold for all), ``n``
    different prompts are chosen by ``choose``, or all with None; each is drawn once, with seeds
    that follow each other or with the ``same_seed``. Quality and size are the template's unless
    given. What each version came from is its origin.

    Raises:
        TemplateRefused, WordLocked: nothing is begun.
        PromptRefused, SettingRefused, RecipeRefused, Cancelled, EngineFailed.
    """
    named = None if playbook is None else open_playbook(self.desk, playbook)
    book = named.playbook if named else loose(template, wildcards)
    name = template if named else "text"
    found = row_texts(book, name, values or {}, rows, n=n, choose=choose, spare=spare)
    seeds = seeds_from(seed, 1 if same_seed else len(found))
    drawn = _Drawn()
    for place, (number, index, filled) in enumerate(found):
        origin: dict[str, Any] = {"template": template if named else template[:2_000]}
        if named is not None:
            origin |= {"playbook": book.name, "version": book.version, "digest": book.digest}
            origin |= {"revision": named.revision}
        if rows:
            origin["row"] = number
        origin |= {"values": dict(filled.values), "text": index, "choose": choose}
        asked = {"size": size, "quality": quality, "steps": steps, "guidance": guidance}
        drawn.add(
            self,
            filled,
            origin,
            seed=seeds[0 if same_seed else place],
            fixed=seed is not None,
            negative=negative,
            **{key: value for key, value in asked.items() if value is not None},
        )
    return drawn.order(maps=maps)


def row_texts(
    book: Playbook,
    name: str,
    values: Values,
    rows: Sequence[Values],
    *,
    n: int | None = 1,
    choose: int = 0,
    spare: Container[str] = (),
) -> list[tuple[int, int, Filled]]:
    """What a template says row by row: (row, which of its texts, the text), both counted from 1.
    It ends after the row that brings more than can be ordered at once.

    Raises:
        TemplateRefused, WordLocked: with the row that is at fault.
    """
    found: list[tuple[int, int, Filled]] = []
    for number, row in enumerate(rows or ({},), 1):
        at = f"row {number}: " if rows else ""
        try:
            texts = fill(book, name, {**values, **row}, n=n, seed=choose, spare=spare)
        except TemplateRefused as refused:
            raise TemplateRefused(f"{at}{refused}", hint=refused.hint) from refused
        found += [(number, index, filled) for index, filled in enumerate(texts, 1)]
        if len(found) > MAX_PICTURES:
            break  # seeds_from says so, before the other rows are filled for nothing
    return found


def chain_step(
    self: Orders,
    playbook: Playbook,
    chain: str,
    step: Step,
    says: Sequence[Filled],
    *,
    parents: Sequence[Version] = (),
    seed: int | None = None,
    revision: int | None = None,
) -> Order:
    """The pictures of one step of a chain: ``n`` of what it says (``core.playbook.step_says``),
    drawn in turn, as children of ``parents``."""
    total = step.n if len(says) == 1 else len(says)
    seeds = seeds_from(seed, 1 if step.same_seed else total)
    drawn = _Drawn([parent.id for parent in parents])
    for place in range(total):
        filled = says[place % len(says)]
        origin: dict[str, Any] = {"playbook": playbook.name, "version": playbook.version}
        origin |= {"digest": playbook.digest, "revision": revision}
        origin |= {"chain": chain, "step": step.name, "template": filled.template}
        origin |= {"values": dict(filled.values)}
        drawn.add(
            self,
            filled,
            origin,
            seed=seeds[place % len(seeds)],
            fixed=seed is not None,
            quality=step.quality,
        )
    return drawn.order()


def play_order(
    self: Orders,
    playbook: str | Path | Playbook,
    chain: str,
    values: Values | None = None,
    *,
    seed: int | None = None,
) -> Order:
    """Carry out a chain of a playbook, for a worker. The job's result: ``{steps: [{step, versions,
    picked}]}``.

    Raises:
        TemplateRefused: there is no such chain, it is not sound, or its first step cannot be said.
        WordLocked.
    """
    named = open_playbook(self.desk, playbook)
    book = named.playbook
    check_chain(book, chain)
    [first] = seeds_from(seed, 1)
    step = book.chains[chain].steps[0]
    says = step_says(book, step, {}, values or {}, first)
    recipes = chain_step(self, book, chain, step, says, seed=first).recipes
    asked = {"playbook": book.model_dump(mode="json"), "revision": named.revision}
    asked |= {"chain": chain, "values": dict(values or {}), "seed": first}
    return Order("play", recipes[:1], arguments=asked)


class _Drawn:
    """Recipes with their origins, gathered for one order."""

    def __init__(self, parents: Sequence[str] = ()) -> None:
        self.recipes: list[Recipe] = []
        self.origins: list[dict[str, Any]] = []
        self.parents: list[str] = [*parents]

    def add(
        self,
        orders: Orders,
        filled: Filled,
        origin: dict[str, Any],
        *,
        seed: int,
        fixed: bool,
        negative: str = "",
        **asked: Any,
    ) -> None:
        """A prompt as ``generate`` takes it. What is asked for counts before a flag in the prompt,
        a flag before the template; a seed counts before a flag where it was given (``fixed``)."""
        flags = read_words(filled.text, "auto", orders.desk.capabilities()).settings
        own = {"size": filled.size, "quality": filled.quality}
        order = orders.generate(
            filled.text,
            negative=joined(filled.negative, negative),
            seed=seed if fixed or "seed" not in flags else None,
            **{key: value for key, value in own.items() if key not in flags} | asked,
        )
        if filled.locked:
            origin[LOCKED] = list(filled.locked)
        self.recipes += order.recipes
        self.origins += [{**origin, **told} for told in order.origins]
        self.parents += order.parents

    def order(self, *, maps: bool = True) -> Order:
        """All of them."""
        parents = tuple(dict.fromkeys(self.parents))
        return Order("generate", tuple(self.recipes), parents, maps, origins=tuple(self.origins))


def loose(template: str, wildcards: Mapping[str, Sequence[str]] | None) -> Playbook:
    """A template without a playbook, in one of its own."""
    parse_template(template)  # which says more than the card would
    lists = {name: tuple(entries) for name, entries in (wildcards or {}).items()}
    cards = {"text": Card(template=template)}
    return Playbook(playbook=1, name="loose", version="0", wildcards=lists, templates=cards)
