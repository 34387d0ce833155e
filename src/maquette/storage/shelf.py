"""Versions as people look through them: with their marks, searched, a page at a time.

What a shelf answers is derived from facts; each implementation keeps what it needs to be quick.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, Protocol, runtime_checkable

from maquette.core.finding import Finding
from maquette.core.recipe import Recipe
from maquette.core.version import Version

__all__ = [
    "Entry",
    "Labels",
    "Node",
    "Shelf",
    "Slot",
    "labels_of",
    "terms_of",
    "words_for",
]

RATINGS = ("1", "2", "3", "4", "5", "x")
"""Stars, or rejected."""


@dataclass(frozen=True)
class Labels:
    """What the newest marks say: a star, a rating (``1`` to ``5``, ``x`` for rejected, or empty), a
    name."""

    star: bool = False
    rating: str = ""
    name: str = ""


@dataclass(frozen=True)
class Entry:
    """A version with its marks and all that critics say of it, worst first."""

    version: Version
    labels: Labels
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True)
class Node:
    """A version in the graph, without its recipe. ``image`` is a digest, width and height are
    pixels."""

    id: str
    parents: tuple[str, ...]
    operation: str
    image: str
    width: int
    height: int
    created_at: datetime
    labels: Labels


class Slot(NamedTuple):
    """A version and the digest of its picture, no more: ten thousand are made at a time."""

    id: str
    image: str


@runtime_checkable
class Shelf(Protocol):
    """Reads what is there; only reads."""

    def page(
        self,
        *,
        limit: int = 50,
        before: str | None = None,
        words: str = "",
        starred: bool = False,
        rating: str = "",
    ) -> list[Entry]:
        """Up to ``limit`` versions, newest first, from the one that came before the full id
        ``before``.

        ``words``: each of them is in the prompt or the name, in any case, or begins the id.
        ``rating``: ``x`` for the rejected, ``1`` to ``5`` for so many stars or more.

        Raises:
            VersionUnknown: for a ``before`` that is not there.
        """
        ...

    def slots(self, *, words: str = "", starred: bool = False, rating: str = "") -> list[Slot]:
        """All versions that ``page`` would find, newest first, each in short."""
        ...

    def entries(self, version_ids: Sequence[str]) -> list[Entry]:
        """These versions, by their full ids, in this order.

        Raises:
            VersionUnknown.
        """
        ...

    def graph(self) -> list[Node]:
        """Every version, oldest first."""
        ...

    def stamp(self) -> str:
        """Another text whenever a version, a mark or a finding was added, by whomever. Cheap: it
        is asked for at every look."""
        ...


def labels_of(marks: Mapping[str, str]) -> Labels:
    """The labels that the newest mark of each kind gives."""
    rating = marks.get("rating", "")
    return Labels(
        star=marks.get("star", "") == "1",
        rating=rating if rating in RATINGS else "",
        name=marks.get("name", ""),
    )


def words_for(recipe: Recipe, name: str) -> str:
    """What is searched of a version, in one case."""
    said = recipe.prompt.text if recipe.prompt is not None else ""
    return _plain(f"{said}\n{name}")


def terms_of(words: str) -> list[str]:
    """What somebody looks for, word by word, in the case of ``words_for``."""
    return _plain(words).split()


def _plain(text: str) -> str:
    # No database takes NUL or half a surrogate pair; nobody looks for them.
    return text.encode("utf-8", "replace").decode().replace("\0", " ").casefold()
