"""The desk of an assistant: which project it means, orders that are drawn while it waits, and
faults in words that it can act on."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mcp.server.mcpserver import Context as Asked
from mcp_types import CallToolResult, TextContent
from starlette.concurrency import run_in_threadpool

from maquette.core.job import Job, Status
from maquette.errors import JobUnknown, MaquetteError
from maquette.server.compat.asking import News, ask, made
from maquette.server.compat.home import HOME, studio_with
from maquette.server.problems import code_of

if TYPE_CHECKING:
    from maquette.core.version import Version
    from maquette.server.context import Context, Room
    from maquette.stages.order import Order
    from maquette.studio import Studio

__all__ = ["PATIENCE", "Ended", "Talk", "refused"]

PATIENCE = 50.0
"""Seconds that a tool waits for a drawing: many clients give up after 60."""

_REMEMBERED = 200

_HINTS = {
    "VersionUnknown": "'versions' lists what there is; '@' is the newest",
    "AmbiguousVersion": "give more characters of the id",
    "ProjectMissing": "'projects' lists them; 'create_project' makes one",
    "WordUnknown": "use words of the version's prompt; 'look' shows it",
    "FindingUnknown": "'critique' lists the findings of a version",
    "TraceMissing": "give 'heatmap' a caption, then the words have places; or mask by a box",
    "ModelMissing": "'models' lists what there is",
    "JobUnknown": "use what a tool answered as 'waiting'",
    "SubmittedUnknown": "a person settles it: 'maquette intents'",
    "Cancelled": "ask again",
}
"""What to do, where the hint of the error speaks of the command line."""


@dataclass(frozen=True)
class Ended:
    """How an order went: versions that came of it, words for what failed, results of what draws
    nothing, and the group that is still at work, or empty; then ``preview`` is the unfinished
    picture that was told of last (a ``data:`` URL), if any."""

    versions: list[Version]
    failed: list[str] = field(default_factory=list[str])
    results: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    waiting: str = ""
    preview: str = ""


class Talk:
    """What all tools share. Lives on the event loop."""

    def __init__(
        self,
        context: Context,
        *,
        exports: Path | None = None,
        start: Callable[[], None] | None = None,
    ) -> None:
        """``exports`` is the folder that released files are written to, None where they travel in
        the answer; ``start`` is called before each order, to see to it that somebody draws."""
        self.context, self.exports = context, exports
        self._start = start
        self._running: OrderedDict[str, _AtWork] = OrderedDict()
        self._farewells: set[asyncio.Task[Any]] = set()

    async def room(self, asked: Asked[Any, Any], named: str | None) -> Room:
        """The project that is meant: by name, by the address, or the one that is meant without.

        Raises:
            ProjectMissing, ProjectUnreadable, ProjectTooNew, StorageFull.
        """
        request = asked.request_context.request
        parameters = getattr(request, "path_params", None) or {}
        wanted = named or parameters.get("project")
        return await run_in_threadpool(self._open, wanted)

    def _open(self, wanted: str | None) -> Room:
        name = wanted or self.context.rooms.home(HOME).id
        return self.context.open(name) or self.context.room(name)

    def studio(self, room: Room, model: str | None) -> Studio:
        """The project's studio with a model by name; raises ModelMissing."""
        return studio_with(self.context, room, model)

    async def draw(
        self,
        asked: Asked[Any, Any],
        room: Room,
        order: Callable[[], Order],
        patience: float = PATIENCE,
    ) -> Ended:
        """Submit an order and wait for it, telling how far it is. What takes longer than
        ``patience`` seconds goes on by itself and is asked after with ``follow``; what the client
        gives up is cancelled.

        Raises:
            MaquetteError: nothing of the order was made.
        """
        if self._start is not None:
            await run_in_threadpool(self._start)
        hearing = _Hearing()
        task = asyncio.create_task(
            ask(
                self.context,
                room,
                order,
                hear=hearing.hear,
                begun=hearing.begin,
                keep=True,
            )
        )
        task.add_done_callback(lambda done: done.cancelled() or done.exception())
        return await self._wait(asked, room, task, hearing, patience)

    async def follow(
        self, asked: Asked[Any, Any], room: Room, group: str, patience: float
    ) -> Ended:
        """Wait on for what ``draw`` left at work.

        Raises:
            JobUnknown: no order of this name.
            MaquetteError: as ``draw``.
        """
        jobs = await run_in_threadpool(lambda: room.studio.jobs(group=group)) if group else []
        if not jobs:
            raise JobUnknown(f"nothing goes by '{group[:64]}'")
        work = self._running.get(group)
        if work is None or work.task.done() or all(job.ended for job in jobs):
            left = group if not all(job.ended for job in jobs) else ""
            return await run_in_threadpool(self._ended, room, jobs, left)
        return await self._wait(asked, room, work.task, work.hearing, patience)

    async def stop(self, room: Room, group: str) -> list[Job]:
        """Cancel what is still at work of an order; its jobs as they stand.

        Raises:
            JobUnknown.
        """

        def stopped() -> list[Job]:
            jobs = room.studio.jobs(group=group) if group else []
            if not jobs:
                raise JobUnknown(f"nothing goes by '{group[:64]}'")
            return room.studio.cancel_jobs([job.id for job in jobs])

        return await run_in_threadpool(stopped)

    async def _wait(
        self,
        asked: Asked[Any, Any],
        room: Room,
        task: asyncio.Task[list[Job]],
        hearing: _Hearing,
        patience: float,
    ) -> Ended:
        loop = asyncio.get_running_loop()
        until, said = loop.time() + patience, None
        try:
            while not task.done():
                left = until - loop.time() if hearing.group else None
                if left is not None and left <= 0:
                    break
                moved = asyncio.ensure_future(hearing.moved.wait())
                try:
                    await asyncio.wait({task, moved}, timeout=left, return_when="FIRST_COMPLETED")
                finally:
                    moved.cancel()
                hearing.moved.clear()
                if (now := hearing.progress()) != said:
                    said = now
                    await asked.report_progress(*now)
        except asyncio.CancelledError:
            hearing.give_up(lambda jobs: self._give_up(room, jobs))
            raise
        if task.done():
            self._running.pop(hearing.group, None)
            if task.exception() is None and (now := hearing.end()) != said:
                await asked.report_progress(*now)
            return await run_in_threadpool(self._ended, room, task.result(), "")
        group = hearing.group
        self._running[group] = _AtWork(task, hearing)
        while len(self._running) > _REMEMBERED:
            self._running.popitem(last=False)
        jobs = await run_in_threadpool(lambda: room.studio.jobs(group=group))
        ended = await run_in_threadpool(self._ended, room, jobs, group)
        return replace(ended, preview=hearing.preview)

    def _ended(self, room: Room, jobs: Sequence[Job], waiting: str) -> Ended:
        done = [job for job in jobs if job.status is Status.DONE]
        broken = [job for job in jobs if job.status in {Status.FAILED, Status.CANCELLED}]
        if broken and not done and not waiting:
            made(room, list(jobs))  # raises, with the first one's words
        return Ended(
            versions=[room.studio.version(job.version) for job in done if job.version is not None],
            failed=[f"{job.status}: {job.message}" for job in broken],
            results=[dict(job.result) for job in done if job.result is not None],
            waiting=waiting,
        )

    def _give_up(self, room: Room, jobs: Sequence[str]) -> None:
        """Cancel jobs. Not awaited: whoever calls is being cancelled itself."""
        farewell = asyncio.create_task(run_in_threadpool(room.studio.cancel_jobs, list(jobs)))
        self._farewells.add(farewell)
        farewell.add_done_callback(self._farewells.discard)


