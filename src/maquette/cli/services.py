"""Commands about engines behind services: what there is, and what was asked of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from maquette.cli.call import Call, read_settings
from maquette.cli.output import table, text
from maquette.cli.records import number

if TYPE_CHECKING:
    from maquette.core.cost import Money
    from maquette.core.intent import Intent
    from maquette.engines.services.offers import Offered

__all__ = ["COMMANDS", "PANEL"]

PANEL = "Services"

What = Annotated[
    Literal["list", "write-off", "void"],
    typer.Argument(
        metavar="list|write-off|void",
        help="'write-off' gives up a request of which nothing can be found out; 'void' says that"
        " it was not billed.",
    ),
]


def engines(call: Call) -> None:
    """List the engines behind services, what each can do and whether its key is at hand.

    Needs no project and asks nobody. Choose one with --engine NAME --model NAME.
    """
    from maquette.engines.services.offers import offered

    found = offered()
    if call.json:
        for each in found:
            call.voice.emit(_engine_record(each))
        return
    grid = table("engine", "model", "draws", "sizes", "key")
    for each in found:
        able = each.capabilities
        grid.add_row(
            text(each.engine, "bold"),
            text(f"{each.model} (retired)" if each.retired else each.model),
            text(", ".join(sorted(able.tasks)) if able else "what it says itself"),
            text(sizes_in_words(each)),
            text(*_key_state(each)),
        )
    call.voice.show(grid)
    call.voice.hint('maquette generate "…" --engine openai --model gpt-image-1-mini')


def intents(
    call: Call,
    what: What = "list",
    intent: Annotated[
        str, typer.Argument(metavar="ID", help="The request's id, or how it begins.")
    ] = "",
    *,
    amount: Annotated[
        str | None,
        typer.Option(metavar="X", help="Of 'write-off': what was billed (default: the estimate)."),
    ] = None,
) -> None:
    """List what was asked of services: what came of it and what it cost.

    A request that was sent and never answered is looked up by the job's next run where the service
    can say; it is never sent again by itself. 'write-off' gives one up: it counts as paid, and its
    picture may be ordered anew. 'void' gives up one that the service's own pages do not show.
    """
    if amount is not None and what != "write-off":
        raise typer.BadParameter("only 'write-off' takes an amount", param_hint="--amount")
    money = _amount(amount)
    with call.studio() as studio:
        if what == "list":
            found = studio.intents.all()
        else:
            found = [studio.settle(intent, billed=what == "write-off", money=money)]
        if call.json:
            for each in found:
                call.voice.emit(_intent_record(each))
            return
        if not found:
            call.voice.show(text("nothing was asked of any service"))
            return
        grid = table("request", "engine", "what came of it", "cost", "at", "")
        for each in found:
            style = "yellow" if each.open else ""
            grid.add_row(
                text(each.id[:8], "bold"),
                text(each.engine),
                text(each.outcome.value.replace("_", " "), style),
                text(each.money),
                text(f"{each.at:%Y-%m-%d %H:%M}"),
                text(each.message, "dim"),
            )
        call.voice.show(grid)
        from maquette.storage.base import spent_on

        spent = ", ".join(str(money) for money in spent_on(found).values() if money.amount)
        if what == "list" and spent:
            most = studio.settings.most_money
            call.voice.line(f"spent: {spent}" + (f" of {most}" if most is not None else ""))


def ping(
    call: Call,
    engine: Annotated[str, typer.Argument(metavar="ENGINE", help="As 'maquette engines' has it.")],
    *,
    model: Annotated[
        str | None, typer.Option(metavar="NAME", help="With this model (default: the usual one).")
    ] = None,
) -> None:
    """Ask a service, without drawing anything, whether it is there and knows the key."""
    from maquette.studio.catalogue import Catalogue

    with call.waiting("asking"):
        pong = Catalogue(read_settings()).ping(engine, model)
    if call.json:
        call.voice.emit({"engine": engine, "seconds": number(pong.seconds), "says": pong.says})
        return
    says = f": {pong.says}" if pong.says else ""
    call.voice.line(f"{engine} answers after {pong.seconds * 1000:.0f} ms{says}")


def sizes_in_words(each: Offered) -> str:
    """The sizes that a model draws."""
    able = each.capabilities
    if able is None:
        return "by the model"
    if able.sizes:
        return ", ".join(map(str, able.sizes))
    return f"{able.min_side} to {able.max_side}, steps of {able.multiple}"


def _key_state(each: Offered) -> tuple[str, str]:
    from maquette.errors import ServiceKeyRefused
    from maquette.net import find_key

    if not each.keys:
        return "none needed", "dim"
    try:
        for name in each.keys:
            find_key(name, service=each.engine)
    except ServiceKeyRefused:
        return f"set {each.keys[0]}", "yellow"
    return "found", "green"


def _engine_record(each: Offered) -> dict[str, Any]:
    able = each.capabilities
    return {
        "engine": each.engine,
        "model": each.model,
        "tasks": sorted(able.tasks) if able else None,
        "sizes": [str(size) for size in able.sizes] if able else None,
        "seeds": able.seeds if able else None,
        "weights": able.weights if able else None,
        "negatives": able.negatives if able else None,
        "references": able.references if able else None,
        "billed": able.billed if able else each.engine != "remote",
        "keys": list(each.keys),
        "key": _key_state(each)[0] != f"set {each.keys[0]}" if each.keys else None,
        "address": each.where,
        "retired": each.retired,
    }


def _intent_record(intent: Intent) -> dict[str, Any]:
    return {
        "intent": intent.id,
        "engine": intent.engine,
        "recipe_digest": intent.recipe,
        "outcome": intent.outcome.value,
        "open": intent.open,
        "amount": str(intent.money.amount),
        "currency": intent.money.currency,
        "handle": intent.handle,
        "image": intent.image,
        "message": intent.message,
        "at": intent.at.isoformat(),
    }


def _amount(given: str | None) -> Money | None:
    from decimal import Decimal, InvalidOperation

    from maquette.core.cost import Money

    if given is None:
        return None
    try:
        amount = Decimal(given)
    except InvalidOperation:
        amount = Decimal("NaN")
    if not amount.is_finite() or amount < 0:
        raise typer.BadParameter(f"{given!r} is no amount", param_hint="--amount")
    return Money(amount=amount)


COMMANDS = (engines, ping, intents)
