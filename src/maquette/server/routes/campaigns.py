"""Campaigns: a brief carried out by a worker, where it stands, and what a person chooses."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Response

from maquette.errors import JobUnknown
from maquette.server.answers import answer, encoded
from maquette.server.context import Open, Room
from maquette.server.described import fails
from maquette.server.routes.operations import Key, queued
from maquette.server.shapes_plan import (
    CampaignAsk,
    CampaignOut,
    Campaigns,
    Choice,
    Improve,
    LedgerOut,
    PinnedOut,
    RoomOut,
    SwatchOut,
    WaitingOut,
)
from maquette.server.shapes_work import Accepted
from maquette.stages.carrying import home_of
from maquette.stages.order import Order
from maquette.stages.plan import Brief, State, ledger_facts

__all__ = ["router"]

router = APIRouter(prefix="/projects/{project}", tags=["campaigns"])

Name = Annotated[
    str, Path(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$", description="Its name.", examples=["autumn"])
]
FAILS = fails(400, 404, 409, 413, 422, 503)


@router.post(
    "/operations/improve",
    status_code=202,
    summary="Mend what the critics find",
    response_model=Accepted,
    responses=FAILS,
)
def improve(room: Open, body: Improve, key: Key = None) -> Response:
    """One remedy after another, each a version that says why it was made, until the score or the
    budget is reached or nothing is left to try. The job's result says which version is the best:
    `{best, before, after, ended, steps}`; it is never worse than the one that it began with."""
    given = body.model_dump(exclude={"priority"})
    return queued(room, body, key, lambda: room.studio.orders.improve(**given), body.priority)


@router.post(
    "/campaigns",
    status_code=202,
    summary="Begin a campaign, or go on",
    response_model=Accepted,
    responses=FAILS,
)
def carry_on(room: Open, body: CampaignAsk, key: Key = None) -> Response:
    """The brief as far as it goes: board, drafts, select, refine, polish, deliver; to its end or to
    where it waits for a person. What is there already is not made again. The job's result says
    where it stands: `{campaign, stage, waiting}`."""
    return queued(room, body, key, lambda: room.studio.orders.campaign(body.brief), body.priority)


@router.get(
    "/campaigns",
    summary="List campaigns",
    response_model=Campaigns,
    responses=fails(404, 422, 503),
)
def list_campaigns(room: Open) -> Response:
    """Those of which something was made, by name, and where each stands."""
    key = ("campaigns", room.studio.stamp())
    return answer(room.answers.get(key, lambda: encoded(_rooms(room))))


@router.get(
    "/campaigns/{name}",
    summary="Where a campaign stands",
    response_model=CampaignOut,
    responses=fails(404, 422, 503),
)
def show_campaign(room: Open, name: Name) -> Response:
    """Its stages as the project holds them, what it waits for, and what it took."""
    brief = _brief(room, name)
    return answer(_out(brief, room.studio.campaign_state(brief, folder=_home(room, name))))


@router.post(
    "/campaigns/{name}/choice",
    status_code=202,
    summary="Choose drafts, or approve finals",
    response_model=Accepted,
    responses=FAILS,
)
def choose(room: Open, name: Name, body: Choice, key: Key = None) -> Response:
    """What a person chose is written down, and the campaign goes on with it."""
    brief = _brief(room, name)

    def order() -> Order:
        room.studio.choose(brief, body.stage, body.versions)
        return room.studio.orders.campaign(brief)

    return queued(room, body, key, order, body.priority)


def _rooms(room: Room) -> Campaigns:
    briefs = dict(sorted(room.studio.campaigns().items()))
    return Campaigns(
        items=list(briefs), rooms=[_glance(room, name, brief) for name, brief in briefs.items()]
    )


def _glance(room: Room, name: str, brief: Brief) -> RoomOut:
    state = room.studio.campaign_state(brief, folder=_home(room, name))
    shown = state.finals or state.chosen or state.drafts
    return RoomOut(
        name=name,
        purpose=brief.purpose,
        stage=state.stage,
        waiting=None if state.waiting is None else state.waiting.says,
        drafts=len(state.drafts),
        finals=len(state.finals),
        pictures=[version.id for version in shown[:4]],
    )


def _pinned(brief: Brief, state: State) -> list[PinnedOut]:
    """The board in the brief's order; what is not taken in yet has no picture."""
    there = {item.source: (version, colours) for item, version, colours in state.board}
    return [
        PinnedOut(
            source=item.source,
            note=item.note,
            version=version.id if version is not None else None,
            palette=[SwatchOut.model_validate(each.model_dump()) for each in colours],
        )
        for item in brief.board
        for version, colours in (there.get(item.source, (None, ())),)
    ]


def _brief(room: Room, name: str) -> Brief:
    found = room.studio.campaigns().get(name)
    if found is None:
        raise JobUnknown(
            f"no campaign '{name}' was begun here", hint="POST its brief to /campaigns first"
        )
    return found


def _home(room: Room, name: str) -> str:
    return str(home_of(room.studio.root, name))


def _out(brief: Brief, state: State) -> CampaignOut:
    waiting = state.waiting
    return CampaignOut(
        name=state.campaign,
        purpose=brief.purpose,
        stage=state.stage,
        waiting=None
        if waiting is None
        else WaitingOut(
            stage=waiting.stage,
            says=waiting.says,
            versions=[version.id for version in waiting.versions],
            suggested=[version.id for version in waiting.suggested],
        ),
        brief=brief.model_dump(mode="json", exclude_defaults=True),
        board=_pinned(brief, state),
        drafts=[version.id for version in state.drafts],
        chosen=[version.id for version in state.chosen],
        finals=[version.id for version in state.finals],
        files=[path.name for path in state.files],
        ledger=None
        if state.ledger is None
        else LedgerOut.model_validate(ledger_facts(state.ledger)),
    )
