"""Statements that records and queue share: on versions' ids, on a job's row, on the journal. Each
runs inside the caller's transaction.

Questions that every request asks stand here ready made: SQLAlchemy takes longer to put one
together, and to see that it has met it before, than SQLite takes to answer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import (
    Connection,
    Insert,
    Select,
    Table,
    bindparam,
    delete,
    insert,
    or_,
    select,
    update,
)

from maquette.core.job import Job
from maquette.core.version import Version
from maquette.errors import JobUnknown, VersionUnknown
from maquette.storage.base import Event, Kind
from maquette.storage.journal import FLEETING, KEPT, PRUNE_EVERY, REMEMBERED
from maquette.storage.rows import (
    event_from,
    event_row,
    instant,
    job_from,
    job_row,
    state_row,
    told_job,
    version_from,
)
from maquette.storage.sqlite import WRITING
from maquette.storage.tables import events, jobs, version_parents, versions

__all__ = [
    "add_jobs",
    "chunks",
    "insert_all",
    "into",
    "job_of",
    "parents_of",
    "put_job",
    "read_jobs",
    "read_versions",
    "seq_of",
    "tell",
    "tell_all",
]

_MANY = 500
"""How many ids go into one query; databases have a limit on parameters."""

_SEQ = select(versions.c.seq).where(versions.c.id == bindparam("known"))
_JOB = select(jobs).where(jobs.c.id == bindparam("known"))
_JOB_HELD = _JOB.with_for_update()
_PUT = update(jobs).where(jobs.c.id == bindparam("known"))
_TELL = insert(events).returning(events.c.seq)
_ALL_EDGES = select(version_parents.c.child, version_parents.c.parent).order_by(
    version_parents.c.child, version_parents.c.position
)
_EDGES = _ALL_EDGES.where(version_parents.c.child.in_(bindparam("known", expanding=True)))


def chunks(ids: Sequence[str]) -> list[Sequence[str]]:
    """The ids in parts that fit into a query."""
    return [ids[start : start + _MANY] for start in range(0, len(ids), _MANY)]


def insert_all(connection: Connection, table: Table, rows: list[dict[str, Any]]) -> None:
    """Insert these rows, which may be none."""
    if rows:
        connection.execute(into(table), rows)


@cache
def into(table: Table) -> Insert:
    """The statement that adds rows to a table."""
    return insert(table)


def seq_of(connection: Connection, version_id: str) -> int:
    """The number of a version.

    Raises:
        VersionUnknown.
    """
    seq = connection.execute(_SEQ, {"known": version_id}).scalar_one_or_none()
    if seq is None:
        raise VersionUnknown(f"no version has the id {version_id!r}")
    return seq


def parents_of(connection: Connection, ids: Sequence[str] | None) -> dict[str, list[str]]:
    """The parents of each of these versions (None: of all), in their order."""
    found: dict[str, list[str]] = {}
    for some in [None] if ids is None else chunks(ids):
        edges = (_ALL_EDGES, None) if some is None else (_EDGES, {"known": list(some)})
        for child, parent in connection.execute(*edges):
            found.setdefault(child, []).append(parent)
    return found


def read_versions(
    connection: Connection, query: Select[Any], given: Mapping[str, Any] | None = None
) -> list[Version]:
    """The versions that a query over their table answers, ``given`` its parameters."""
    rows = [dict(row) for row in connection.execute(query, given).mappings()]
    parents = parents_of(connection, [row["id"] for row in rows])
    return [version_from(row, parents.get(row["id"], ())) for row in rows]


def read_jobs(
    connection: Connection, query: Select[Any], given: Mapping[str, Any] | None = None
) -> list[Job]:
    """The jobs that a query over their table answers, ``given`` its parameters."""
    return [job_from(dict(row)) for row in connection.execute(query, given).mappings()]


def job_of(connection: Connection, job_id: str) -> Job:
    """A job as it is stored; a transaction that writes holds it until it ends.

    Raises:
        JobUnknown.
    """
    held = connection.get_execution_options().get(WRITING, False)
    found = read_jobs(connection, _JOB_HELD if held else _JOB, {"known": job_id})
    if not found:
        raise JobUnknown(f"there is no job {job_id!r}")
    return found[0]


def add_jobs(connection: Connection, at: datetime, new: Sequence[Job]) -> None:
    """Append jobs, and say so in the journal.

    Raises:
        ValueError: when there is one of such an id.
        VersionUnknown: when a version that one made is not there.
    """
    for chunk in chunks([job.id for job in new]):
        known = connection.execute(select(jobs.c.id).where(jobs.c.id.in_(chunk))).scalars().first()
        if known is not None:
            raise ValueError(f"there is a job {known!r} already")
    for job in new:
        if job.version is not None:
            seq_of(connection, job.version)
    insert_all(connection, jobs, [job_row(job) for job in new])
    tell_all(connection, at, "job", [(job.id, told_job(job)) for job in new])


def put_job(connection: Connection, at: datetime, job: Job) -> None:
    """Store a job's new state, and say so in the journal. The job exists.

    Raises:
        VersionUnknown: when the version it made is not there.
    """
    if job.version is not None:
        seq_of(connection, job.version)
    connection.execute(_PUT, {**state_row(job), "known": job.id})
    tell(connection, at, "job", job.id, told_job(job))


def tell(
    connection: Connection, at: datetime, kind: Kind, job_id: str, data: Mapping[str, Any]
) -> Event:
    """Append a line to the journal."""
    row = event_row(at, kind, job_id, data)
    seq = connection.execute(_TELL, row).scalar_one()
    if seq % PRUNE_EVERY == 0:
        _forget(connection, at, seq)
    return event_from({**row, "seq": seq})


def tell_all(
    connection: Connection, at: datetime, kind: Kind, lines: Sequence[tuple[str, dict[str, Any]]]
) -> None:
    """Append a line for each job's id and what there is to say of it."""
    *most, last = lines
    insert_all(connection, events, [event_row(at, kind, job_id, data) for job_id, data in most])
    newest = tell(connection, at, kind, *last)
    if len(lines) >= PRUNE_EVERY:
        _forget(connection, at, newest.id)


def _forget(connection: Connection, at: datetime, newest: int) -> None:
    fleeting = events.c.kind.in_(FLEETING) & (events.c.at < instant(at - REMEMBERED))
    connection.execute(delete(events).where(or_(fleeting, events.c.seq <= newest - KEPT)))
