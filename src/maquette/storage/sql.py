"""Records in a database: SQLite in WAL mode, one file, many processes at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

from sqlalchemy import Connection, Select, Table, func, insert, select, update

from maquette.core.finding import Finding
from maquette.core.job import Job, Status
from maquette.core.version import Version
from maquette.errors import ProjectTooNew, ProjectUnreadable, VersionUnknown
from maquette.storage import disk, tables
from maquette.storage.base import Mark
from maquette.storage.migrate import SHIPPED, Schema, revision_of
from maquette.storage.opening import bring_up, check_there, make_records
from maquette.storage.reference import pick, read_reference
from maquette.storage.rows import (
    STATE,
    finding_from,
    finding_row,
    finished,
    job_from,
    job_row,
    mark_from,
    mark_row,
    newest_findings,
    version_from,
    version_row,
)
from maquette.storage.sqlite import UNFINISHED, WRITING, engine_for, path_of, told
from maquette.storage.tables import FORMAT, version_parents, versions

__all__ = ["SqlRecords"]

_MANY = 500
"""How many ids go into one query; databases have a limit on parameters."""


class SqlRecords:
    """A project's memory in an SQLite file. Processes and threads may share it.

    Every method raises StorageFull when there is no space left, and ProjectUnreadable when the
    file is damaged, read-only, or locked by another process for longer than ``patience`` seconds;
    what was committed before stays as it is.
    """

    def __init__(
        self, url: str | Path, *, patience: float = 30.0, schema: Schema = SHIPPED
    ) -> None:
        """Open records that exist, a path or an ``sqlite:///`` URL. Older ones are brought to the
        present shape first, in one transaction, with a copy kept beside them.

        Raises:
            ProjectMissing: when there is no such file.
            ProjectUnreadable: when it is no database of Maquette's, or cannot be used.
            ProjectTooNew: when a newer Maquette wrote it; nothing is changed.
            StorageFull.
        """
        self.path = path_of(url)
        check_there(self.path)
        self._engine = engine_for(self.path, patience)
        self._writer = self._engine.execution_options(**{WRITING: True})
        try:
            with self._reading() as connection:
                revision = revision_of(connection, self.path)
            if revision != schema.head:
                bring_up(self.path, schema, patience)
            self.name = self._read_project()
        except BaseException:
            self.close()
            raise

    @classmethod
    def create(
        cls,
        url: str | Path,
        name: str,
        *,
        patience: float = 30.0,
        schema: Schema = SHIPPED,
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
        return cls(path, patience=patience, schema=schema)

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
            ValueError: when there is no such job.
        """
        with self._writing() as connection:
            for parent in version.parents:
                _seq_of(connection, parent)
            if not _exists(connection, version.id):
                connection.execute(insert(versions), version_row(version))
                pairs = enumerate(version.parents)
                _insert(
                    connection,
                    version_parents,
                    [{"child": version.id, "position": n, "parent": p} for n, p in pairs],
                )
                _insert_findings(connection, version.id, findings)
            if job is not None:
                _move(connection, finished(job, version.id))

    def get(self, version_id: str) -> Version:
        """The version of this full id.

        Raises:
            VersionUnknown.
        """
        with self._reading() as connection:
            found = _read(connection, select(versions).where(versions.c.id == version_id))
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
            found = pick(reference, connection.execute(query).scalars().all())
            return _read(connection, select(versions).where(versions.c.id == found))[0]

    def log(self, *, limit: int | None = None, before: str | None = None) -> list[Version]:
        """Versions, newest first, from the one that came before ``before``.

        Raises:
            VersionUnknown: for a ``before`` that is not there.
        """
        query = select(versions).order_by(versions.c.seq.desc()).limit(limit)
        with self._reading() as connection:
            if before is not None:
                query = query.where(versions.c.seq < _seq_of(connection, before))
            return _read(connection, query)

    def children(self, version_id: str) -> list[Version]:
        """Versions made from this one, oldest first."""
        made = select(version_parents.c.child).where(version_parents.c.parent == version_id)
        query = select(versions).where(versions.c.id.in_(made)).order_by(versions.c.seq)
        with self._reading() as connection:
            return _read(connection, query)

    def find(self, recipe_digest: str, build: str) -> list[Version]:
        """Versions of exactly this recipe made by exactly this build, oldest first."""
        same = (versions.c.recipe_digest == recipe_digest) & (versions.c.build == build)
        with self._reading() as connection:
            return _read(connection, select(versions).where(same).order_by(versions.c.seq))

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
            _seq_of(connection, version_id)
            _insert_findings(connection, version_id, findings)

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
            _seq_of(connection, mark.version)
            connection.execute(insert(tables.marks), mark_row(mark))

    def marks(self, version_ids: Iterable[str] | None = None) -> list[Mark]:
        """All marks (of these versions), oldest first."""
        query = select(tables.marks).order_by(tables.marks.c.seq)
        if version_ids is None:
            parts = [query]
        else:
            chunks = _chunks(sorted(set(version_ids)))
            parts = [query.where(tables.marks.c.version.in_(chunk)) for chunk in chunks]
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
            if connection.execute(
                select(tables.jobs.c.seq).where(tables.jobs.c.id == job.id)
            ).first():
                raise ValueError(f"there is a job {job.id!r} already")
            if job.version is not None:
                _seq_of(connection, job.version)
            connection.execute(insert(tables.jobs), job_row(job))

    def move_job(self, job: Job) -> None:
        """Store a job's new state.

        Raises:
            ValueError: when there is no such job.
            VersionUnknown: when the version it made is not there.
        """
        with self._writing() as connection:
            _move(connection, job)

    def jobs(self, *statuses: Status) -> list[Job]:
        """Jobs in one of these states (all when none is given), oldest first."""
        query = select(tables.jobs).order_by(tables.jobs.c.seq)
        if statuses:
            query = query.where(tables.jobs.c.status.in_([status.value for status in statuses]))
        with self._reading() as connection:
            return [job_from(dict(row)) for row in connection.execute(query).mappings()]

    def close(self) -> None:
        """Let go of files and connections. A second call does nothing."""
        self._engine.dispose()

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        with told(self.path), self._engine.connect() as connection:
            yield connection

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        # What is inside is committed and synced when the block ends, or has never been.
        with told(self.path), self._writer.begin() as connection:
            yield connection

    def _read_project(self) -> str:
        with self._reading() as connection:
            row = connection.execute(
                select(tables.project.c.format, tables.project.c.name)
            ).one_or_none()
        if row is None:
            raise ProjectUnreadable(f"{self.path} does not say whose records it holds")
        if row.format > FORMAT:
            what = f"{self.path} has format {row.format}; this Maquette reads up to {FORMAT}"
            raise ProjectTooNew(what)
        return row.name


