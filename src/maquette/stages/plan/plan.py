"""The five stages as one plan: board, drafts, select, refine, polish, deliver.

Each stage asks the project what is there already and makes the rest, so that the same command goes
on after any interruption. Before a stage its cost is estimated and held against the budget.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from maquette.core.cost import Money
from maquette.core.version import Version
from maquette.errors import BudgetReached
from maquette.stages.plan import board, choice, delivery, drafts, finish, teaching
from maquette.stages.plan.board import Pinned
from maquette.stages.plan.campaign import Campaign, Waiting
from maquette.stages.plan.edits import check_edits
from maquette.stages.plan.ledger import Ledger, Line, ledger_of
from maquette.storage.origin import origins_of

__all__ = ["STAGES", "State", "look", "run"]

STAGES = (board.STAGE, drafts.STAGE, choice.SELECT, finish.REFINE, finish.POLISH, delivery.STAGE)


@dataclass
class State:
    """Where a campaign stands. ``waiting`` is None when nothing waits for a person, ``stage``
    the one that comes next, or ``done``."""

    campaign: str
    stage: str = board.STAGE
    board: list[Pinned] = field(default_factory=list[Pinned])
    drafts: list[Version] = field(default_factory=list[Version])
    chosen: list[Version] = field(default_factory=list[Version])
    finals: list[Version] = field(default_factory=list[Version])
    polished: list[Version] = field(default_factory=list[Version])
    files: list[Path] = field(default_factory=list[Path])
    page: Path | None = None
    lines: list[Line] = field(default_factory=list[Line])
    waiting: Waiting | None = None
    ledger: Ledger | None = None


def run(campaign: Campaign) -> State:
    """Carry the campaign on as far as it goes: to its end, or to where it waits for a person.

    Raises:
        BudgetReached: before the stage that would go beyond the budget; what was made stays.
        Cancelled, EngineFailed, StorageFull: what was made stays.
        and what a stage's own verbs raise for a brief that cannot be carried out.
    """
    brief, state = campaign.brief, State(campaign.brief.campaign)
    check_edits(campaign)
    for why in campaign.without:
        campaign.tell(drafts.STAGE, f"{why}: drawn otherwise")
    if brief.train is not None:
        drafts.orders(_untaught(campaign))  # all but what is yet to be learned
        state.stage = teaching.STAGE
        if (line := teaching.taught(campaign)) is not None:
            state.lines.append(line)
    drafts.orders(campaign)  # a brief that cannot be drawn is refused before anything is begun

    if brief.board:
        campaign.tell(board.STAGE, f"{len(brief.board)} references")
    state.board = board.pin(campaign)

    _begin(campaign, state, drafts.STAGE, brief.drafts.count, drafts.expected(campaign))
    state.drafts = drafts.draw(campaign)
    _end(campaign, state, drafts.STAGE, state.drafts)

    state.stage = choice.SELECT
    found = choice.decide(campaign, state.drafts)
    if isinstance(found, Waiting):
        return _wait(campaign, state, found)
    state.chosen = found

    count = len(found)
    _begin(campaign, state, finish.REFINE, count, finish.expected(campaign, count))
    state.finals = finish.refine(campaign, found)
    _end(campaign, state, finish.REFINE, state.finals)

    _begin(campaign, state, finish.POLISH, count, None)
    state.polished, made = finish.polish(campaign, state.finals)
    _end(campaign, state, finish.POLISH, made)

    state.stage = delivery.STAGE
    approved = choice.approved(campaign, state.polished)
    if isinstance(approved, Waiting):
        return _wait(campaign, state, approved)
    campaign.tell(delivery.STAGE, f"{len(approved)} files to {delivery.folder_of(campaign)}")
    state.files = delivery.deliver(campaign, approved)
    each = len(brief.polish.each) or 1
    drawn = [draft for draft in state.chosen for _ in range(each)]
    kept = {version.id: draft for version, draft in zip(state.polished, drawn, strict=True)}
    state.page = delivery.deliver_page(campaign, *_in_order(campaign, state, approved, drawn))
    state.ledger = _ledger(campaign, state)
    shown = delivery.Shown(
        board=state.board,
        drafts=state.drafts,
        chosen=[kept[version.id] for version in approved],
        finals=approved,
        files=state.files,
        ledger=state.ledger,
        page=state.page,
    )
    delivery.report(campaign, shown)
    state.stage = "done"
    return state


def _untaught(campaign: Campaign) -> Campaign:
    """The campaign without what is yet to be learned; a wrong name beside it is told now."""
    asked, learned = campaign.brief.drafts, campaign.brief.train
    name = learned.name if learned is not None else ""
    kinds = {"lora": asked.lora, "embedding": asked.embedding}
    left = {
        kind: {each: how for each, how in named.items() if each != name}
        for kind, named in kinds.items()
    }
    bare = asked.model_copy(update=left)
    return replace(campaign, brief=campaign.brief.model_copy(update={"drafts": bare}))


def look(campaign: Campaign) -> State:
    """Where the campaign stands, by what the project holds; nothing is made."""
    state = State(campaign.brief.campaign)
    state.board = board.pinned(campaign)
    state.drafts = list(campaign.made(drafts.STAGE).values())
    state.stage = drafts.STAGE
    _end(campaign, state, drafts.STAGE, state.drafts)
    if len(state.drafts) >= campaign.brief.drafts.count:
        state.stage = choice.SELECT
        state.chosen = choice.chosen(campaign, choice.SELECT, state.drafts)
        if not state.chosen and choice.SELECT in campaign.brief.pause:
            found = choice.decide(campaign, state.drafts)
            state.waiting = found if isinstance(found, Waiting) else None
    if state.chosen:
        state.stage = finish.REFINE
        state.finals = list(campaign.made(finish.REFINE).values())
        _end(campaign, state, finish.REFINE, state.finals)
    if state.finals and len(state.finals) >= len(state.chosen):
        state.stage = finish.POLISH
        named = delivery.delivered(campaign)
        folder = delivery.folder_of(campaign)
        state.files = [folder / name for name in named.values()]
        if state.files:
            state.stage = "done"
        elif choice.APPROVE in campaign.brief.pause:
            _look_for_approval(campaign, state)
    state.ledger = _ledger(campaign, state)
    return state


def _look_for_approval(campaign: Campaign, state: State) -> None:
    """Whether all is polished and waits to be approved."""
    found = finish.polished(campaign, state.finals)
    if found is None:
        return
    state.polished, state.stage = found, delivery.STAGE
    approved = choice.approved(campaign, found)
    state.waiting = approved if isinstance(approved, Waiting) else None


def _in_order(
    campaign: Campaign, state: State, approved: Sequence[Version], drawn: Sequence[Version]
) -> tuple[list[Version], list[dict[str, str]]]:
    """What goes out in the order of the template's rows, and the values of each."""
    told = origins_of(campaign.hands.records, [draft.id for draft in state.chosen])
    each = campaign.brief.polish.each or ({},)
    allowed = {version.id for version in approved}
    found: list[tuple[int, int, Version, dict[str, str]]] = []
    for place, (version, draft) in enumerate(zip(state.polished, drawn, strict=True)):
        origin = told.get(draft.id, {})
        values = {**drafts.values_of(campaign, origin), **each[place % len(each)]}
        if version.id in allowed:
            found.append((int(origin.get("row") or 0), place, version, values))
    found.sort(key=lambda one: one[:2])
    return [version for _, _, version, _ in found], [values for *_, values in found]


