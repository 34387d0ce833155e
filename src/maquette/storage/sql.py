"""Records in a database: SQLite in WAL mode, one file, many processes at once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Self

from sqlalchemy import Connection, bindparam, func, select

from maquette.core.finding import Finding
from maquette.core.job import Job, Status
from maquette.core.version import Version
from maquette.errors import JobUnknown, VersionUnknown
from maquette.storage import disk, tables
from maquette.storage.base import Mark
from maquette.storage.database import Clock, Database, utc_now
from maquette.storage.migrate import SHIPPED, Schema
from maquette.storage.opening import make_records
from maquette.storage.origin import origin_mark
from maquette.storage.reference import WHOLE, pick, read_reference
from maquette.storage.rows import (
    finding_from,
    finding_row,
    mark_from,
    mark_row,
    newest_findings,
    told_findings,
    told_mark,
    told_version,
    version_row,
)
from maquette.storage.sql_shelf import label, put_on_shelf
from maquette.storage.sqlite import UNFINISHED, path_of
from maquette.storage.statements import (
    add_jobs,
    chunks,
    insert_all,
    into,
    job_of,
    put_job,
    read_jobs,
    read_versions,
    seq_of,
    tell,
)
from maquette.storage.tables import version_parents, versions
from maquette.storage.turns import moved, settled

__all__ = ["SqlRecords"]

_OF_ID = select(versions).where(versions.c.id == bindparam("known"))
_THERE = select(versions.c.seq).where(versions.c.id == bindparam("known"))
_SAME = (
    select(versions)
    .where(
        (versions.c.recipe_digest == bindparam("recipe")) & (versions.c.build == bindparam("ran"))
    )
    .order_by(versions.c.seq)
)


class SqlRecords:
    """A project's memory in an SQLite file. Processes and threads may share it.

    Every method raises StorageFull when there is no space left, and ProjectUnreadable when the
    file is damaged, read-only, or locked by another process for longer than ``patience`` seconds;
    what was committed before stays as it is.
    """

    def __init__(
        self,
        url: str | Path,
        *,
        patience: float = 30.0,
        schema: Schema = SHIPPED,
        clock: Clock = utc_now,
    ) -> None:
        """Open records that exist; see ``Database``.

        Raises:
            ProjectMissing, ProjectUnreadable, ProjectTooNew, StorageFull.
        """
        self.database = Database(url, patience=patience, schema=schema, clock=clock)
        self.path, self.name = self.database.path, self.database.name
        self._reading, self._writing = self.database.reading, self.database.writing

    @classmethod
    def create(
        cls,
        url: str | Path,
        name: str,
        *,
        patience: float = 30.0,
        schema: Schema = SHIPPED,
        clock: Clock = utc_now,
    ) -> Self:
        """Records of a new project; those that are there already are opened as they are. The file
        appears whole or not at all.

        Raises:
            ProjectUnreadable, ProjectTooNew, StorageFull.
        """
        path = path_of(url)
        with disk.told(path):
            disk.sweep(path.parent, UNFINISHED.format(path.name))
            if not path.exists():
                make_records(path, name, schema)
        return cls(path, patience=patience, schema=schema, clock=clock)

    def add(
        self,
        version: Version,
        *,
        job: Job | None = None,
        findings: Sequence[Finding] = (),
    ) -> None:
        """Append a version with its findings and make ``job`` DONE, or none of it.

        Raises:
            VersionUnknown: when a parent is not there.
            JobLost: when the job is somebody else's by now, or has ended.
            ValueError: when there is no such job.
        """
        with self._writing() as connection:
            done = None if job is None else settled(_known(connection, job), job, version.id)
            for parent in version.parents:
                seq_of(connection, parent)
            if not _exists(connection, version.id):
                self._append(connection, version, findings)
                if (origin := origin_mark(version, job)) is not None:
                    connection.execute(into(tables.marks), mark_row(origin))
                tell(connection, self._now(), "version", "", told_version(version, job))
            if done is not None:
                put_job(connection, self._now(), done)

    def get(self, version_id: str) -> Version:
        """The version of this full id.

        Raises:
            VersionUnknown.
        """
        with self._reading() as connection:
            found = read_versions(connection, _OF_ID, {"known": version_id})
        if not found:
            raise VersionUnknown(f"no version has the id {version_id!r}")
        return found[0]

    def resolve(self, reference: str) -> Version:
        """The version of an id, a unique prefix of one, ``@`` or ``@~N``.

        Raises:
            VersionUnknown, AmbiguousVersion.
        """
        wanted = read_reference(reference)
        query = select(versions.c.id)
        if isinstance(wanted, int):
            query = query.order_by(versions.c.seq.desc()).offset(wanted).limit(1)
        else:
            # A range, which the index answers; 'g' comes after every hexadecimal digit.
            column = versions.c.id
            query = query.where(column >= wanted, column < wanted + "g").order_by(column).limit(4)
        with self._reading() as connection:
            whole = isinstance(wanted, str) and len(wanted) == WHOLE
            if whole and (there := read_versions(connection, _OF_ID, {"known": wanted})):
                return there[0]
            found = pick(reference, connection.execute(query).scalars().all())
            return read_versions(connection, _OF_ID, {"known": found})[0]

    def log(self, *, limit: int | None = None, before: str | None = None) -> list[Version]:
        """Versions, newest first, from the one that came before ``before``.

        Raises:
            VersionUnknown: for a ``before`` that is not there.
        """
        query = select(versions).order_by(versions.c.seq.desc()).limit(limit)
        with self._reading() as connection:
            if before is not None:
                query = query.where(versions.c.seq < seq_of(connection, before))
            return read_versions(connection, query)

    def children(self, version_id: str) -> list[Version]:
        """Versions made from this one, oldest first."""
        made = select(version_parents.c.child).where(version_parents.c.parent == version_id)
        query = select(versions).where(versions.c.id.in_(made)).order_by(versions.c.seq)
        with self._reading() as connection:
            return read_versions(connection, query)

    def find(self, recipe_digest: str, build: str) -> list[Version]:
        """Versions of exactly this recipe made by exactly this build, oldest first."""
        with self._reading() as connection:
            return read_versions(connection, _SAME, {"recipe": recipe_digest, "ran": build})

    def count(self) -> int:
        """How many versions there are."""
        with self._reading() as connection:
            return connection.execute(select(func.count()).select_from(versions)).scalar_one()

    def add_findings(self, version_id: str, findings: Sequence[Finding]) -> None:
        """Append findings.

        Raises:
            VersionUnknown.
        """
        with self._writing() as connection:
            seq_of(connection, version_id)
            _insert_findings(connection, version_id, findings)
            about = told_findings(version_id, findings)
            tell(connection, self._now(), "findings", "", about)

    def findings(self, version_id: str) -> list[Finding]:
        """The newest finding of each critic and name, worst score first."""
        query = (
            select(tables.findings)
            .where(tables.findings.c.version == version_id)
            .order_by(tables.findings.c.seq)
        )
        with self._reading() as connection:
            rows = connection.execute(query).mappings().all()
        return newest_findings(finding_from(dict(row)) for row in rows)

    def mark(self, mark: Mark) -> None:
        """Append a mark.

        Raises:
            VersionUnknown.
            ValueError: for a time without a zone.
        """
        with self._writing() as connection:
            seq_of(connection, mark.version)
            connection.execute(into(tables.marks), mark_row(mark))
            label(connection, mark)
            tell(connection, self._now(), "mark", "", told_mark(mark))

    def marks(self, version_ids: Iterable[str] | None = None) -> list[Mark]:
        """All marks (of these versions), oldest first."""
        query = select(tables.marks).order_by(tables.marks.c.seq)
        if version_ids is None:
            parts = [query]
        else:
            some = chunks(sorted(set(version_ids)))
            parts = [query.where(tables.marks.c.version.in_(chunk)) for chunk in some]
        with self._reading() as connection:
            rows = [dict(row) for part in parts for row in connection.execute(part).mappings()]
        return [mark_from(row) for row in sorted(rows, key=lambda row: row["seq"])]

    def open_job(self, job: Job) -> None:
        """Append a job as it is.

        Raises:
            ValueError: when there is one of this id.
            VersionUnknown: when the version it made is not there.
        """
        with self._writing() as connection:
            add_jobs(connection, self._now(), [job])

    def move_job(self, job: Job) -> None:
        """Store a job's new state.

        Raises:
            ValueError: when there is no such job.
            VersionUnknown: when the version it made is not there.
        """
        with self._writing() as connection:
            put_job(connection, self._now(), moved(_known(connection, job), job))

    def jobs(self, *statuses: Status) -> list[Job]:
        """Jobs in one of these states (all when none is given), oldest first."""
        query = select(tables.jobs).order_by(tables.jobs.c.seq)
        if statuses:
            query = query.where(tables.jobs.c.status.in_([status.value for status in statuses]))
        with self._reading() as connection:
            return read_jobs(connection, query)

    def close(self) -> None:
        """Let go of files and connections. A second call does nothing."""
        self.database.close()

    def _now(self) -> datetime:
        return self.database.clock()

    def _append(
        self, connection: Connection, version: Version, findings: Sequence[Finding]
    ) -> None:
        connection.execute(into(versions), version_row(version))
        pairs = enumerate(version.parents)
        edges = [{"child": version.id, "position": n, "parent": p} for n, p in pairs]
        insert_all(connection, version_parents, edges)
        _insert_findings(connection, version.id, findings)
        put_on_shelf(connection, version)


def _exists(connection: Connection, version_id: str) -> bool:
    return connection.execute(_THERE, {"known": version_id}).first() is not None


def _insert_findings(connection: Connection, version_id: str, found: Sequence[Finding]) -> None:
    rows = [finding_row(version_id, finding) for finding in found]
    insert_all(connection, tables.findings, rows)


def _known(connection: Connection, job: Job) -> Job:
    try:
        return job_of(connection, job.id)
    except JobUnknown as error:
        raise ValueError(str(error)) from error
