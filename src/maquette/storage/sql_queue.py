"""The queue in the project's own database: it is the truth, no broker is needed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import Integer, bindparam, func, or_, select, update

from maquette.core.job import Job, Status
from maquette.storage.base import Event, Kind, alike
from maquette.storage.database import Database
from maquette.storage.rows import event_from, instant
from maquette.storage.statements import add_jobs, job_of, put_job, read_jobs, tell
from maquette.storage.tables import events
from maquette.storage.tables import jobs as table
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

__all__ = ["SqlQueue"]

_mates = table.alias("mates")
_OPEN = _mates.c.status.in_([Status.QUEUED.value, Status.RUNNING.value])
_FREE = or_(
    table.c.awaits == "",
    ~select(_mates.c.seq).where(_mates.c.group == table.c.awaits, _OPEN).exists(),
)
"""Awaits nobody, or nobody who has not ended."""
_QUEUED = (table.c.status == Status.QUEUED.value) & _FREE
# A job without a lease compares as unknown, so it is never among these.
_LAPSED = (table.c.status == Status.RUNNING.value) & (table.c.lease_until <= bindparam("now"))

_URGENCY = select(
    *(
        select(func.min(table.c.priority)).where(part).scalar_subquery()
        for part in (_QUEUED, _LAPSED)
    )
)
# Where many write at once, each locks other rows; SQLite has one writer anyway.
_IN_TURN = select(table).order_by(table.c.priority, table.c.seq).with_for_update(skip_locked=True)
# Not one question with OR, which no index answers in this order.
_FIRST_LAPSED, _FIRST_QUEUED = _IN_TURN.where(_LAPSED), _IN_TURN.where(_QUEUED).limit(1)
_MATES = _IN_TURN.where(
    (table.c.group == bindparam("mates")) & (table.c.priority == bindparam("urgency")),
    or_(_QUEUED, _LAPSED),
).limit(bindparam("most", type_=Integer))

_MINE = (
    (table.c.status == Status.RUNNING.value)
    & table.c.lease_until.is_not(None)
    & (table.c.owner == bindparam("me"))
)
_HELD = select(table.c.id, table.c.cancel, table.c.lease_until).where(_MINE)
_RENEW = update(table).where(_MINE)

_SINCE = (
    select(events)
    .where(events.c.seq > bindparam("after"))
    .order_by(events.c.seq)
    .limit(bindparam("most", type_=Integer))
)
_LAST = select(func.max(events.c.seq))


class SqlQueue:
    """The jobs and the journal of a project's database. Processes and threads may share it."""

    def __init__(self, database: Database) -> None:
        """Work on this database, by its clock."""
        self._database = database

    def submit(self, jobs: Sequence[Job], key: str = "") -> list[Job]:
        """See ``Queue.submit``."""
        check_submitted(jobs)
        stored = [job.model_copy(update={"key": key}) for job in jobs]
        with self._database.writing() as connection:
            if key:
                earlier = select(table).where(table.c.key == key).order_by(table.c.place)
                if found := read_jobs(connection, earlier):
                    return found
            add_jobs(connection, self._database.clock(), stored)
        return stored

    def get(self, job_id: str) -> Job:
        """See ``Queue.get``."""
        with self._database.reading() as connection:
            return job_of(connection, job_id)

    def find(self, *statuses: Status, group: str = "", limit: int | None = None) -> list[Job]:
        """See ``Queue.find``."""
        query = select(table).limit(limit)
        query = query.order_by(table.c.place if group else table.c.seq.desc())
        if group:
            query = query.where(table.c.group == group)
        if statuses:
            query = query.where(table.c.status.in_([status.value for status in statuses]))
        with self._database.reading() as connection:
            return read_jobs(connection, query)

    def urgency(self) -> int | None:
        """See ``Queue.urgency``."""
        with self._database.reading() as connection:
            found = connection.execute(_URGENCY, self._now()).one()
        return min((priority for priority in found if priority is not None), default=None)

    def claim(
        self, owner: str, seconds: float, limit: int = 1, kin: Callable[[Job, Job], bool] = alike
    ) -> list[Job]:
        """See ``Queue.claim``."""
        with self._database.writing() as connection:
            now = self._database.clock()  # not before: others may have written for seconds
            at, open_now = {"now": instant(now)}, list[Job]()
            for job in read_jobs(connection, _FIRST_LAPSED, at):
                if (ended := ends_by_itself(job)) is not None:
                    put_job(connection, now, ended)
                else:
                    open_now.append(job)
            open_now += read_jobs(connection, _FIRST_QUEUED)
            if not open_now:
                return []
            first = min(open_now, key=lambda job: (job.priority, job.created_at))
            found = [first]
            if limit > 1:
                same = {"mates": first.group, "urgency": first.priority, "most": limit, **at}
                found = [
                    job
                    for job in read_jobs(connection, _MATES, same)
                    if job.id == first.id or kin(first, job)
                ]
            taken = [job.taken(owner, now + timedelta(seconds=seconds)) for job in found]
            for job in taken:
                put_job(connection, now, job)
        return taken

    def beat(self, owner: str, seconds: float) -> frozenset[str]:
        """See ``Queue.beat``."""
        with self._database.reading() as connection:
            held = connection.execute(_HELD, {"me": owner}).all()
        now = self._database.clock()
        soon = instant(now + timedelta(seconds=seconds * 2 / 3))
        if any(row.lease_until < soon for row in held):
            with self._database.writing() as connection:
                until = instant(self._database.clock() + timedelta(seconds=seconds))
                connection.execute(_RENEW, {"me": owner, "lease_until": until})
        return frozenset(row.id for row in held if row.cancel)

    def ask_cancel(self, job_ids: Sequence[str]) -> list[Job]:
        """See ``Queue.ask_cancel``."""
        now = self._database.clock()
        return self._change(job_ids, lambda job: asked_to_stop(job, now))

    def retry(self, job_ids: Sequence[str]) -> list[Job]:
        """See ``Queue.retry``."""
        return self._change(job_ids, asked_again)

    def hand_over(self, job: Job, jobs: Sequence[Job], message: str = "") -> None:
        """See ``Queue.hand_over``."""
        check_submitted(jobs)
        with self._database.writing() as connection:
            waiting = handed_over(job_of(connection, job.id), job, jobs[0].group, message)
            now = self._database.clock()
            if waiting.awaits:
                add_jobs(connection, now, jobs)
            put_job(connection, now, waiting)

    def put_back(self, jobs: Sequence[Job]) -> None:
        """See ``Queue.put_back``."""
        given = {job.id: job for job in jobs}
        self._change(list(given), lambda known: given_back(known, given[known.id]))

    def finish(self, job: Job) -> None:
        """See ``Queue.finish``."""
        self._change([job.id], lambda known: moved(still_held(known, job), job))

    def post(self, kind: Kind, job_id: str = "", data: Mapping[str, Any] | None = None) -> Event:
        """See ``Queue.post``."""
        with self._database.writing() as connection:
            return tell(connection, self._database.clock(), kind, job_id, data or {})

    def events(self, after: int = 0, limit: int = 500) -> list[Event]:
        """See ``Queue.events``."""
        given = {"after": after, "most": limit}
        with self._database.reading() as connection:
            return [event_from(dict(row)) for row in connection.execute(_SINCE, given).mappings()]

    def last_event(self) -> int:
        """See ``Queue.last_event``."""
        with self._database.reading() as connection:
            return connection.execute(_LAST).scalar_one() or 0

    def _now(self) -> dict[str, str]:
        return {"now": instant(self._database.clock())}

    def _change(self, job_ids: Sequence[str], step: Callable[[Job], Job]) -> list[Job]:
        with self._database.writing() as connection:
            known = [job_of(connection, job_id) for job_id in job_ids]
            changed = [step(job) for job in known]
            for before, after in zip(known, changed, strict=True):
                if after != before:
                    put_job(connection, self._database.clock(), after)
        return changed
