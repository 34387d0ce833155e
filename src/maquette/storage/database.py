"""The one file that records and queue share: opening it, reading, writing, closing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Connection, select

from maquette.errors import ProjectTooNew, ProjectUnreadable
from maquette.storage import tables
from maquette.storage.migrate import SHIPPED, Schema, revision_of
from maquette.storage.opening import bring_up, check_there
from maquette.storage.sqlite import WRITING, engine_for, path_of, told
from maquette.storage.tables import FORMAT

__all__ = ["Clock", "Database", "utc_now"]

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """What time it is."""
    return datetime.now(UTC)


class Database:
    """An SQLite file in WAL mode. Processes and threads may share it.

    Both kinds of transaction raise StorageFull when there is no space left, and ProjectUnreadable
    when the file is damaged, read-only, or locked by another process for longer than ``patience``
    seconds; what was committed before stays as it is.
    """

    def __init__(
        self,
        url: str | Path,
        *,
        patience: float = 30.0,
        schema: Schema = SHIPPED,
        clock: Clock = utc_now,
    ) -> None:
        """Open a file that exists, a path or an ``sqlite:///`` URL. An older one is brought to the
        present shape first, in one transaction, with a copy kept beside it. ``clock`` dates the
        journal and decides which leases have run out.

        Raises:
            ProjectMissing: when there is no such file.
            ProjectUnreadable: when it is no database of Maquette's, or cannot be used.
            ProjectTooNew: when a newer Maquette wrote it; nothing is changed.
            StorageFull.
        """
        self.path = path_of(url)
        self.clock = clock
        check_there(self.path)
        self._engine = engine_for(self.path, patience)
        self._writer = self._engine.execution_options(**{WRITING: True})
        try:
            with self.reading() as connection:
                revision = revision_of(connection, self.path)
            if revision != schema.head:
                bring_up(self.path, schema, patience)
            self.name = self._read_project()
        except BaseException:
            self.close()
            raise

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A transaction that sees one moment and waits for nobody."""
        with told(self.path), self._engine.connect() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction that is alone. What is inside is committed and synced when the block ends,
        or has never been."""
        with told(self.path), self._writer.begin() as connection:
            yield connection

    def close(self) -> None:
        """Let go of files and connections. A second call does nothing."""
        self._engine.dispose()

    def _read_project(self) -> str:
        with self.reading() as connection:
            row = connection.execute(
                select(tables.project.c.format, tables.project.c.name)
            ).one_or_none()
        if row is None:
            raise ProjectUnreadable(f"{self.path} does not say whose records it holds")
        if row.format > FORMAT:
            what = f"{self.path} has format {row.format}; this Maquette reads up to {FORMAT}"
            raise ProjectTooNew(what)
        return row.name
