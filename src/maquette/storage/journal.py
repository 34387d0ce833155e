"""How long the journal remembers. Pure; the memory and the database share it."""

from __future__ import annotations

from datetime import timedelta

from maquette.storage.base import Event

__all__ = ["FLEETING", "KEPT", "PRUNE_EVERY", "REMEMBERED", "outdated"]

FLEETING = ("progress", "preview")
"""Kinds of events that nobody wants once something newer is there."""

REMEMBERED = timedelta(minutes=3)
"""For how long those stay: long enough for a watcher whose connection was cut."""

KEPT = 20_000
"""How many lines of any kind stay."""

PRUNE_EVERY = 200
"""After how many lines the old ones are looked for."""


def outdated(event: Event, newest: Event) -> bool:
    """Whether a line may go, now that the newest is written."""
    fleeting = event.kind in FLEETING and newest.at - event.at > REMEMBERED
    return fleeting or event.id <= newest.id - KEPT
