"""What all routes share: open projects, the catalogue, small caches of what never changes."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any, Generic, TypeVar

from fastapi import Depends, Path, Request
from fastapi.concurrency import run_in_threadpool

from maquette.core.capabilities import Capabilities
from maquette.core.job import INTERACTIVE, Job, Status
from maquette.core.recipe import Composite, Restore, Retouch, Upscale
from maquette.core.trace import Trace
from maquette.core.version import Version
from maquette.errors import MaquetteError
from maquette.server.access import Access
from maquette.server.crew import Crew
from maquette.server.feed import Feeds, Journal
from maquette.server.idempotency import Keys
from maquette.server.metrics import Metrics
from maquette.server.shapes import WordOut
from maquette.server.thumbnails import Thumbnails
from maquette.server.tracking import Tracker
from maquette.server.views import words_out
from maquette.storage.shelf import Entry, Node
from maquette.studio.apart import Apart
from maquette.studio.catalogue import Catalogue

if TYPE_CHECKING:
    from maquette.stages.order import Order
    from maquette.studio import Studio
    from maquette.studio.rooms import Rooms

__all__ = ["Context", "Here", "Kept", "Open", "Room", "VersionRef", "context_of"]

Value = TypeVar("Value")


class Kept(Generic[Value]):
    """The last ``limit`` values that were asked for; safe for many threads."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._values: OrderedDict[Hashable, Value] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Hashable, make: Callable[[], Value]) -> Value:
        """The value of a key; made outside the lock when it is not there."""
        found = self.find(key)
        return found if found is not None else self.keep(key, make())

    def find(self, key: Hashable) -> Value | None:
        """The value of a key that is there."""
        with self._lock:
            if key in self._values:
                self._values.move_to_end(key)
            return self._values.get(key)

    def keep(self, key: Hashable, value: Value) -> Value:
        """Keep a value, and let go of the one that nobody asked for longest."""
        with self._lock:
            self._values[key] = value
            while len(self._values) > self._limit:
                self._values.popitem(last=False)
        return value


class Room:
    """An open project and what the server keeps of it."""

    def __init__(
        self,
        project: str,
        studio: Studio,
        able: Capabilities | None,
        wake: Callable[[], None] | None = None,
    ) -> None:
        self.id = project
        self.studio = studio
        self.keys = Keys(studio.replies)
        self.tracker = Tracker(studio.queue, able)
        self.thumbnails = Thumbnails(studio.root / ".maquette" / "thumbnails")
        self.answers: Kept[bytes] = Kept(64)
        self.details: Kept[bytes] = Kept(2_000)
        self._wake = wake
        self._graph: Kept[list[Node]] = Kept(2)
        self._children: Kept[Mapping[str, list[str]]] = Kept(2)
        self._past: Kept[list[Version]] = Kept(1)
        self.maps: Kept[tuple[bytes, str]] = Kept(256)
        self._words: Kept[list[WordOut]] = Kept(2_000)
        self.studios: Kept[Studio] = Kept(8)
        self.taken: Kept[str] = Kept(10_000)
        self._versions: Kept[Version] = Kept(1_000)

    def submit(self, order: Order, *, priority: int = INTERACTIVE, key: str = "") -> list[Job]:
        """``Studio.submit``, and the workers hear of it at once."""
        jobs = self.studio.submit(order, priority=priority, key=key)
        if self._wake is not None:
            self._wake()
        return jobs

    def journal(self) -> Journal:
        """The project's journal as its listeners hear it."""
        queue = self.studio.queue
        return Journal(queue.events, queue.last_event, self.tracker.tell)

    def version(self, reference: str) -> Version:
        """The version that a reference names. By its full id it is read once.

        Raises:
            VersionUnknown, AmbiguousVersion.
        """
        if len(reference) != 64:
            return self.studio.version(reference)
        return self._versions.get(reference, lambda: self.studio.version(reference))

    def words(self, version: Version) -> list[WordOut]:
        """The words of a version's token maps; empty without them."""
        if version.trace is None:  # some may have been made for it since
            return self._read_words(version)
        return self._words.get((version.trace, version.size), lambda: self._read_words(version))

    def past(self, stamp: str) -> list[Version]:
        """The newest versions, for estimates; read again when the stamp is another."""
        return self._past.get(stamp, lambda: self.studio.log(limit=100))

    def entry(self, reference: str) -> Entry:
        """A version with its marks and findings. A full id needs no looking up.

        Raises:
            VersionUnknown, AmbiguousVersion.
        """
        if len(reference) == 64:
            return self.studio.shelf.entries([reference])[0]
        return self.studio.entry(reference)

    def graph(self, stamp: str) -> list[Node]:
        """Every version, oldest first, as of this stamp."""
        return self._graph.get(stamp, self.studio.graph)

    def children(self, stamp: str) -> Mapping[str, list[str]]:
        """The versions made from each, as of this stamp."""
        return self._children.get(stamp, lambda: _children(self.graph(stamp)))

    def has_maps(self, version: Version) -> bool:
        """Whether there are token maps of a version's picture, its own or, for one with more
        or altered pixels, those of the version that it was made from."""
        while self.studio.trace(version) is None:
            same = isinstance(version.recipe.task, Upscale | Retouch | Restore | Composite)
            if not same or not version.parents:
                return False
            version = self.studio.version(version.parents[0])
        return True

    def _read_words(self, version: Version) -> list[WordOut]:
        trace: Trace | None = self.studio.trace(version)
        return words_out(trace, version.size) if trace is not None else []


