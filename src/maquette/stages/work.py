"""What a worker does with the jobs that it took: draw, or look; and how each of them ends."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from maquette.core.job import Job, Status
from maquette.core.version import Version
from maquette.critics.base import Critic
from maquette.engines.base import Cancel, Engine, Event
from maquette.errors import Cancelled, EngineFailed, JobLost, MaquetteError
from maquette.stages.billing import Books
from maquette.stages.carrying import CARRYING, carry, one_job
from maquette.stages.hands import Producer
from maquette.stages.judge import critique, explain, keep_trace, words_of
from maquette.stages.locking import with_locks
from maquette.stages.order import JUDGING, Order, Ordered, group_of
from maquette.stages.produce import draw
from maquette.stages.replay import replay
from maquette.storage.base import Blobs, Queue, Records

__all__ = ["Workplace", "work"]


@dataclass(frozen=True)
class Workplace:
    """A project as a worker needs it. ``engine_for`` may raise; that is the job's failure.
    ``hands`` are the studio's, for jobs that order work themselves; None where there are none."""

    blobs: Blobs
    records: Records
    queue: Queue
    engine_for: Callable[[Job], Engine]
    critics: Callable[[], Sequence[Critic]]
    books: Books | None = None
    hands: Callable[[Cancel, Callable[[Event], None] | None], Producer] | None = None


def work(
    jobs: Sequence[Job],
    place: Workplace,
    *,
    cancel: Cancel,
    previews: bool = True,
    on_event: Callable[[Event], None] | None = None,
    on_version: Callable[[Job, Version], None] | None = None,
) -> None:
    """Carry out jobs of one group that this process has claimed; ``on_version`` hears of each
    version as it is stored.

    Each ends DONE with its version or its result, FAILED with what happened and what to do, or
    CANCELLED when that was asked. What is stopped by ``cancel`` alone waits again. Where something
    goes wrong with several, each that is left is drawn alone: it fails by itself or not at all.
    Nothing is stored for a job that another process has taken meanwhile.

    Raises:
        StorageFull, ProjectUnreadable: when not even a job's end can be stored. Its lease runs
            out, and it is begun anew.
        Exception: an unforeseen fault, after its job has been marked as failed.
    """
    left = list(jobs)
    try:
        if jobs[0].operation in JUDGING:
            for job in jobs:
                try:
                    result = _judge(job, place, cancel, on_event)
                    place.queue.finish(job.to(Status.DONE).model_copy(update={"result": result}))
                except Ordered as first:
                    _hand_over(job, first.orders, place)
                left.remove(job)
            return
        drawn = draw(
            jobs,
            engine=place.engine_for(jobs[0]),
            blobs=place.blobs,
            records=place.records,
            critics=place.critics(),
            previews=previews,
            cancel=cancel,
            on_event=on_event,
            books=place.books,
        )
        for job, version in drawn:
            left.remove(job)
            if on_version is not None:
                on_version(job, version)
    except (Cancelled, JobLost):
        place.queue.put_back(left)  # those that are still ours and that nobody wants cancelled
    except MaquetteError as error:
        if len(jobs) == 1 or jobs[0].operation in JUDGING:
            _fail(left, place, str(error), error.hint, reason=type(error).__name__)
            return
        for job in left:
            told = _of(jobs.index(job), on_event)
            work(
                [job],
                place,
                cancel=cancel,
                previews=previews,
                on_event=told,
                on_version=on_version,
            )
    except Exception as error:
        about = f"an unforeseen fault, {type(error).__name__}: {error}"
        _fail(left, place, about, "the worker's output says more; please report it")
        raise
    except BaseException:  # an interrupt between two steps
        place.queue.put_back(left)
        raise


def _of(place: int, hear: Callable[[Event], None] | None) -> Callable[[Event], None] | None:
    """Events of one job, told as those of its place among several."""
    return None if hear is None else lambda event: hear(replace(event, index=place))


def _judge(
    job: Job, place: Workplace, cancel: Cancel, on_event: Callable[[Event], None] | None
) -> dict[str, Any]:
    if job.operation in CARRYING:
        if place.hands is None:
            raise EngineFailed(f"this worker cannot carry out '{job.operation}'")
        ended = place.queue.find(group=job.awaits) if job.awaits else ()
        return carry(job, place.hands(cancel, one_job(on_event)), _fetched, ended)
    version = place.records.get(job.parents[0])
    match job.operation:
        case "replay":
            engine = place.engine_for(job)
            done = replay(
                version, engine=engine, blobs=place.blobs, cancel=cancel, on_event=on_event
            )
            return {"verdict": done.verdict, "psnr": done.psnr, "reasons": list(done.reasons)}
        case "critique":
            found = critique(version, place.critics(), place.blobs, place.records)
            return {"findings": len(found)}
        case _:
            prompt = words_of(version, str(job.arguments.get("caption") or "") or None)
            trace = explain(version, prompt, place.engine_for(job), place.blobs)
            return {"trace": keep_trace(version, trace, place.blobs, place.records)}


def _hand_over(job: Job, orders: Sequence[Order], place: Workplace) -> None:
    """Let the queue do what the job needs first; this worker is free for whoever waits."""
    jobs = group_of([with_locks(order, place.records) for order in orders], job.priority)
    what = _AWAITED.get(jobs[0].operation, "pictures")
    place.queue.hand_over(job, jobs, f"waits for {len(jobs)} {what}")


_AWAITED = {"improve": "pictures to be mended", "train": "training"}


def _fetched(link: str) -> bytes:
    from maquette.net import fetch  # a slow import that few jobs need

    return fetch(link).data


def _fail(
    left: Sequence[Job], place: Workplace, message: str, hint: str, *, reason: str = ""
) -> None:
    """Engines draw in order, so the first that is left is the one that broke down. ``reason`` is
    the error's class, which programs may go by."""
    if left:
        failed = left[0].to(Status.FAILED, message=message, hint=hint)
        if reason:
            failed = failed.model_copy(update={"result": {"reason": reason}})
        with suppress(JobLost):  # somebody else's by now; that is who ends it
            place.queue.finish(failed)
        place.queue.put_back(left[1:])
