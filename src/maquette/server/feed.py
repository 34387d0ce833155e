"""The project's journal for many listeners: one poller a project, each line encoded once."""

from __future__ import annotations

import asyncio
import itertools
import json
import logging
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any, Protocol

from maquette.errors import MaquetteError
from maquette.server.problems import HttpRefused

__all__ = ["HEARTBEAT", "Feed", "Feeds", "Line", "encode"]

HEARTBEAT = 15.0
"""Seconds of silence after which a comment is sent, so that no proxy takes the line for dead."""

POLL = 0.1
"""Seconds between two looks into the journal. A look is one read of the newest line's id."""

RECENT = 5.0
"""Seconds for which the number of the last line that was read is good enough to begin with: what
was written since is read again, and concerns nobody."""

_CHUNK = 500
_LONGEST = 15_000
"""How many lines are read back at most; the journal itself keeps some more."""

_BEHIND = 2_000
"""How many lines may wait for a listener. A slower one is let go; it comes back with the id of its
last line and misses nothing."""
_LISTENERS = 200

log = logging.getLogger("maquette.server")


class Line(Protocol):
    """A line of the journal."""

    @property
    def id(self) -> int: ...
    @property
    def kind(self) -> str: ...
    @property
    def job(self) -> str: ...
    @property
    def data(self) -> Mapping[str, Any]: ...


@dataclass(frozen=True)
class Journal:
    """How a project's journal is read: ``read(after, limit)``, ``last()``, and ``tell``, what a
    line says to the browser."""

    read: Callable[[int, int], Sequence[Line]]
    last: Callable[[], int]
    tell: Callable[[Line], Mapping[str, Any]]


def encode(kind: str, data: Mapping[str, Any], number: int | None = None) -> bytes:
    """A server-sent event (WHATWG HTML, section 9.2)."""
    head = f"id: {number}\n" if number is not None else ""
    # JSON has no line breaks of its own, so one data line is enough.
    return f"{head}event: {kind}\ndata: {json.dumps(data, separators=(',', ':'))}\n\n".encode()


Wire = tuple[int, bytes]
News = asyncio.Queue[Line | None]

Named = Callable[[Iterable[str]], News]


class Feed:
    """One project's lines. Lives on the event loop; the journal is read in a thread of its own."""

    def __init__(self, journal: Journal, reader: ThreadPoolExecutor) -> None:
        self._journal = journal
        self._reader = reader
        self._listeners: set[asyncio.Queue[Wire | None]] = set()
        self._followers: dict[str, list[News]] = {}
        self._early: dict[News, list[Line]] = {}
        self._nudged = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None
        self._position = 0
        self._rested: float | None = None

    @property
    def listeners(self) -> int:
        """How many listen now."""
        return len(self._listeners)

    @property
    def followed(self) -> int:
        """How many jobs somebody follows."""
        return len(self._followers) + len(self._early)

    async def listen(self, after: int | None) -> AsyncIterator[bytes]:
        """Every line after ``after`` (None: from now on), and then each as it is written. First
        comes ``hello`` with the id up to which lines are read back, and whether none is missing."""
        waiting: asyncio.Queue[Wire | None] = asyncio.Queue()
        await self._begin()
        self._listeners.add(waiting)
        try:
            # Lines up to here are read back; those after it come by the queue. A number from the
            # future belongs to another journal, and one from long ago to lines that may be gone:
            # then 'complete' is false and the browser loads everything anew.
            known = self._position
            told = known if after is None or not known - _LONGEST <= after <= known else after
            whole = after is None or after == told
            yield encode("hello", {"last": known, "complete": whole}, told)
            while told < known:
                lines = await self._read(self._lines, told, min(_CHUNK, known - told))
                # One piece for many lines: a write for each would hold up everybody else.
                if piece := b"".join(wire for number, wire in lines if number <= known):
                    yield piece
                told = lines[-1][0] if lines else known
            async for lines in _following(waiting):
                if piece := b"".join(wire for number, wire in lines if number > known):
                    yield piece
        finally:
            self._listeners.discard(waiting)
            self._rest()

    @asynccontextmanager
    async def following(self) -> AsyncIterator[Named]:
        """The lines of jobs, as they are written from now on; None at the end of all streams. They
        come once it is said which jobs: so one who is about to queue some begins before they are
        there, and misses nothing."""
        await self._begin(recent=True)
        news, jobs = News(), list[str]()
        self._early[news] = []

        def named(wanted: Iterable[str]) -> News:
            jobs.extend(wanted)
            for line in self._early.pop(news, ()):
                if line.job in jobs:
                    news.put_nowait(line)
            for job in jobs:
                self._followers.setdefault(job, []).append(news)
            return news

        try:
            yield named
        finally:
            self._early.pop(news, None)
            for job in jobs:
                self._followers[job].remove(news)
                if not self._followers[job]:
                    del self._followers[job]
            self._rest()

    def nudge(self) -> None:
        """Look into the journal now. From any thread."""
        if self._loop is not None:
            with suppress(RuntimeError):  # the loop has ended
                self._loop.call_soon_threadsafe(self._nudged.set)

    def close(self) -> None:
        """End every stream. From any thread."""
        if self._loop is not None:
            with suppress(RuntimeError):  # the loop has ended, and all streams with it
                self._loop.call_soon_threadsafe(self._end)

    def _end(self) -> None:
        for waiting in self._listeners:
            waiting.put_nowait(None)
        for news in {*self._early, *itertools.chain(*self._followers.values())}:
            news.put_nowait(None)

    async def _begin(self, *, recent: bool = False) -> None:
        if self._task is not None:
            return
        self._loop = asyncio.get_running_loop()
        known = self._rested is not None and time.monotonic() - self._rested < RECENT
        last = self._position if recent and known else await self._read(self._journal.last)
        if self._task is None:  # nobody else did meanwhile
            self._position = last
            self._task = asyncio.create_task(self._poll())

    def _rest(self) -> None:
        busy = self._listeners or self._followers or self._early
        if not busy and self._task is not None:
            self._task.cancel()
            self._task, self._rested = None, time.monotonic()

    async def _poll(self) -> None:
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._nudged.wait(), POLL)
            self._nudged.clear()
            before = self._position
            try:
                lines = await self._read(self._journal.read, self._position, _CHUNK)
                self._pass_on(lines)
                told = await self._read(self._encoded, lines) if self._listeners and lines else []
            except MaquetteError as error:
                log.warning("the journal cannot be read: %s", error)
                if self._position != before:  # passed on, not encoded: they come back for it
                    for waiting in self._listeners:
                        waiting.put_nowait(None)
                await asyncio.sleep(1)
                continue
            except RuntimeError:  # the readers were let go: the server ends
                self._end()
                return
            if len(lines) == _CHUNK:  # there are more
                self._nudged.set()
            for wire in told:
                for waiting in self._listeners:
                    waiting.put_nowait(wire if waiting.qsize() < _BEHIND else None)

    def _pass_on(self, lines: Sequence[Line]) -> None:
        """To those who follow jobs, who need nothing encoded and so need not wait for it."""
        for early in self._early.values():
            early.extend(lines)
        for line in lines:
            for news in self._followers.get(line.job, ()):
                news.put_nowait(line)
        if lines:
            self._position = lines[-1].id

    def _lines(self, after: int, limit: int) -> list[Wire]:
        return self._encoded(self._journal.read(after, limit))

    def _encoded(self, lines: Sequence[Line]) -> list[Wire]:
        return [(line.id, encode(line.kind, self._journal.tell(line), line.id)) for line in lines]

    async def _read(self, work: Callable[..., Any], *arguments: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._reader, work, *arguments)


