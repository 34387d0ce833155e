"""The hard moments of a records file: its birth, a look at what is there, a move to a new shape.

After a kill in any of them the file is as it was before, or as it should be afterwards.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import insert

from maquette.errors import ProjectMissing, ProjectUnreadable
from maquette.storage import disk
from maquette.storage.migrate import Schema, check_known, revision_of, upgrade
from maquette.storage.rows import instant
from maquette.storage.sqlite import UNFINISHED, WRITING, copy_records, engine_for, told
from maquette.storage.tables import FORMAT, project

__all__ = ["bring_up", "check_there", "make_records"]


def check_there(path: Path) -> None:
    """Look before SQLite does, which has one message for everything.

    Raises:
        ProjectMissing: when there is no such file.
        ProjectUnreadable: when it is no file, or must not be looked at.
    """
    with disk.told(path):
        try:
            path.stat()
        except (FileNotFoundError, NotADirectoryError):
            _check_journal(path)
            raise ProjectMissing(f"no project's records at {path}") from None
        if not path.is_file():
            hint = "the records are one file; name the project's folder instead"
            raise ProjectUnreadable(f"{path} is not a file", hint=hint)


def _check_journal(path: Path) -> None:
    # Without its database a journal holds the newest commits of something that was moved away;
    # a database made anew under that name would swallow it.
    journal = path.with_name(f"{path.name}-wal")
    if journal.exists() and not path.exists():
        hint = f"copy {path.name} back beside it; {journal.name} holds its newest changes"
        raise ProjectUnreadable(f"{path} is gone, but its journal is there", hint=hint)


def make_records(path: Path, name: str, schema: Schema) -> None:
    """Make records under a temporary name and give them theirs when they are whole. When another
    process is faster, its records stay.

    Raises:
        StorageFull, ProjectUnreadable.
    """
    _check_journal(path)
    partial = disk.temporary(path.parent, UNFINISHED.format(path.name))
    row = {"id": 1, "format": FORMAT, "name": name, "created_at": instant(datetime.now(UTC))}
    engine = engine_for(partial, making=True)
    try:
        with disk.told(path), told(path):
            with engine.begin() as connection:
                upgrade(schema, connection, path)
                connection.execute(insert(project), row)
            engine.dispose()
            # Last, so that everything is in the file itself and no journal belongs to it.
            with closing(sqlite3.connect(partial, isolation_level=None)) as connection:
                connection.execute("PRAGMA journal_mode = WAL")
            disk.publish(partial, path)
    finally:
        engine.dispose()
        for suffix in ("", "-journal", "-wal", "-shm"):
            partial.with_name(partial.name + suffix).unlink(missing_ok=True)


def bring_up(path: Path, schema: Schema, patience: float) -> None:
    """Bring records to the newest revision in one transaction, a copy of the old ones kept beside
    them as ``….before-REVISION``.

    Raises:
        ProjectTooNew: when their revision is none of ours; nothing is changed.
        StorageFull, ProjectUnreadable: nothing is changed.
    """
    engine = engine_for(path, patience, making=True)
    try:
        with disk.told(path), told(path):
            with engine.connect() as connection:
                check_known(schema, revision_of(connection, path), path)
            writer = engine.execution_options(**{WRITING: True})
            with writer.begin() as connection:
                # Another process may have been faster while this one waited for the lock.
                if revision_of(connection, path) != schema.head:
                    copy_records(path, path.with_name(f"{path.name}.before-{schema.head}"))
                    upgrade(schema, connection, path)
    finally:
        engine.dispose()
