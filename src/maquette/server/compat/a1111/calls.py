"""txt2img and img2img, and what looks at them while they are drawn."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from maquette.core.job import Job, Status
from maquette.core.version import Version
from maquette.errors import MaquetteError
from maquette.server.answers import answer
from maquette.server.compat.a1111.answering import answered
from maquette.server.compat.a1111.asked import ImageToImage, TextToImage, read
from maquette.server.compat.a1111.making import Sitting, hires_order, order_of
from maquette.server.compat.a1111.state import Work, state_of
from maquette.server.compat.asking import ask, failure_of
from maquette.server.compat.bodies import json_body
from maquette.server.compat.home import context_of, room_of
from maquette.server.context import Context, Room
from maquette.stages.order import Order

__all__ = [
    "at_work",
    "begun_by",
    "image_to_image",
    "interrupt",
    "progress",
    "skip",
    "text_to_image",
]


async def text_to_image(request: Request) -> Response:
    """``POST /sdapi/v1/txt2img``."""
    return await _drawn(request, TextToImage)


async def image_to_image(request: Request) -> Response:
    """``POST /sdapi/v1/img2img``."""
    return await _drawn(request, ImageToImage)


async def _drawn(request: Request, kind: type[TextToImage]) -> Response:
    context, room = context_of(request), await room_of(request)
    asked = read(kind, await json_body(request))
    sitting = await run_in_threadpool(Sitting.begin, context, room, asked)
    with at_work(room, asked.count, 2 if asked.enable_hr else 1) as work:
        # That program goes on when whoever asked hangs up, and so does this: 'interrupt' stops it.
        versions = await _versions(context, sitting, work)
    return answer(await run_in_threadpool(answered, sitting, versions))


async def _versions(context: Context, sitting: Sitting, work: Work) -> list[Version]:
    room, asked = sitting.room, sitting.asked
    jobs = await ask(
        context,
        room,
        lambda: order_of(sitting),
        hear=work.hear,
        begun=begun_by(room, work),
        keep=True,
    )
    versions = await run_in_threadpool(_finished, room, jobs)
    if asked.enable_hr and not isinstance(asked, ImageToImage):
        versions = await _each(context, sitting, work, versions)
    if asked.restore_faces:
        versions = [await _restored(context, sitting, version) for version in versions]
    return versions


async def _each(
    context: Context, sitting: Sitting, work: Work, versions: Sequence[Version]
) -> list[Version]:
    """The second pass over each picture, as long as nobody interrupts."""

    async def one(version: Version) -> list[Version]:
        def order() -> Order:
            return hires_order(sitting, version)

        jobs = await ask(
            context,
            sitting.room,
            order,
            hear=work.hear,
            begun=begun_by(sitting.room, work),
            keep=True,
        )
        return await run_in_threadpool(_finished, sitting.room, jobs)

    if work.interrupted:
        return list(versions)
    return [each for found in await asyncio.gather(*map(one, versions)) for each in found]


async def _restored(context: Context, sitting: Sitting, version: Version) -> Version:
    """Faces drawn anew, where there are some and a network for them; else the picture as it is."""
    try:
        jobs = await ask(
            context,
            sitting.room,
            lambda: sitting.studio.orders.restore(version),
            keep=True,
        )
        return (await run_in_threadpool(_finished, sitting.room, jobs))[0]
    except (MaquetteError, IndexError) as error:
        sitting.instead.append(f"faces were not restored: {error}")
        return version


def _finished(room: Room, jobs: Sequence[Job]) -> list[Version]:
    """The versions of those that were drawn to their end; who was interrupted is left out.

    Raises:
        MaquetteError: one of them failed; with its own class and words.
    """
    for job in jobs:
        if job.status is Status.FAILED:
            raise failure_of(job)
    return [room.studio.version(job.version) for job in jobs if job.version is not None]


def begun_by(room: Room, work: Work) -> Callable[[list[Job]], None]:
    """What hears of a request's jobs as they are queued."""

    def begun(jobs: list[Job]) -> None:
        if late := work.queued(jobs):
            loop = asyncio.get_running_loop()
            loop.run_in_executor(None, room.studio.cancel_jobs, late)

    return begun


@contextmanager
def at_work(room: Room, count: int, rounds: int = 1) -> Iterator[Work]:
    """Be seen by ``progress``, ``interrupt`` and ``skip``."""
    state, work = state_of(room), Work(count, rounds)
    state.works.append(work)
    try:
        yield work
    finally:
        state.works.remove(work)


async def progress(request: Request) -> Response:
    """``GET /sdapi/v1/progress``."""
    room = await room_of(request)
    shown = request.query_params.get("skip_current_image", "false").lower() not in {"true", "1"}
    return answer(await run_in_threadpool(lambda: state_of(room).told(shown=shown)))


async def interrupt(request: Request) -> Response:
    """``POST /sdapi/v1/interrupt``: what is drawn and what waits behind it in the same request."""
    room = await room_of(request)
    work = state_of(room).current
    if work is not None:
        work.interrupted = True
        await run_in_threadpool(room.studio.cancel_jobs, list(work.waiting))
    return answer({})


async def skip(request: Request) -> Response:
    """``POST /sdapi/v1/skip``: the picture that is being drawn; the next one follows."""
    room = await room_of(request)
    work = state_of(room).current
    if work is not None and work.waiting:
        work.skipped = True
        at = work.current if work.current in work.waiting else work.waiting[0]
        await run_in_threadpool(room.studio.cancel_jobs, [at])
    return answer(None)
