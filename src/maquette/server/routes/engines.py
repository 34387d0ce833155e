"""Engines behind services: what each can do, whether it is there, and what was asked of it."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Response

from maquette.core.cost import Money
from maquette.core.intent import Intent
from maquette.engines.services.offers import Offered, offered
from maquette.engines.services.prices import book
from maquette.errors import MaquetteError, ServiceKeyRefused
from maquette.net import find_key
from maquette.server.answers import answer
from maquette.server.context import Context, Here, Open
from maquette.server.described import fails
from maquette.server.problems import code_of
from maquette.server.shapes_engines import (
    EngineName,
    EngineOut,
    Engines,
    IntentOut,
    Intents,
    MoneyOut,
    PingAsk,
    PongOut,
    Settle,
)
from maquette.storage.base import spent_on

__all__ = ["router"]

router = APIRouter(tags=["engines"])


@router.get("/engines", summary="List engines", response_model=Engines, responses=fails())
def list_engines(context: Here) -> Response:
    """The engines behind services, each with the models that are known by name, and whether its
    key is at hand. Nobody is asked; `models` lists what draws on this machine."""
    items = [_engine(context, each) for each in offered()]
    return answer(Engines(items=items, prices=str(book()["date"])))


@router.post(
    "/engines/{engine}/ping",
    summary="Ask whether a service is there",
    response_model=PongOut,
    responses=fails(404, 422),
)
def ping(
    context: Here,
    engine: Annotated[EngineName, Path(description="The engine's name.", examples=["openai"])],
    body: PingAsk,
) -> Response:
    """Greets a service once, with its key, for ten seconds at most. Nothing is drawn or billed.
    That it is not there is an answer too."""
    try:
        pong = context.catalogue.ping(engine, body.model)
    except MaquetteError as error:
        return answer(
            PongOut(
                engine=engine,
                there=False,
                seconds=None,
                says=str(error),
                code=code_of(type(error)),
                hint=error.hint,
            )
        )
    seconds = round(pong.seconds, 4)
    return answer(
        PongOut(engine=engine, there=True, seconds=seconds, says=pong.says, code="", hint="")
    )


@router.get(
    "/projects/{project}/intents",
    summary="List requests to services",
    response_model=Intents,
    responses=fails(404, 422, 503),
)
def list_intents(
    room: Open,
    open: Annotated[
        bool, Query(description="Only those of which something may still come.")
    ] = False,
    limit: Annotated[int, Query(ge=1, le=1000, description="How many at most.")] = 100,
) -> Response:
    """What was asked of services that may send a bill, what came of it, and what it cost."""
    found = room.studio.intents.all()
    shown = [each for each in reversed(found) if each.open or not open]
    budget = room.studio.settings.most_money
    return answer(
        Intents(
            items=[_intent(each) for each in shown[:limit]],
            spent=[_money(each) for each in spent_on(found).values() if each.amount],
            budget=None if budget is None else _money(budget),
        )
    )


@router.post(
    "/projects/{project}/intents/{intent}/settle",
    summary="Settle a request that was never answered",
    response_model=IntentOut,
    responses=fails(400, 404, 409, 422, 503),
)
def settle(
    room: Open,
    intent: Annotated[
        str,
        Path(pattern=r"^[0-9a-f]{4,64}$", description="Its id, or how it begins."),
    ],
    body: Settle,
) -> Response:
    """A job looks its own request up where the service can say what became of it. Where it cannot,
    a person looks at the service's own pages and says so here; the picture may be ordered anew
    afterwards. While a job is at work on it this is refused."""
    money = None if body.amount is None else Money(amount=body.amount)
    return answer(_intent(room.studio.settle(intent, billed=body.billed, money=money)))


def _engine(context: Context, each: Offered) -> EngineOut:
    able = each.capabilities
    return EngineOut(
        engine=each.engine,
        model=each.model,
        default=each.engine == context.rooms.settings.engine,
        tasks=sorted(able.tasks) if able else None,
        sizes=[(size.width, size.height) for size in able.sizes] if able else None,
        min_side=able.min_side if able else None,
        max_side=able.max_side if able else None,
        multiple=able.multiple if able else None,
        seeds=able.seeds if able else None,
        weights=able.weights if able else None,
        negatives=able.negatives if able else None,
        references=able.references if able else None,
        billed=able.billed if able else each.engine != "remote",
        keys=list(each.keys),
        key=_has_key(each),
        address=each.where,
        retired=each.retired,
    )


def _has_key(each: Offered) -> bool | None:
    if not each.keys:
        return None
    try:
        for name in each.keys:
            find_key(name, service=each.engine)
    except ServiceKeyRefused:
        return False
    return True


def _intent(intent: Intent) -> IntentOut:
    return IntentOut(
        id=intent.id,
        engine=intent.engine,
        job=intent.job,
        recipe=intent.recipe,
        outcome=intent.outcome.value,
        open=intent.open,
        money=_money(intent.money),
        # An address that a service gave may be a key to what lies behind it.
        handle={name: value for name, value in intent.handle.items() if "://" not in value},
        image=intent.image,
        message=intent.message,
        at=intent.at,
    )


def _money(money: Money) -> MoneyOut:
    return MoneyOut(amount=money.amount, currency=money.currency)
