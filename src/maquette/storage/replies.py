"""Replies to requests that carry an idempotency key, so that a restart forgets none."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, delete, func, select, update
from sqlalchemy.dialects.sqlite import insert

from maquette.storage.database import Database
from maquette.storage.rows import instant
from maquette.storage.tables import replies as table

__all__ = ["KEPT", "Replies", "Reply"]

KEPT = 1_000
"""How many of the newest keys are kept."""


@dataclass(frozen=True)
class Reply:
    """What came with a key: ``asked`` is the digest of the request. ``status`` 0 means that the
    jobs of this key are the answer, or that none was given yet; else ``status``, ``location`` and
    ``body`` (JSON) are it, word for word."""

    asked: str
    status: int = 0
    location: str = ""
    body: str = ""


class Replies:
    """The replies of a project's database. Processes and threads may share it."""

    def __init__(self, database: Database) -> None:
        """Work on this database, by its clock."""
        self._database = database

    def claim(self, key: str, asked: str) -> Reply:
        """What this key came with first, be it now; ``asked`` is the digest of this request. The
        oldest keys beyond ``KEPT`` are forgotten.

        Raises:
            StorageFull, ProjectUnreadable.
        """
        with self._database.reading() as connection:
            if found := _read(connection, key):
                return found
        row = {"key": key, "asked": asked, "status": 0, "location": "", "body": ""}
        row["at"] = instant(self._database.clock())
        with self._database.writing() as connection:
            # Whoever came in between counts as the first.
            connection.execute(insert(table).values(row).on_conflict_do_nothing())
            newest = connection.execute(select(func.max(table.c.seq))).scalar_one()
            connection.execute(delete(table).where(table.c.seq <= newest - KEPT))
            return _read(connection, key) or Reply(asked)

    def answer(self, key: str, reply: Reply) -> None:
        """Keep what a claimed key was answered.

        Raises:
            StorageFull, ProjectUnreadable.
        """
        given = {"status": reply.status, "location": reply.location, "body": reply.body}
        with self._database.writing() as connection:
            connection.execute(update(table).where(table.c.key == key).values(given))


def _read(connection: Connection, key: str) -> Reply | None:
    row = connection.execute(select(table).where(table.c.key == key)).one_or_none()
    return Reply(row.asked, row.status, row.location, row.body) if row is not None else None
