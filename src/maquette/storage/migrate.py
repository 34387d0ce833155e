"""Bringing records to the shape that this code knows. Alembic is imported only when it is needed:
opening a project of the right shape does without."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, inspect, text

from maquette.errors import ProjectTooNew, ProjectUnreadable
from maquette.storage.tables import HEAD

if TYPE_CHECKING:
    from alembic.config import Config

__all__ = ["SHIPPED", "Schema", "check_known", "revision_of", "upgrade"]


@dataclass(frozen=True)
class Schema:
    """The newest revision, and the folder with the scripts that lead to it."""

    head: str
    scripts: Path


SHIPPED = Schema(HEAD, Path(__file__).with_name("migrations"))
"""The schema that this Maquette reads and writes."""


def revision_of(connection: Connection, place: Path | str) -> str:
    """The revision of the records behind a connection.

    Raises:
        ProjectUnreadable: when they are no records of Maquette's.
    """
    tables = inspect(connection)
    rows = (
        connection.execute(text("SELECT version_num FROM alembic_version")).scalars().all()
        if tables.has_table("alembic_version") and tables.has_table("project")
        else []
    )
    if len(rows) != 1:
        hint = "name the folder of a project, or copy this file back from a backup"
        raise ProjectUnreadable(f"{place} does not hold a Maquette project's records", hint=hint)
    return str(rows[0])


def check_known(schema: Schema, revision: str, place: Path | str) -> None:
    """Whether the scripts lead on from this revision.

    Raises:
        ProjectTooNew: when they do not.
    """
    from alembic.script import ScriptDirectory

    scripts = ScriptDirectory.from_config(_config(schema))
    if revision not in {script.revision for script in scripts.walk_revisions()}:
        known = f"this Maquette reads up to {schema.head}"
        raise ProjectTooNew(f"{place} has revision {revision}; {known}")


def upgrade(schema: Schema, connection: Connection, place: Path | str) -> None:
    """Bring an empty database, or older records, to the newest revision, in the transaction that
    the connection has open.

    Raises:
        ProjectUnreadable: when the result breaks a foreign key; the caller rolls back.
    """
    from alembic import command

    config = _config(schema)
    config.attributes["connection"] = connection
    command.upgrade(config, schema.head)
    if connection.dialect.name == "sqlite":
        broken = connection.exec_driver_sql("PRAGMA foreign_key_check").all()
        if broken:
            hint = "the records are as they were; please report this"
            what = f"{place} cannot be brought to revision {schema.head}: {broken[0]}"
            raise ProjectUnreadable(what, hint=hint)


def _config(schema: Schema) -> Config:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(schema.scripts).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config