async def _following(waiting: asyncio.Queue[Wire | None]) -> AsyncIterator[list[Wire]]:
    """What comes, as it comes: all that waits at once. A comment has the number of no line."""
    while True:
        try:
            lines = [await asyncio.wait_for(waiting.get(), HEARTBEAT)]
        except TimeoutError:
            yield [(sys.maxsize, b": still here\n\n")]
            continue
        while not waiting.empty():
            lines.append(waiting.get_nowait())
        found = [line for line in lines if line is not None]
        if found:
            yield found
        if len(found) < len(lines):
            return


class Feeds:
    """The feeds of all projects that somebody listens to."""

    def __init__(self) -> None:
        self._feeds: dict[str, Feed] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._endings: list[asyncio.Event] = []
        self._reader = ThreadPoolExecutor(2, thread_name_prefix="journal")

    @property
    def listeners(self) -> int:
        """How many listen now, over all projects."""
        return sum(feed.listeners for feed in self._feeds.values())

    @property
    def followed(self) -> int:
        """How many jobs somebody follows, over all projects."""
        return sum(feed.followed for feed in self._feeds.values())

    def open(self, project: str, journal: Callable[[], Journal]) -> Feed:
        """The feed of a project, for one more event stream.

        Raises:
            HttpRefused: too many listen already.
        """
        if self.listeners >= _LISTENERS:
            raise HttpRefused(
                503, "too-many-listeners", "too many event streams are open", hint="close some"
            )
        return self.feed(project, journal)

    def feed(self, project: str, journal: Callable[[], Journal]) -> Feed:
        """The feed of a project."""
        if project not in self._feeds:
            self._feeds[project] = Feed(journal(), self._reader)
        return self._feeds[project]

    def nudge(self) -> None:
        """Look into every journal that somebody follows, now. From any thread."""
        for feed in list(self._feeds.values()):
            feed.nudge()

    def ending(self) -> asyncio.Event:
        """Is set when all streams are ended. On the event loop."""
        self._loop = asyncio.get_running_loop()
        self._endings.append(asyncio.Event())
        return self._endings[-1]

    def close(self) -> None:
        """End every stream."""
        if self._loop is not None and not self._loop.is_closed():
            for ending in self._endings:
                self._loop.call_soon_threadsafe(ending.set)
        for feed in self._feeds.values():
            feed.close()
        self._reader.shutdown(wait=False, cancel_futures=True)
