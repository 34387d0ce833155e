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
    stand: dict[str, Job] = {}
    try:
        async with feed.following() as following:  # before there is anything to hear of
            queueing = asyncio.ensure_future(
                run_in_threadpool(lambda: room.submit(order(), priority=priority))
            )
            try:
                jobs = await asyncio.shield(queueing)
            except asyncio.CancelledError:
                # A thread is not stopped: what it queues meanwhile has to be stopped as well.
                with suppress(Exception):
                    stand = {job.id: job for job in await queueing}
                raise
            stand = {job.id: job for job in jobs}
            if begun is not None:
                begun(jobs)
            news = following(stand)
            while any(not job.ended for job in stand.values()):
                line = await news.get()
                if line is None:
                    raise EngineFailed(
                        "the server is being closed", hint="what is queued is drawn when it is back"
                    )
                job = stand[line.job]
                if line.kind == "job" and not job.ended:
                    stand[job.id] = _as_told(job, line.data)
                if hear is not None:
                    hear(News(line.kind, job.id, job.place, line.data))
            return list(stand.values())
    except asyncio.CancelledError:
        if stand and not keep:
            with suppress(MaquetteError):
                # Not awaited: this task is being cancelled itself.
                await asyncio.shield(run_in_threadpool(room.studio.cancel_jobs, list(stand)))
        raise


_TOLD = ("attempts", "cancel", "message", "hint", "version", "result")


def _as_told(job: Job, data: Mapping[str, Any]) -> Job:
    """The job as the journal says that it stands now (``rows.told_job``)."""
    told = {name: data[name] for name in _TOLD}
    return job.model_copy(update={**told, "status": Status(data["status"])})


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
    return [room.version(job.version) for job in jobs if job.version is not None]


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