def _begin(
    campaign: Campaign, state: State, stage: str, pictures: int, expected: float | None
) -> None:
    """Say what a stage will cost, and refuse it where that is beyond the budget."""
    state.stage = stage
    there = campaign.made(stage)
    left = max(0, pictures - len(there))
    if expected is not None and pictures:
        expected = expected * left / pictures
    if left:
        campaign.expected[stage] = expected
    about = "" if expected is None else f", about {expected:.0f} s"
    campaign.tell(stage, f"{left} of {pictures} to make{about}" if left else "nothing to draw")
    budget = campaign.brief.budget
    spent = sum(line.seconds for line in state.lines)
    spent += sum(version.cost.seconds for version in there.values())
    needed = spent + (expected or 0.0)
    if left and budget.seconds is not None and (needed > budget.seconds):
        raise BudgetReached(
            f"'{stage}' would bring the campaign to {needed:.1f} s;"
            f" its budget is {float(budget.seconds):g} s"
        )
    cost = campaign.priced(needed)
    if left and budget.money is not None and cost.amount > budget.money:
        limit = Money(amount=budget.money, currency=cost.currency)
        raise BudgetReached(f"'{stage}' would bring the campaign to {cost}; its budget is {limit}")


def _end(campaign: Campaign, state: State, stage: str, versions: Sequence[Version]) -> None:
    state.lines.append(campaign.line(stage, versions))


def _wait(campaign: Campaign, state: State, waiting: Waiting) -> State:
    state.waiting = waiting
    state.ledger = _ledger(campaign, state)
    return state


def _ledger(campaign: Campaign, state: State) -> Ledger:
    baseline = campaign.brief.baseline
    count = baseline.count or campaign.brief.drafts.count
    return ledger_of(state.lines, campaign.clock(), count, baseline.quality, campaign.final)