def _exists(connection: Connection, version_id: str) -> bool:
    return (
        connection.execute(select(versions.c.seq).where(versions.c.id == version_id)).first()
        is not None
    )


def _seq_of(connection: Connection, version_id: str) -> int:
    query = select(versions.c.seq).where(versions.c.id == version_id)
    seq = connection.execute(query).scalar_one_or_none()
    if seq is None:
        raise VersionUnknown(f"no version has the id {version_id!r}")
    return seq


def _read(connection: Connection, query: Select[Any]) -> list[Version]:
    rows = [dict(row) for row in connection.execute(query).mappings()]
    parents: dict[str, list[str]] = {row["id"]: [] for row in rows}
    column = version_parents.c
    edges = select(column.child, column.parent).order_by(column.child, column.position)
    for chunk in _chunks(list(parents)):
        for child, parent in connection.execute(edges.where(column.child.in_(chunk))):
            parents[child].append(parent)
    return [version_from(row, parents[row["id"]]) for row in rows]


def _chunks(ids: Sequence[str]) -> list[Sequence[str]]:
    return [ids[start : start + _MANY] for start in range(0, len(ids), _MANY)]


def _insert(connection: Connection, table: Table, rows: list[dict[str, Any]]) -> None:
    if rows:
        connection.execute(insert(table), rows)


def _insert_findings(connection: Connection, version_id: str, found: Sequence[Finding]) -> None:
    _insert(connection, tables.findings, [finding_row(version_id, finding) for finding in found])


def _move(connection: Connection, job: Job) -> None:
    row = job_row(job)
    if job.version is not None:
        _seq_of(connection, job.version)
    state = {name: row[name] for name in STATE}
    table = tables.jobs
    moved = connection.execute(update(table).where(table.c.id == job.id).values(state))
    if moved.rowcount != 1:
        raise ValueError(f"there is no job {job.id!r}")
