"""The worker: one process that draws what waits in the queues of its projects.

It loads a model once, takes one job at a time (of an order's drafts several, where the engine draws
them together), the most urgent of all its projects first, and holds it on a lease that a second
thread renews while that thread also tells of progress. When a worker dies, its lease runs out and
the next one takes the job; what was stored is whole or absent.
"""

from __future__ import annotations

import base64
import io
import logging
import os
import select
import stat
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from PIL import Image

from maquette.core.job import Job, Status
from maquette.core.version import Version
from maquette.engines.base import (
    Batching,
    Billed,
    Cancel,
    Engine,
    Event,
    Picture,
    Preview,
    Progress,
)
from maquette.errors import Cancelled, MaquetteError
from maquette.stages.order import JUDGING, this_process
from maquette.stages.work import Workplace, work
from maquette.storage.base import Queue
from maquette.studio import Studio
from maquette.studio.engines import Engines
from maquette.studio.rooms import Rooms

__all__ = ["LEASE", "Worker", "when_alone"]

LEASE = 15.0
"""Seconds for which a worker holds its job without a sign of life."""

TICK = 0.1
"""Seconds between two signs of life, and so between two lines of progress."""

PREVIEW_EVERY = 0.25
"""Seconds between two previews at least."""

PREVIEW_SIDE = 256
"""Pixels of a preview's longer side at most."""

BATCH_STEPS = 64
"""Steps of a batch, summed over its pictures, at most: eight drafts of eight steps."""

IDLE_SHARE = 20
"""An idle worker waits so many times as long as it took to look through its queues …"""

SHORTEST_WAIT, LONGEST_WAIT = 0.05, 1.0
"""… but at least and at most so many seconds."""

RESCAN = 1.0
"""Seconds after which new projects are looked for."""

REST = 5.0
"""Seconds for which a project is left alone that cannot be read or written."""

log = logging.getLogger("maquette.worker")


@dataclass(frozen=True)
class Done:
    """A job as it stands once the worker has let go of it, where it is, and the seconds it took."""

    job: Job
    root: str
    seconds: float