def _children(nodes: Iterable[Node]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for node in nodes:
        for parent in node.parents:
            found.setdefault(parent, []).append(node.id)
    return found


class Context:
    """One for each server."""

    def __init__(
        self, rooms: Rooms, access: Access, catalogue: Catalogue, crew: Crew | None = None
    ) -> None:
        self.rooms = rooms
        self.access = access
        self.catalogue = catalogue
        self.crew = crew
        self.feeds = Feeds()
        self.apart = Apart()
        if crew is not None:
            crew.on_news = self.feeds.nudge
        self.metrics = Metrics(self._readings)
        self._open: dict[str, Room] = {}
        self._lock = threading.Lock()

    def open(self, project: str) -> Room | None:
        """The project of this id when it was opened before."""
        return self._open.get(project)

    def room(self, project: str) -> Room:
        """The open project of this id.

        Raises:
            ProjectMissing, ProjectUnreadable, ProjectTooNew.
        """
        with self._lock:
            if project not in self._open:
                wake = self.crew.wake if self.crew is not None else None
                studio = self.rooms.open(project)
                studio.apart = self.apart
                self._open[project] = Room(project, studio, self.capabilities(), wake)
            return self._open[project]

    def try_room(self, project: str) -> Room | None:
        """The project of this id; None when it cannot be opened."""
        try:
            return self.open(project) or self.room(project)
        except MaquetteError:
            return None

    def capabilities(self) -> Capabilities | None:
        """What the default engine can do; None where it is not to be had."""
        try:
            return self.catalogue.offers()[0].capabilities
        except MaquetteError:
            return None

    def _readings(self) -> Iterator[tuple[str, str, dict[str, str], float]]:
        yield "maquette_listeners", "Open event streams.", {}, self.feeds.listeners
        if self.crew is not None:
            yield "maquette_workers", "Worker processes that run.", {}, self.crew.alive
            yield "maquette_worker_restarts", "Workers started again.", {}, self.crew.restarts
        says = "Jobs that wait or run."
        for room in list(self._open.values()):
            for status in (Status.QUEUED, Status.RUNNING):
                labels = {"project": room.id, "status": status.value}
                yield "maquette_jobs", says, labels, len(room.studio.jobs(status))

    def close(self) -> None:
        """Let go of every project."""
        self.feeds.close()
        self.apart.close()
        with self._lock:
            self._open.clear()
        self.rooms.close()


# The two dependencies are coroutines because they have nothing to wait for, or nearly: as plain
# functions each would cost every request a trip through the thread pool.
async def context_of(request: Request) -> Context:
    """The context of the app that a request came to."""
    context: Any = request.app.state.context
    return context


Here = Annotated[Context, Depends(context_of)]


async def _room(
    context: Here,
    project: Annotated[
        str,
        Path(
            max_length=100,
            pattern=r"^[a-z0-9][a-z0-9._-]*$",
            description="The project's id, as `/projects` lists it.",
            examples=["postcards"],
        ),
    ],
) -> Room:
    return context.open(project) or await run_in_threadpool(context.room, project)


Open = Annotated[Room, Depends(_room)]

VersionRef = Annotated[
    str,
    Path(
        min_length=1,
        max_length=80,
        description="A version: its id, a unique prefix of 4 characters or more, `@` for the"
        " newest or `@~2` for the second before it.",
        examples=["@"],
    ),
]