@dataclass(frozen=True)
class _AtWork:
    """An order that goes on by itself, and who hears of it."""

    task: asyncio.Task[list[Job]]
    hearing: _Hearing


class _Hearing:
    """What the journal has told of an order so far."""

    def __init__(self) -> None:
        self.moved = asyncio.Event()
        self.jobs: list[str] = []
        self.group = ""
        self.preview = ""
        self._shares: dict[str, float] = {}
        self._says = "waiting for a worker"
        self._unwanted: Callable[[Sequence[str]], None] | None = None

    def give_up(self, cancel: Callable[[Sequence[str]], None]) -> None:
        """Nobody wants the order any more: cancel its jobs, also where they are just being
        queued."""
        self._unwanted = cancel
        if self.jobs:
            cancel(self.jobs)

    def begin(self, jobs: list[Job]) -> None:
        self.jobs, self.group = [job.id for job in jobs], jobs[0].group
        self._shares = {job.id: float(job.ended) for job in jobs}
        self.moved.set()
        if self._unwanted is not None:
            self._unwanted(self.jobs)

    def hear(self, news: News) -> None:
        if news.kind == "progress":
            step, steps = int(news.data.get("step", 0)), max(1, int(news.data.get("steps", 1)))
            self._shares[news.job] = max(self._shares.get(news.job, 0.0), min(1.0, step / steps))
            which = f"picture {news.place + 1} of {len(self.jobs)}, " if len(self.jobs) > 1 else ""
            self._says = f"{which}step {step} of {steps}"
        elif news.kind == "job" and news.data.get("status") in {"done", "failed", "cancelled"}:
            self._shares[news.job] = 1.0
            self._says = f"{sum(map(int, self._shares.values()))} of {len(self.jobs)} done"
        elif news.kind == "preview":
            self.preview = str(news.data["image"])
        elif news.kind != "job":
            return
        self.moved.set()

    def end(self) -> tuple[float, float, str]:
        """Every job has ended, whatever the journal has told of it."""
        self._shares = dict.fromkeys(self._shares, 1.0)
        self._says = f"{len(self.jobs)} of {len(self.jobs)} done"
        return self.progress()

    def progress(self) -> tuple[float, float, str]:
        """How much is done of how much, and in words."""
        return round(sum(self._shares.values()), 4), float(len(self.jobs) or 1), self._says


def refused(error: MaquetteError) -> CallToolResult:
    """A fault as an assistant can use it: what happened, what to do, and the reason."""
    kinds = (kind.__name__ for kind in type(error).__mro__)
    hint = next((_HINTS[kind] for kind in kinds if kind in _HINTS), error.hint)
    text = f"{error}. What to do: {hint}" if hint else str(error)
    return CallToolResult(
        content=[TextContent(type="text", text=text)],
        structured_content={"code": code_of(type(error)), "message": str(error), "hint": hint},
        is_error=True,
    )