class Worker:
    """Draws what waits in the projects of some rooms, until it is told to leave.

    All rooms share one set of engines, so that a model is loaded once. ``on_done`` hears of every
    job that has ended or was put back.
    """

    def __init__(
        self,
        rooms: Sequence[Rooms],
        *,
        owner: str = "",
        lease: float = LEASE,
        on_done: Callable[[Done], None] | None = None,
    ) -> None:
        self.owner = owner or this_process()
        self.done = 0
        self._rooms = rooms
        self._lease = lease
        self._on_done = on_done
        self._leaving, self._dropping = threading.Event(), threading.Event()
        self._looking = threading.Event()
        self._cancel = Cancel()
        self._studios: list[Studio] = []
        self._scanned = -RESCAN
        self._resting: dict[Studio, float] = {}
        self._turn = 0

    def wake(self) -> None:
        """Look for work now. For other threads."""
        self._looking.set()

    def leave(self) -> None:
        """Finish the job at hand and go. For signal handlers and other threads."""
        self._leaving.set()
        self._looking.set()

    def drop(self) -> None:
        """Put the job at hand back, after the step it is in, and go."""
        self._leaving.set()
        self._looking.set()
        self._dropping.set()
        self._cancel.set()

    def run(self, *, once: bool = False) -> int:
        """Work until told to leave, or with ``once`` until nothing waits; how many jobs have been
        carried out."""
        while not self._leaving.is_set():
            began = time.monotonic()
            self._looking.clear()
            if self._leaving.is_set():
                break
            taken = self._take()
            if taken is not None:
                self._carry_out(*taken)
            elif once:
                break
            else:
                pause = IDLE_SHARE * (time.monotonic() - began)
                self._looking.wait(min(LONGEST_WAIT, max(SHORTEST_WAIT, pause)))
        return self.done

    def warm(self, engines: Engines) -> None:
        """Load the default model before anybody waits for it, by one step into nowhere. What is
        wrong with it is left for the jobs to tell."""
        from maquette import operations

        try:
            engine = engines.get()
            if isinstance(engine, Billed):
                return  # nobody pays for a step into nowhere
            able = engine.capabilities()
            recipe = operations.generate("a", capabilities=able, seed=0, quality="draft", steps=1)
            for _ in engine.run([recipe], {}, maps=False, cancel=self._cancel):
                pass
        except Cancelled:
            return
        except MaquetteError as error:
            log.warning("the model is not ready: %s", error)

    def _take(self) -> tuple[Studio, list[Job]] | None:
        """Jobs of the project whose next one is the most urgent; of equals each in its turn."""
        studios = self._awake()
        self._turn += 1
        first = self._turn % max(1, len(studios))
        waiting: list[tuple[int, int, Studio]] = []
        for place, studio in enumerate(studios[first:] + studios[:first]):
            with self._patient(studio):
                urgency = studio.queue.urgency()
                if urgency is not None:
                    waiting.append((urgency, place, studio))
        for _, _, studio in sorted(waiting, key=lambda found: found[:2]):
            with self._patient(studio):
                most = _at_once(studio)
                if jobs := studio.queue.claim(self.owner, self._lease, most, _kin(most)):
                    return studio, jobs
        return None

    def _carry_out(self, studio: Studio, jobs: list[Job]) -> None:
        began = time.monotonic()
        cancel = self._cancel = Cancel()
        if self._dropping.is_set():  # between the claim and now
            cancel.set()
        place = Workplace(
            blobs=studio.blobs,
            records=studio.records,
            queue=studio.queue,
            engine_for=lambda job: _engine_for(job, studio),
            critics=studio.critics,
            books=studio.books,
            hands=lambda cancel, hear: _hands_of(studio, cancel, hear),
        )
        told: set[str] = set()

        def tell(job: Job) -> None:
            if self._on_done is not None:
                self._on_done(Done(job, str(studio.root), time.monotonic() - began))
            told.add(job.id)

        def tell_now(job: Job, version: Version) -> None:
            with suppress(OSError):  # told once more below, where it does the other jobs no harm
                tell(job.to(Status.DONE, version=version.id))

        with self._patient(studio):
            try:
                with Reporter(studio.queue, jobs, self.owner, self._lease, cancel) as reporter:
                    work(jobs, place, cancel=cancel, on_event=reporter, on_version=tell_now)
            except MaquetteError:
                raise
            except Exception:
                log.exception("job %s met with an unforeseen fault", jobs[0].id[:8])
            self.done += len(jobs)
            for job in jobs:
                if job.id not in told:
                    tell(studio.job(job.id))

    def _awake(self) -> list[Studio]:
        now = time.monotonic()
        if now - self._scanned >= RESCAN:
            self._scanned, self._studios = now, list(self._open_all())
        return [studio for studio in self._studios if self._resting.get(studio, 0.0) <= now]

    def _open_all(self) -> Iterator[Studio]:
        for rooms in self._rooms:
            for place in rooms.list():
                try:
                    studio = rooms.open(place.id)
                    if studio not in self._studios:
                        studio.mend()
                    yield studio
                except MaquetteError as error:
                    log.debug("%s cannot be opened: %s", place.root, error)

    @contextmanager
    def _patient(self, studio: Studio) -> Iterator[None]:
        """Leave a project alone for a while when it cannot be read or written."""
        try:
            yield
        except MaquetteError as error:
            log.warning("%s: %s; looked at again in %.0f s", studio.root, error, REST)
            self._resting[studio] = time.monotonic() + REST


def _at_once(studio: Studio) -> int:
    """How many jobs the studio's engine would draw together."""
    with suppress(MaquetteError):  # told to the job
        engine = studio.engine()
        return engine.at_once if isinstance(engine, Batching) else 1
    return 1


def _kin(most: int) -> Callable[[Job, Job], bool]:
    """Whether a job is taken with the first one: it can be drawn in one batch, and the batch takes
    no more steps than a picture of full quality does. Whoever is more urgent waits no longer."""

    def kin(first: Job, other: Job) -> bool:
        mine, its = first.recipe, other.recipe
        if first.operation in JUDGING or mine.sampling is None or its.sampling is None:
            return False
        same = (first.operation, first.maps, mine.engine, mine.model, mine.size, mine.task.kind)
        return (
            same == (other.operation, other.maps, its.engine, its.model, its.size, its.task.kind)
            and mine.sampling.model_copy(update={"seed": its.sampling.seed}) == its.sampling
            and mine.conditionings == its.conditionings
            and mine.sampling.steps * most <= BATCH_STEPS
        )

    return kin


