"""Versions: a picture, its recipe, its parents, its cost; append-only, a graph.

A version's id is the SHA-256 of everything it states, its parents' ids included, so the graph is
a Merkle graph: nothing in a history can be altered without changing every id after it.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from pydantic import AwareDatetime, BaseModel, ConfigDict

from maquette.core.canonical import digest_of
from maquette.core.cost import Cost
from maquette.core.geometry import Size
from maquette.core.recipe import Digest, Recipe

__all__ = ["SHORT", "Version", "make_version"]

SHORT = 10
"""How many characters of an id people are shown."""


class Version(BaseModel):
    """One picture and how it came to be.

    ``image`` is the digest of its PNG, ``trace`` that of its token maps if the engine recorded
    them, ``build`` the engine, model and libraries that really ran.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    id: Digest
    parents: tuple[Digest, ...]
    operation: str
    recipe: Recipe
    image: Digest
    size: Size
    trace: Digest | None
    build: str
    cost: Cost
    created_at: AwareDatetime

    @property
    def short(self) -> str:
        """The first characters of the id, for people."""
        return self.id[:SHORT]

    @property
    def stated(self) -> dict[str, Any]:
        """What the id is the digest of."""
        return self.model_dump(mode="json", exclude={"id"})

    @property
    def intact(self) -> bool:
        """Whether the id still matches what the version states."""
        return digest_of(self.stated) == self.id


def make_version(
    *,
    parents: Iterable[str],
    operation: str,
    recipe: Recipe,
    image: str,
    size: Size,
    trace: str | None,
    build: str,
    cost: Cost,
    created_at: datetime,
) -> Version:
    """A version with the id that its content gives it."""
    draft = Version(
        id="0" * 64,
        parents=tuple(parents),
        operation=operation,
        recipe=recipe,
        image=image,
        size=size,
        trace=trace,
        build=build,
        cost=cost,
        created_at=created_at,
    )
    return draft.model_copy(update={"id": digest_of(draft.stated)})
