"""Intents in the project's own database: checked against the budget and written in one
transaction, so that two workers cannot spend the same money."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, func, insert, select

from maquette.core.cost import Money
from maquette.core.intent import Intent
from maquette.storage.base import over_budget, spent_on
from maquette.storage.database import Database
from maquette.storage.rows import instant
from maquette.storage.tables import intents as table

__all__ = ["SqlIntents"]


class SqlIntents:
    """The intents of a project's database. Processes and threads may share it."""

    def __init__(self, database: Database) -> None:
        """Work on this database."""
        self._database = database

    def open(self, intent: Intent, budget: Money | None = None) -> None:
        """See ``Intents.open``."""
        with self._database.writing() as connection:
            over_budget(intent.money, spent_on(_newest(connection)), budget)
            connection.execute(insert(table), _row(intent))

    def move(self, intent: Intent) -> None:
        """See ``Intents.move``."""
        with self._database.writing() as connection:
            connection.execute(insert(table), _row(intent))

    def of(self, recipe: str) -> list[Intent]:
        """See ``Intents.of``."""
        with self._database.reading() as connection:
            return _newest(connection, recipe)

    def all(self) -> list[Intent]:
        """See ``Intents.all``."""
        with self._database.reading() as connection:
            return _newest(connection)


def _newest(connection: Connection, recipe: str = "") -> list[Intent]:
    last = select(func.max(table.c.seq)).group_by(table.c.id)
    if recipe:
        last = last.where(table.c.recipe == recipe)
    query = select(table).where(table.c.seq.in_(last)).order_by(table.c.seq)
    return [_intent(row) for row in connection.execute(query).mappings()]


def _row(intent: Intent) -> dict[str, Any]:
    row = intent.model_dump(mode="json")
    row |= {name: json.dumps(row[name]) for name in ("handle", "money")}
    return {**row, "at": instant(intent.at)}


def _intent(row: Mapping[Any, Any]) -> Intent:
    fields = {key: value for key, value in row.items() if key != "seq"}
    return Intent.model_validate(
        {**fields, **{name: json.loads(row[name]) for name in ("handle", "money")}}
    )