def _engine_for(job: Job, studio: Studio) -> Engine:
    return studio.engine() if job.operation == "explain" else studio.engine_of(job.recipe)


def _hands_of(studio: Studio, cancel: Cancel, hear: Callable[[Event], None] | None) -> Studio:
    """The studio itself, stopped and heard like the job that it works for."""
    studio.cancel, studio.on_event = cancel, hear
    return studio


class Reporter:
    """While jobs are carried out: renews their leases, tells of progress and previews, and hears
    when somebody wants them stopped. In a thread of its own, so that drawing never waits for it.
    """

    def __init__(
        self, queue: Queue, jobs: Sequence[Job], owner: str, lease: float, cancel: Cancel
    ) -> None:
        self._queue, self._jobs, self._owner, self._lease = queue, jobs, owner, lease
        self._cancel = cancel
        self._ended = threading.Event()
        self._lock = threading.Lock()
        self._news: dict[str, tuple[str, Any]] = {}
        self._began: dict[int, tuple[float, int]] = {}
        self._shown = -PREVIEW_EVERY
        self._thread = threading.Thread(target=self._watch, name="reporter", daemon=True)

    def __call__(self, event: Event) -> None:
        """Take in an event of the engine; only the newest of a kind will be told."""
        job = self._jobs[event.index].id
        match event:
            case Progress(step=step, steps=steps):
                told = {"step": step, "steps": steps, "seconds_left": self._left(event)}
                self._note("progress", job, told)
            case Preview(step=step, image=image):
                self._note("preview", job, (step, image))
            case Picture():
                with self._lock:
                    self._news.clear()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        where: TracebackType | None,
    ) -> None:
        self._ended.set()
        self._thread.join()

    def _note(self, kind: str, job: str, news: Any) -> None:
        with self._lock:
            self._news[kind] = job, news

    def _left(self, event: Progress) -> float | None:
        now = time.monotonic()
        began, first = self._began.setdefault(event.index, (now, event.step))
        if event.step == first:
            return None
        return round((now - began) / (event.step - first) * (event.steps - event.step), 1)

    def _watch(self) -> None:
        while not self._ended.wait(TICK):
            try:
                if self._queue.beat(self._owner, self._lease):
                    self._cancel.set()
                self._tell()
            except MaquetteError as error:
                log.debug("no sign of life can be given: %s", error)  # the lease is patient

    def _tell(self) -> None:
        now = time.monotonic()
        with self._lock:
            progress = self._news.pop("progress", None)
            showing = now - self._shown >= PREVIEW_EVERY
            preview = self._news.pop("preview", None) if showing else None
        if progress is not None:
            self._queue.post("progress", progress[0], progress[1])
        if preview is not None:
            self._shown = now
            job, (step, image) = preview
            self._queue.post("preview", job, {"step": step, "image": _data_url(image)})


def _data_url(image: Image.Image) -> str:
    small = image.convert("RGB")
    small.thumbnail((PREVIEW_SIDE, PREVIEW_SIDE))
    buffer = io.BytesIO()
    small.save(buffer, "WEBP", quality=70, method=0)
    return f"data:image/webp;base64,{base64.b64encode(buffer.getvalue()).decode()}"


def when_alone(leave: Callable[[], None], wake: Callable[[], None] | None = None) -> None:
    """Call ``leave`` once whoever started this process is gone: the pipe that it holds as its
    standard input is closed; and ``wake`` whenever something is written to it. Where standard
    input is no pipe nothing is watched."""
    try:
        descriptor = sys.stdin.fileno()
        kind = os.fstat(descriptor).st_mode
    except (OSError, ValueError, AttributeError):
        return
    if not (stat.S_ISFIFO(kind) or stat.S_ISSOCK(kind)):
        return

    def watch() -> None:
        with suppress(OSError, ValueError):
            while True:
                ready, _, _ = select.select([descriptor], [], [])
                if ready and not os.read(descriptor, 4096):
                    break
                if ready and wake is not None:
                    wake()
        leave()

    threading.Thread(target=watch, name="parent", daemon=True).start()
