"""SQLite as records want it: where the file is, how to connect, what its faults mean."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import Connection, Engine, QueuePool, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError

from maquette.errors import MaquetteError, ProjectUnreadable, StorageFull
from maquette.storage.disk import sync_folder, temporary

__all__ = ["UNFINISHED", "WRITING", "copy_records", "engine_for", "path_of", "told"]

WRITING = "maquette_writing"
"""The execution option of connections that write: their transactions are IMMEDIATE."""

UNFINISHED = ".{}.new-"
"""How the temporary names of a records file begin."""

_LITTLE = 64 * 1024
"""Fewer free bytes than this and SQLite cannot even make its index of the journal."""


def path_of(url: str | Path) -> Path:
    """The file behind a path or an ``sqlite:///`` URL.

    Raises:
        ProjectUnreadable: for any other URL.
    """
    if isinstance(url, Path) or "://" not in url:
        return Path(url).absolute()
    hint = "give a path or sqlite:///PATH"
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise ProjectUnreadable("the records' URL cannot be read", hint=hint) from error
    if parsed.get_backend_name() != "sqlite" or parsed.database in (None, "", ":memory:"):
        what = f"records are kept in SQLite files, not in {parsed.get_backend_name()!r} at this URL"
        raise ProjectUnreadable(what, hint=hint)
    return Path(str(parsed.database)).absolute()


def engine_for(path: Path, patience: float = 30.0, *, making: bool = False) -> Engine:
    """An engine on one file. Every commit is synced; a writer waits ``patience`` seconds for
    another. ``making`` is for a new file and for migrations, which check foreign keys by
    themselves at the end."""
    # By URI: without mode=rw, SQLite would quietly make an empty file where one is gone.
    mode = "rwc" if making else "rw"
    uri = f"file:{quote(os.fsencode(path))}?mode={mode}"

    def connect() -> sqlite3.Connection:
        connection = sqlite3.connect(
            uri, uri=True, timeout=patience, isolation_level=None, check_same_thread=False
        )
        try:
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute(f"PRAGMA foreign_keys = {'OFF' if making else 'ON'}")
        except BaseException:
            connection.close()
            raise
        return connection

    engine = create_engine("sqlite://", creator=connect, poolclass=QueuePool)
    event.listen(engine, "begin", _begin)
    return engine


def _begin(connection: Connection) -> None:
    # A transaction that reads first and writes later would fail at the write when another
    # process wrote in between; IMMEDIATE waits at its start instead.
    writing = connection.get_execution_options().get(WRITING, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")


@contextmanager
def told(path: Path) -> Iterator[None]:
    """Turn SQLite's faults with this file into words.

    Raises:
        StorageFull: no space left.
        ProjectUnreadable: locked for too long, read-only, damaged, no database.
    """
    try:
        yield
    except DBAPIError as error:
        if isinstance(error.orig, sqlite3.Error) and (fault := _fault(error.orig, path)):
            raise fault from error
        raise
    except sqlite3.Error as error:
        if fault := _fault(error, path):
            raise fault from error
        raise


def _fault(error: sqlite3.Error, path: Path) -> MaquetteError | None:
    match getattr(error, "sqlite_errorcode", 0) & 0xFF:
        case sqlite3.SQLITE_FULL:
            return StorageFull(f"no space left for {path}: {error}")
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            hint = "wait for the other command to end, or stop it, and run this one again"
            return ProjectUnreadable(f"another process keeps {path} locked", hint=hint)
        case sqlite3.SQLITE_READONLY | sqlite3.SQLITE_PERM | sqlite3.SQLITE_AUTH:
            hint = "check who owns the file and its folder, and that the disk is not read-only"
            return ProjectUnreadable(f"{path} cannot be written: {error}", hint=hint)
        case sqlite3.SQLITE_NOTADB | sqlite3.SQLITE_CORRUPT:
            hint = "copy it back from a backup; the pictures beside it are not touched"
            return ProjectUnreadable(f"{path} is damaged or no database: {error}", hint=hint)
        case sqlite3.SQLITE_IOERR | sqlite3.SQLITE_CANTOPEN:
            if _is_full(path):
                return StorageFull(f"no space left beside {path}: {error}")
            hint = "check who owns the file and its folder, and the disk's space and health"
            return ProjectUnreadable(f"{path} cannot be used: {error}", hint=hint)
        case _:
            return None


def _is_full(path: Path) -> bool:
    # SQLite says 'disk I/O error' when the index of its journal finds no space.
    try:
        state = os.statvfs(path.parent)
    except OSError:
        return False
    return state.f_bavail * state.f_frsize < _LITTLE


def copy_records(path: Path, copy: Path) -> None:
    """Copy a database as its last commit left it, durably; the copy appears whole or not at all.

    Raises:
        OSError, sqlite3.Error.
    """
    partial = temporary(copy.parent, UNFINISHED.format(path.name))
    uri = f"file:{quote(os.fsencode(path))}?mode=rw"
    try:
        with (
            closing(sqlite3.connect(uri, uri=True)) as source,
            closing(sqlite3.connect(partial)) as target,
        ):
            source.backup(target)
        with partial.open("rb") as file:
            os.fsync(file.fileno())
        partial.replace(copy)
        sync_folder(copy.parent)
    finally:
        partial.unlink(missing_ok=True)
