"""What faces do with orders beyond asking: several in one, told where they came from, enlarged."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from starlette.concurrency import run_in_threadpool

from maquette.core.geometry import Size
from maquette.core.version import Version
from maquette.server.compat.asking import ask, made
from maquette.server.compat.sizes import LARGEST_SCALE
from maquette.stages.order import Order
from maquette.studio.desk import seeds_from

if TYPE_CHECKING:
    from maquette.server.context import Context, Room

__all__ = ["enlarged", "for_seeds", "told_by"]


def told_by(order: Order, face: str, **about: Any) -> Order:
    """The order with its origin: through which face it came, and what was asked for there that is
    not in its recipes. What is None is left out."""
    told = {"face": face, **{key: value for key, value in about.items() if value is not None}}
    known = order.origins or ({},) * len(order.recipes)
    return replace(order, origins=tuple({**origin, **told} for origin in known))


def for_seeds(seed: int | None, n: int, order: Callable[[int], Order]) -> Order:
    """One order of ``n`` pictures with seeds that follow each other, of a verb that makes one."""
    single = [order(each) for each in seeds_from(seed, n)]
    return replace(
        single[0],
        recipes=tuple(recipe for each in single for recipe in each.recipes),
        origins=tuple(origin for each in single for origin in each.origins),
    )


async def enlarged(
    context: Context, room: Room, versions: Sequence[Version], wanted: Size | None, face: str
) -> list[Version]:
    """The versions at the size that was asked for: those that are smaller and of its shape are
    enlarged, each a version more; others stay as they are."""

    async def one(version: Version) -> Version:
        if wanted is None or version.size == wanted:
            return version
        scale = wanted.width / version.size.width
        fits = round(version.size.height * scale) == wanted.height
        if not fits or not 1 < scale <= LARGEST_SCALE:
            return version

        def order() -> Order:
            return told_by(room.studio.orders.upscale(version, scale), face)

        jobs = await ask(context, room, order)
        return (await run_in_threadpool(made, room, jobs))[0]

    return list(await asyncio.gather(*map(one, versions)))
