"""An order on its way: submitted, followed by the journal's news, ended.

Nobody sleeps and looks again: a project's journal is read by one reader for everybody, and each
line goes to whoever waits for that job.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from maquette import errors
from maquette.core.job import INTERACTIVE, Job, Status
from maquette.errors import Cancelled, EngineFailed, MaquetteError
from maquette.server.problems import HttpRefused

if TYPE_CHECKING:
    from maquette.core.version import Version
    from maquette.server.context import Context, Room
    from maquette.stages.order import Order

__all__ = ["Hear", "News", "ask", "failure_of", "made", "while_connected"]


@dataclass(frozen=True)
class News:
    """What the journal tells of one of an order's jobs.

    ``kind`` is ``job`` (its new state: see ``rows.told_job``), ``progress`` (step, steps,
    seconds_left) or ``preview`` (step, and image, a data URL); ``place`` is the job's in its order.
    """

    kind: str
    job: str
    place: int
    data: Mapping[str, Any]


MOST_WAITING = 2_000
"""For how many pictures of a project somebody may wait at the same time."""

Hear = Callable[[News], None]
"""Called on the event loop; must not block."""


async def ask(
    context: Context,
    room: Room,
    order: Callable[[], Order],
    *,
    priority: int = INTERACTIVE,
    hear: Hear | None = None,
    begun: Callable[[list[Job]], None] | None = None,
    keep: bool = False,
) -> list[Job]:
    """Submit an order and wait until every job of it has ended; the jobs, by their places.

    ``order`` is made in a thread, since reading pictures and models takes a while. ``hear`` is told
    the news, ``begun`` of the jobs as they were queued. When the task of this call is cancelled,
    so are the jobs, unless ``keep``. The jobs may have ended in any state: see ``made``.

    Raises:
        MaquetteError: what making or submitting the order raises; nothing is queued then.
        HttpRefused: too many are waited for already.
        EngineFailed: the server is being closed. The jobs stay in the queue.
    """
    feed = context.feeds.feed(room.id, room.journal)
    if feed.followed >= MOST_WAITING:
        raise HttpRefused(
            429,
            "too-many-waiting",
            f"{feed.followed} pictures are being waited for already",
            hint="ask again in some seconds",
            headers={"Retry-After": "5"},
        )
    jobs = await run_in_threadpool(lambda: room.submit(order(), priority=priority))
    if begun is not None:
        begun(jobs)
    places = {job.id: job.place for job in jobs}
    try:
        async with feed.following(places) as news:
            # Whatever came between submitting and following is seen here; what comes later, there.
            group = jobs[0].group
            now = await run_in_threadpool(lambda: room.studio.jobs(group=group))
            waiting = {job.id for job in now if not job.ended}
            while waiting:
                line = await news.get()
                if line is None:
                    raise EngineFailed(
                        "the server is being closed", hint="what is queued is drawn when it is back"
                    )
                if line.kind == "job" and line.data.get("status") in _ENDED:
                    waiting.discard(line.job)
                if hear is not None:
                    hear(News(line.kind, line.job, places[line.job], line.data))
            return await run_in_threadpool(lambda: room.studio.jobs(group=group))
    except asyncio.CancelledError:
        if not keep:
            with suppress(MaquetteError):
                # Not awaited: this task is being cancelled itself.
                await asyncio.shield(run_in_threadpool(room.studio.cancel_jobs, list(places)))
        raise


_ENDED = frozenset({Status.DONE.value, Status.FAILED.value, Status.CANCELLED.value})


def made(room: Room, jobs: list[Job]) -> list[Version]:
    """The versions that jobs became.

    Raises:
        MaquetteError: one of them failed: the error that it failed with, by class and words.
        Cancelled: one of them was cancelled.
    """
    for job in jobs:
        if job.status is Status.FAILED:
            raise failure_of(job)
        if job.status is Status.CANCELLED:
            raise Cancelled(job.message or "stopped", hint="ask again")
    return [room.studio.version(job.version) for job in jobs if job.version is not None]


def failure_of(job: Job) -> MaquetteError:
    """The error that a job failed with."""
    kind = getattr(errors, str((job.result or {}).get("reason", "")), EngineFailed)
    known = kind if isinstance(kind, type) and issubclass(kind, MaquetteError) else EngineFailed
    return known(job.message or "the drawing failed", hint=job.hint)


async def while_connected(request: Request, work: asyncio.Task[Any]) -> Any:
    """Wait for work as long as whoever asked is there; the work is cancelled when they hang up.

    Raises:
        HttpRefused: they did; nobody hears of it.
    """
    gone = asyncio.create_task(_gone(request))
    try:
        await asyncio.wait({work, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not work.done():
            work.cancel()
            with suppress(asyncio.CancelledError, Exception):
                await work
            raise HttpRefused(499, "client-gone", "whoever asked has gone")
        return await work
    finally:
        gone.cancel()
        if not work.done():
            work.cancel()


async def _gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
