"""Marking: stars, ratings and names, and looking through versions by them."""

from __future__ import annotations

import unicodedata
from datetime import UTC, datetime

from maquette.core.version import Version
from maquette.errors import SettingRefused
from maquette.storage.base import Mark
from maquette.storage.shelf import RATINGS, Entry, Node
from maquette.studio.looking import Looking

__all__ = ["MAX_NAME", "MAX_PAGE", "Marking", "read_rating"]

MAX_NAME = 200
"""The most characters of a version's name."""

MAX_PAGE = 1000


class Marking(Looking):
    """The verbs that add marks beside versions, and that list versions with them."""

    def mark(self, version: Version | str, kind: str, value: bool | int | str | None) -> Entry:
        """Set a version's ``star`` (a bool), ``rating`` (1 to 5, ``"x"`` for rejected) or ``name``
        (text). None, False and an empty text take it away. The version itself never changes.

        Raises:
            VersionUnknown, AmbiguousVersion.
            SettingRefused: for another kind, or a value that it cannot have.
        """
        version = self.version(version)
        read = {"star": _star, "rating": read_rating, "name": _name}.get(kind)
        if read is None:
            raise SettingRefused(
                f"there is no mark '{kind}'", hint="a mark is a star, a rating or a name"
            )
        asked = read(value)
        given = {mark.kind: mark.value for mark in self.records.marks([version.id])}
        if given.get(kind, "") != asked:
            self.records.mark(Mark(version.id, kind, asked, datetime.now(UTC)))
        return self.entry(version)

    def entry(self, version: Version | str) -> Entry:
        """A version with its marks and findings.

        Raises:
            VersionUnknown, AmbiguousVersion.
        """
        return self.shelf.entries([self.version(version).id])[0]

    def page(
        self,
        limit: int = 50,
        before: Version | str | None = None,
        q: str = "",
        starred: bool = False,
        rating: int | str | None = None,
    ) -> list[Entry]:
        """Versions with their marks and findings, newest first; ``before`` is the one to go on
        from. ``q``: each of its words is in the prompt or the name, or begins the id. ``rating``:
        so many stars or more, or ``"x"`` for the rejected.

        Raises:
            VersionUnknown, AmbiguousVersion: for ``before``.
            SettingRefused: for a limit outside 0 to 1,000, or no rating.
        """
        if not 0 <= limit <= MAX_PAGE:
            raise SettingRefused(f"a page has at most {MAX_PAGE} versions, not {limit}")
        return self.shelf.page(
            limit=limit,
            before=None if before is None else self.version(before).id,
            words=q,
            starred=starred,
            rating=read_rating(rating),
        )

    def graph(self) -> list[Node]:
        """Every version without its recipe, oldest first."""
        return self.shelf.graph()

    def stamp(self) -> str:
        """Another text whenever a version, a mark or a finding was added."""
        return self.shelf.stamp()


def _star(value: object) -> str:
    if value is not None and not isinstance(value, bool):
        raise SettingRefused(f"a star is there or not, it is not {value!r}")
    return "1" if value else ""


def read_rating(value: object) -> str:
    """A rating as marks and shelves spell it.

    Raises:
        SettingRefused: no rating.
    """
    asked = "" if value is None else str(value)
    if isinstance(value, bool) or asked not in {"", *RATINGS}:
        raise SettingRefused(
            f"{value!r} is no rating", hint="1 to 5, or 'x' for a version that is rejected"
        )
    return asked


def _name(value: object) -> str:
    if value is None or value is False:
        return ""
    if not isinstance(value, str):
        raise SettingRefused(f"a name is a text, not {value!r}")
    shown = "".join(c if unicodedata.category(c) != "Cc" else " " for c in value)
    name = " ".join(shown.split())
    if len(name) > MAX_NAME:
        raise SettingRefused(f"a name has at most {MAX_NAME} characters, not {len(name)}")
    return name
