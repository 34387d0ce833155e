"""Where a version's words and settings came from, beside what its recipe says.

A recipe states what was drawn. Its origin tells of what it was made from: a template and its row,
flags that were translated, a campaign's stage, words that are locked. It travels in the arguments
of a job and is stored as a mark of the version, in the same transaction.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from maquette.core.canonical import canonical_json
from maquette.core.job import Job
from maquette.core.version import Version
from maquette.storage.base import Mark, Records

__all__ = ["ORIGIN", "origin_mark", "origins_of"]

ORIGIN = "origin"
"""The kind of mark, and the key among a job's arguments."""


def origin_mark(version: Version, job: Job | None) -> Mark | None:
    """The mark that a job asks for beside its version; None when it tells of no origin."""
    told = job.arguments.get(ORIGIN) if job is not None else None
    if not isinstance(told, dict) or not told:
        return None
    return Mark(version.id, ORIGIN, canonical_json(told), version.created_at)


def origins_of(records: Records, version_ids: Iterable[str]) -> dict[str, dict[str, Any]]:
    """The origins of versions that have one, by id. Where there are several marks, later ones
    add to earlier ones."""
    found: dict[str, dict[str, Any]] = {}
    for mark in records.marks(version_ids):
        if mark.kind == ORIGIN:
            told = json.loads(mark.value)
            if isinstance(told, dict):
                found.setdefault(mark.version, {}).update(told)
    return found
