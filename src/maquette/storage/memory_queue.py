"""The queue that lives as long as its object: same contract, same answers as the database's."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from maquette.core.job import Job, Status
from maquette.errors import JobUnknown
from maquette.storage.base import Event, Kind, alike
from maquette.storage.memory import MemoryRecords
from maquette.storage.turns import (
    asked_again,
    asked_to_stop,
    check_submitted,
    ends_by_itself,
    given_back,
    handed_over,
    moved,
    still_held,
)

__all__ = ["MemoryQueue"]


class MemoryQueue:
    """The jobs and the journal of some ``MemoryRecords``. Threads may share it."""

    def __init__(self, records: MemoryRecords) -> None:
        """Work on these records' jobs, by their clock."""
        self._records = records

    def submit(self, jobs: Sequence[Job], key: str = "") -> list[Job]:
        """See ``Queue.submit``."""
        check_submitted(jobs)
        with self._records.lock:
            earlier = [job for job in self._jobs() if key and job.key == key]
            if earlier:
                return self.find(group=earlier[0].group)
            if any(job.id in self._records.held_jobs for job in jobs):
                raise ValueError("there is a job of such an id already")
            stored = [job.model_copy(update={"key": key}) for job in jobs]
            for job in stored:
                self._records.put_job(job)
            return stored

    def get(self, job_id: str) -> Job:
        """See ``Queue.get``."""
        with self._records.lock:
            if job_id not in self._records.held_jobs:
                raise JobUnknown(f"there is no job {job_id!r}")
            return self._records.held_jobs[job_id]

    def find(self, *statuses: Status, group: str = "", limit: int | None = None) -> list[Job]:
        """See ``Queue.find``."""
        with self._records.lock:
            found = [
                job
                for job in self._jobs()
                if (not statuses or job.status in statuses) and (not group or job.group == group)
            ]
        found = sorted(found, key=lambda job: job.place) if group else found[::-1]
        return found[:limit]

    def urgency(self) -> int | None:
        """See ``Queue.urgency``."""
        with self._records.lock:
            return min((job.priority for job in self._open()), default=None)

    def claim(
        self, owner: str, seconds: float, limit: int = 1, kin: Callable[[Job, Job], bool] = alike
    ) -> list[Job]:
        """See ``Queue.claim``."""
        with self._records.lock:
            now = self._records.clock()
            for job in self._open():
                ended = ends_by_itself(job)
                if ended is not None:
                    self._records.put_job(ended)
            waiting = self._open()
            if not waiting:
                return []
            first = min(waiting, key=lambda job: job.priority)  # of equals the oldest
            chosen = [
                job
                for job in waiting
                if job.group == first.group and job.priority == first.priority
            ][:limit]
            chosen = [job for job in chosen if job.id == first.id or kin(first, job)]
            until = now + timedelta(seconds=seconds)
            taken = [job.taken(owner, until) for job in chosen]
            for job in taken:
                self._records.put_job(job)
            return taken

    def beat(self, owner: str, seconds: float) -> frozenset[str]:
        """See ``Queue.beat``."""
        with self._records.lock:
            held = self._held_by(owner)
            until = self._records.clock() + timedelta(seconds=seconds)
            for job in held:
                self._records.held_jobs[job.id] = job.model_copy(update={"lease_until": until})
            return frozenset(job.id for job in held if job.cancel)

    def ask_cancel(self, job_ids: Sequence[str]) -> list[Job]:
        """See ``Queue.ask_cancel``."""
        now = self._records.clock()
        return self._change(job_ids, lambda job: asked_to_stop(job, now))

    def retry(self, job_ids: Sequence[str]) -> list[Job]:
        """See ``Queue.retry``."""
        return self._change(job_ids, asked_again)

    def hand_over(self, job: Job, jobs: Sequence[Job], message: str = "") -> None:
        """See ``Queue.hand_over``."""
        check_submitted(jobs)
        with self._records.lock:
            waiting = handed_over(self.get(job.id), job, jobs[0].group, message)
            if waiting.awaits:
                self.submit(jobs)
            self._records.put_job(waiting)

    def put_back(self, jobs: Sequence[Job]) -> None:
        """See ``Queue.put_back``."""
        given = {job.id: job for job in jobs}
        self._change(list(given), lambda known: given_back(known, given[known.id]))

    def finish(self, job: Job) -> None:
        """See ``Queue.finish``."""
        with self._records.lock:
            self._records.put_job(moved(still_held(self.get(job.id), job), job))

    def post(self, kind: Kind, job_id: str = "", data: Mapping[str, Any] | None = None) -> Event:
        """See ``Queue.post``."""
        return self._records.post(kind, job_id, data or {})

    def events(self, after: int = 0, limit: int = 500) -> list[Event]:
        """See ``Queue.events``."""
        with self._records.lock:
            return [event for event in self._records.journal if event.id > after][:limit]

    def last_event(self) -> int:
        """See ``Queue.last_event``."""
        return self._records.told

    def _jobs(self) -> list[Job]:
        return list(self._records.held_jobs.values())

    def _open(self) -> list[Job]:
        now = self._records.clock()
        awaited = {job.group for job in self._jobs() if not job.ended}
        return [
            job
            for job in self._jobs()
            if job.expired(now)
            or (job.status is Status.QUEUED and not (job.awaits and job.awaits in awaited))
        ]

    def _held_by(self, owner: str) -> list[Job]:
        return [
            job
            for job in self._jobs()
            if job.owner == owner and job.status is Status.RUNNING and job.lease_until is not None
        ]

    def _change(self, job_ids: Iterable[str], step: Callable[[Job], Job]) -> list[Job]:
        with self._records.lock:
            known = [self.get(job_id) for job_id in job_ids]
            changed = [step(job) for job in known]
            for before, after in zip(known, changed, strict=True):
                if after != before:
                    self._records.put_job(after)
            return changed
