"""The tables of records and queue. All facts are append-only, and the database itself holds to
that: the first revision in ``migrations`` adds the triggers. Jobs change, the shelf is
derived from facts, and the journal (``events``) and the ``replies`` forget.

Whoever changes a table writes a revision and sets ``HEAD`` to it; the tests compare all three.
"""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    text,
)
from sqlalchemy.engine import Dialect

__all__ = [
    "FORMAT",
    "HEAD",
    "Words",
    "events",
    "findings",
    "intents",
    "jobs",
    "marks",
    "metadata",
    "project",
    "replies",
    "shelf",
    "version_parents",
    "versions",
]

HEAD = "0007"
"""The Alembic revision that this code reads and writes."""

FORMAT = 1
"""The layout of the whole project folder; it changes only when older code must keep out."""


class Words(TypeDecorator[str]):
    """Any Python text. What databases do not take, half surrogate pairs (from file names that are
    no UTF-8) and NUL, is kept as JSON behind a mark."""

    impl = Text
    cache_ok = True
    _MARK = "\ufffcjson:"

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        """On the way in."""
        if value is None:
            return None
        try:
            value.encode("utf-8")
        except UnicodeEncodeError:
            pass
        else:
            if "\0" not in value and not value.startswith(self._MARK):
                return value
        return self._MARK + json.dumps(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> str | None:  # noqa: ARG002
        """On the way out."""
        if isinstance(value, str) and value.startswith(self._MARK):
            return str(json.loads(value.removeprefix(self._MARK)))
        return value


metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _seq() -> Column[int]:
    # The order in which rows were added. AUTOINCREMENT never gives a number twice.
    return Column("seq", Integer, primary_key=True, autoincrement=True)


_DIGEST = String(64)
_KEYED = text("key <> '' AND place = 0")

project = Table(
    "project",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("format", Integer, nullable=False),
    Column("name", Words, nullable=False),
    Column("created_at", Text, nullable=False),
    CheckConstraint("id = 1", name="one_row"),
)

versions = Table(
    "versions",
    metadata,
    _seq(),
    Column("id", _DIGEST, nullable=False),
    Column("operation", Words, nullable=False),
    Column("recipe", Text, nullable=False),
    Column("recipe_digest", _DIGEST, nullable=False),
    Column("image", _DIGEST, nullable=False),
    Column("width", Integer, nullable=False),
    Column("height", Integer, nullable=False),
    Column("trace", _DIGEST),
    Column("build", Words, nullable=False),
    Column("cost", Text, nullable=False),
    Column("created_at", Text, nullable=False),
    UniqueConstraint("id"),
    Index(None, "recipe_digest", "build"),
    sqlite_autoincrement=True,
)

version_parents = Table(
    "version_parents",
    metadata,
    Column("child", _DIGEST, ForeignKey("versions.id"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("parent", _DIGEST, ForeignKey("versions.id"), nullable=False, index=True),
)

findings = Table(
    "findings",
    metadata,
    _seq(),
    Column("version", _DIGEST, ForeignKey("versions.id"), nullable=False, index=True),
    Column("critic", Words, nullable=False),
    Column("name", Words, nullable=False),
    Column("body", Text, nullable=False),
    sqlite_autoincrement=True,
)

marks = Table(
    "marks",
    metadata,
    _seq(),
    Column("version", _DIGEST, ForeignKey("versions.id"), nullable=False, index=True),
    Column("kind", Words, nullable=False),
    Column("value", Words, nullable=False),
    Column("at", Text, nullable=False),
    sqlite_autoincrement=True,
)

shelf = Table(
    "shelf",
    metadata,
    Column("seq", Integer, ForeignKey("versions.seq"), primary_key=True, autoincrement=False),
    Column("words", Text, nullable=False),
    Column("star", Boolean, nullable=False),
    Column("rating", String(1), nullable=False),
    Column("name", Words, nullable=False),
)

jobs = Table(
    "jobs",
    metadata,
    _seq(),
    Column("id", Words, nullable=False),
    Column("operation", Words, nullable=False),
    Column("recipe", Text, nullable=False),
    Column("parents", Text, nullable=False),
    Column("status", String(16), nullable=False),
    Column("owner", Words, nullable=False),
    Column("message", Words, nullable=False),
    Column("version", _DIGEST, ForeignKey("versions.id")),
    Column("created_at", Text, nullable=False),
    Column("maps", Boolean, nullable=False),
    Column("arguments", Text, nullable=False),
    Column("group", Words, nullable=False, index=True),
    Column("place", Integer, nullable=False),
    Column("priority", Integer, nullable=False),
    Column("key", Words, nullable=False),
    Column("lease_until", Text),
    Column("attempts", Integer, nullable=False),
    Column("cancel", Boolean, nullable=False),
    Column("hint", Words, nullable=False),
    Column("result", Text),
    Column("awaits", Words, nullable=False, server_default=""),
    UniqueConstraint("id"),
    Index(None, "status", "priority", "seq"),
    # One group for a key, also where several transactions write at once.
    Index("uq_jobs_key", "key", unique=True, sqlite_where=_KEYED, postgresql_where=_KEYED),
    sqlite_autoincrement=True,
)

events = Table(
    "events",
    metadata,
    _seq(),
    Column("at", Text, nullable=False),
    Column("kind", String(16), nullable=False, index=True),
    Column("job", Words, nullable=False),
    Column("data", Text, nullable=False),
    sqlite_autoincrement=True,
)

intents = Table(
    "intents",
    metadata,
    _seq(),
    Column("id", Words, nullable=False, index=True),
    Column("job", Words, nullable=False),
    Column("engine", Words, nullable=False),
    Column("recipe", _DIGEST, nullable=False, index=True),
    Column("outcome", String(24), nullable=False),
    Column("handle", Text, nullable=False),
    Column("money", Text, nullable=False),
    Column("image", _DIGEST),
    Column("message", Words, nullable=False),
    Column("at", Text, nullable=False),
    sqlite_autoincrement=True,
)

replies = Table(
    "replies",
    metadata,
    _seq(),
    Column("key", Words, nullable=False),
    Column("asked", _DIGEST, nullable=False),
    Column("status", Integer, nullable=False),
    Column("location", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("at", Text, nullable=False),
    UniqueConstraint("key"),
    sqlite_autoincrement=True,
)
