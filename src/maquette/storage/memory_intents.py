"""Intents that live as long as their object: same contract, same answers as the database's."""

from __future__ import annotations

import threading

from maquette.core.cost import Money
from maquette.core.intent import Intent
from maquette.storage.base import over_budget, spent_on

__all__ = ["MemoryIntents"]


class MemoryIntents:
    """Threads may share it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rows: list[Intent] = []

    def open(self, intent: Intent, budget: Money | None = None) -> None:
        """See ``Intents.open``."""
        with self._lock:
            over_budget(intent.money, spent_on(self._newest()), budget)
            self._rows.append(intent)

    def move(self, intent: Intent) -> None:
        """See ``Intents.move``."""
        with self._lock:
            self._rows.append(intent)

    def of(self, recipe: str) -> list[Intent]:
        """See ``Intents.of``."""
        with self._lock:
            return [intent for intent in self._newest() if intent.recipe == recipe]

    def all(self) -> list[Intent]:
        """See ``Intents.all``."""
        with self._lock:
            return self._newest()

    def _newest(self) -> list[Intent]:
        last = {intent.id: place for place, intent in enumerate(self._rows)}
        return [self._rows[place] for place in sorted(last.values())]
