"""Tab completion of version ids and finding names. It reads, makes nothing, and never errors."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from maquette.storage.base import Records

__all__ = ["complete_finding", "complete_version"]

OFFERED = 50
"""How many of the newest versions are offered: more than that nobody reads in a terminal."""


def complete_version(context: typer.Context, incomplete: str) -> list[tuple[str, str]]:
    """Ids of the newest versions that begin so, each with what it is, and ``@``."""
    offers = [("@", "the newest version")]
    try:
        with _records(context) as records:
            for version in records.log(limit=None if incomplete else OFFERED):
                if version.id.startswith(incomplete):
                    text = version.recipe.prompt.text if version.recipe.prompt else ""
                    # A longer prefix than the short id must still complete.
                    shown = version.short if len(incomplete) <= len(version.short) else version.id
                    offers.append((shown, f"{version.operation} {text[:40]}".strip()))
    except Exception:
        return offers
    return offers[: OFFERED + 1]


def complete_finding(context: typer.Context, incomplete: str) -> list[tuple[str, str]]:
    """Names of the findings of the version that was typed before."""
    try:
        with _records(context) as records:
            version = records.resolve(str(context.params.get("v") or "@"))
            return [
                (finding.name, finding.message[:60])
                for finding in records.findings(version.id)
                if finding.name.startswith(incomplete)
            ]
    except Exception:
        return []


@contextmanager
def _records(context: typer.Context) -> Iterator[Records]:
    from maquette.settings import Settings
    from maquette.storage.project import Project

    given: Any = context.params.get("project")
    parent = context.parent
    if given is None and parent is not None:
        given = parent.params.get("project")
    project = Project.open(given if given is not None else Settings().project)
    try:
        yield project.records
    finally:
        project.close()
