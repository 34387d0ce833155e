"""A campaign at work: its brief, the project, and what the project already holds of it.

Nothing about where a campaign stands is kept in memory or in a file of its own: every version that
it makes tells so in its origin (``{"campaign": {"name", "stage", "place", "brief"}}``, stored in
the version's own transaction), and choices are marks beside versions. So the same command goes on
after any interruption, and never draws what is there.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from maquette.core.canonical import canonical_json
from maquette.core.cost import Money
from maquette.core.recipe import Recipe, Sampling
from maquette.core.version import Version
from maquette.operations import settings
from maquette.operations.refine import WHOLE
from maquette.stages.hands import Producer
from maquette.stages.order import Order, Ordered
from maquette.stages.plan.brief import Brief
from maquette.stages.plan.ledger import Clock, Line, evaluations, priced
from maquette.storage.base import Mark
from maquette.storage.origin import origins_of

__all__ = ["CAMPAIGN", "Campaign", "Waiting"]

CAMPAIGN = "campaign"
"""The kind of marks that hold choices, and the key of an origin that names the campaign."""

TIMED = 80
"""How many of the newest versions the clock looks at."""


@dataclass(frozen=True)
class Waiting:
    """The campaign waits for a person: at ``stage``, to choose among ``versions``;
    ``suggested`` would be taken without one."""

    stage: str
    says: str
    versions: tuple[Version, ...]
    suggested: tuple[Version, ...] = ()


@dataclass
class Campaign:
    """``folder`` is where the brief's own paths begin; ``tell`` hears of each stage as a line
    before it begins; ``fetch`` brings a link's bytes.

    Where ``others`` draw, what is missing is not drawn here but raised as ``Ordered``; ``answers``
    are what their jobs answered, by the version that each looked at. ``without`` says what the
    brief asks for and the model has no network for, so that it is drawn as its ``otherwise`` says.
    ``called`` are the names under which adapters were learned, by the brief's.
    """

    brief: Brief
    hands: Producer
    folder: Path
    tell: Callable[[str, str], None] = lambda _stage, _says: None
    fetch: Callable[[str], bytes] | None = None
    others: bool = False
    answers: Mapping[str, Mapping[str, Any]] = field(default_factory=dict[str, Mapping[str, Any]])
    without: tuple[str, ...] = ()
    called: dict[str, str] = field(default_factory=dict[str, str])
    expected: dict[str, float | None] = field(default_factory=dict[str, float | None])
    _taken: dict[str, Version] = field(default_factory=dict[str, Version])

    def __post_init__(self) -> None:
        """Take the brief as this model can draw it."""
        if self.brief.otherwise is None:
            return
        asked = self.brief.drafts
        control, reference = self.hands.orders.lacking(asked.control, asked.reference)
        self.without = tuple(dict.fromkeys(why for why in (*control, *reference) if why))
        if self.without:
            kept = (
                [each for each, why in zip(steers, lacks, strict=True) if not why]
                for steers, lacks in ((asked.control, control), (asked.reference, reference))
            )
            self.brief = self.brief.instead(*kept)
        else:
            self.brief = self.brief.model_copy(update={"otherwise": None})

    # -- what is there ---------------------------------------------------------------------------

    def made(self, stage: str) -> dict[int, Version]:
        """The newest version of each place of a stage."""
        ids = {mark.version for mark in self._all_marks() if mark.kind == "origin"}
        found: dict[int, tuple[str, Version]] = {}
        for version_id, origin in origins_of(self.hands.records, sorted(ids)).items():
            told = origin.get(CAMPAIGN)
            if not isinstance(told, dict) or told.get("name") != self.brief.campaign:
                continue
            if told.get("stage") == stage:
                version = self.hands.version(version_id)
                stamp = version.created_at.isoformat()
                place = int(told.get("place", 0))
                if place not in found or found[place][0] < stamp:
                    found[place] = stamp, version
        return {place: version for place, (_, version) in sorted(found.items())}

    def notes(self, stage: str) -> list[tuple[str, dict[str, Any]]]:
        """The marks of a stage, (version, what it says), oldest first."""
        said: list[tuple[str, dict[str, Any]]] = []
        for mark in self._all_marks():
            if mark.kind != CAMPAIGN:
                continue
            told = json.loads(mark.value)
            if told.get("name") == self.brief.campaign and told.get("stage") == stage:
                said.append((mark.version, told))
        return said

    def note(self, version: Version, stage: str, told: Mapping[str, Any]) -> None:
        """Append a mark of this campaign beside a version."""
        value = canonical_json({"name": self.brief.campaign, "stage": stage, **told})
        self.hands.records.mark(Mark(version.id, CAMPAIGN, value, datetime.now(UTC)))

    def _all_marks(self) -> list[Mark]:
        return self.hands.records.marks()

    @cached_property
    def kept_brief(self) -> str:
        """The digest of the brief as this run reads it, kept in the project."""
        return self.hands.blobs.put(canonical_json(self.brief.model_dump(mode="json")).encode())

    def taken_in(self, source: Path, stage: str) -> Version:
        """The version that holds a file's picture; the same bytes are taken in once.

        Raises:
            PictureRefused.
        """
        data = source.read_bytes()
        digest = hashlib.sha256(data).hexdigest()
        if digest not in self._taken:
            for version_id, told in self.notes(f"{stage}/taken"):
                self._taken[str(told["digest"])] = self.hands.version(version_id)
        if digest not in self._taken:
            version, _ = self.hands.import_picture(data)
            self.note(version, f"{stage}/taken", {"digest": digest, "file": source.name})
            self._taken[digest] = version
        return self._taken[digest]

    # -- making ----------------------------------------------------------------------------------

    def carry_out(self, stage: str, wanted: Sequence[tuple[int, Order]]) -> list[Version]:
        """The versions of (place, order of one recipe), in turn: those that are there, and those
        that are drawn now.

        Raises:
            BudgetReached: before anything is drawn.
            Ordered: others draw.
        """
        there = self.made(stage)
        found: dict[int, Version] = {}
        missing: list[tuple[int, Order]] = []
        for place, order in wanted:
            known = there.get(place)
            if known is not None and _is(known, order):
                found[place] = known
            else:
                missing.append((place, order))
        orders: list[Order] = []
        for group in _together(missing):
            places = [place for place, _ in group]
            told = {"name": self.brief.campaign, "stage": stage, "brief": self.kept_brief}
            origins = tuple(
                {**(order.origins[0] if order.origins else {}), CAMPAIGN: {**told, "place": place}}
                for place, order in group
            )
            first = group[0][1]
            recipes = tuple(order.recipes[0] for _, order in group)
            order = replace(first, recipes=recipes, origins=origins)
            if self.others:
                orders.append(order)
            else:
                found |= zip(places, self.hands.carry_out(order), strict=True)
        if orders:
            raise Ordered(orders)
        return [found[place] for place, _ in wanted]

    # -- time and money --------------------------------------------------------------------------

    @cached_property
    def final(self) -> Sampling:
        """The sampling of a picture of the baseline's quality."""
        return self.sampling(self.brief.baseline.quality)

    def sampling(
        self, quality: str, steps: int | None = None, guidance: float | None = None
    ) -> Sampling:
        """A quality of this engine as numbers."""
        return settings.sampling(
            self.hands.capabilities(), seed=0, quality=quality, steps=steps, guidance=guidance
        )

    def clock(self) -> Clock | None:
        """How long drawings take here, from the newest of this model and size; None when there
        was none."""
        able = self.hands.capabilities()
        timed: list[tuple[int, float]] = []
        for version in self.hands.records.log(limit=TIMED):
            recipe = version.recipe
            if recipe.task.kind not in WHOLE or recipe.model != able.model:
                continue
            if recipe.sampling is None or version.cost.seconds <= 0 or not self._like(recipe):
                continue
            trace = self.hands.trace(version)
            steps = trace.ran.get("timesteps") if trace is not None else None
            taken = int(steps) if isinstance(steps, int) else recipe.sampling.steps
            share = taken / recipe.sampling.steps
            timed.append((evaluations(recipe.sampling, share), version.cost.seconds))
        return Clock.fitted(timed)

    def _like(self, recipe: Recipe) -> bool:
        size = self.brief.size or self.hands.capabilities().best_size
        width, height = size if isinstance(size, tuple) else (size.width, size.height)
        return (recipe.size.width, recipe.size.height) == (width, height)

    def line(self, stage: str, versions: Sequence[Version]) -> Line:
        """The ledger's line of these versions."""
        seconds = round(sum(version.cost.seconds for version in versions), 3)
        prices = self.brief.prices
        money = priced(seconds, prices.second, prices.currency)
        for version in versions:
            billed = version.cost.money
            if billed.amount and billed.currency == money.currency:
                money += billed
            elif billed.amount and not money.amount:
                money = billed
        expected = self.expected.get(stage)
        about = None if expected is None else round(expected, 2)
        return Line(stage, len(versions), about, seconds, money)

    def priced(self, seconds: float) -> Money:
        """What so many seconds cost by the brief's prices."""
        return priced(seconds, self.brief.prices.second, self.brief.prices.currency)


def _is(version: Version, order: Order) -> bool:
    """Whether a version is what an order asks for."""
    return (
        version.recipe.digest == order.recipes[0].digest
        and version.parents == order.parents
        and version.operation == order.operation
    )


def _together(missing: Sequence[tuple[int, Order]]) -> list[list[tuple[int, Order]]]:
    """Orders that can be one: of the same operation on the same parents."""
    groups: list[list[tuple[int, Order]]] = []
    for place, order in missing:
        last = groups[-1][0][1] if groups else None
        if (
            last is not None
            and last.operation == order.operation
            and last.parents == order.parents
            and last.maps == order.maps
        ):
            groups[-1].append((place, order))
        else:
            groups.append([(place, order)])
    return groups
