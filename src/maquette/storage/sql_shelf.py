"""The shelf over the project's database: one short row a version, so that ten thousand are searched
in a few milliseconds. ``SqlRecords`` keeps the rows in step in its own transactions."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, insert, or_, select, update

from maquette.core.version import Version
from maquette.errors import VersionUnknown
from maquette.storage.base import Mark
from maquette.storage.database import Database
from maquette.storage.rows import finding_from, newest_findings
from maquette.storage.shelf import Entry, Labels, Node, Slot, labels_of, terms_of, words_for
from maquette.storage.statements import chunks, parents_of, read_versions, seq_of
from maquette.storage.tables import findings, marks, shelf, versions

__all__ = ["SqlShelf", "label", "put_on_shelf"]

_STAMP = (
    "SELECT (SELECT max(seq) FROM versions), (SELECT max(seq) FROM marks),"
    " (SELECT max(seq) FROM findings)"
)
_BLANK = Labels()
_LABELS = (shelf.c.star, shelf.c.rating, shelf.c.name)


def put_on_shelf(connection: Connection, version: Version) -> None:
    """Make the row of a version that was just stored."""
    connection.execute(
        insert(shelf),
        {
            "seq": seq_of(connection, version.id),
            "words": words_for(version.recipe, ""),
            "star": False,
            "rating": "",
            "name": "",
        },
    )


def label(connection: Connection, mark: Mark) -> None:
    """Let a version's row say what its marks say, now that there is one more."""
    if mark.kind not in {"star", "rating", "name"}:
        return
    query = select(marks.c.kind, marks.c.value).where(marks.c.version == mark.version)
    newest = {row.kind: row.value for row in connection.execute(query.order_by(marks.c.seq))}
    labels = labels_of(newest)
    (version,) = read_versions(connection, select(versions).where(versions.c.id == mark.version))
    row = {"star": labels.star, "rating": labels.rating, "name": labels.name}
    connection.execute(
        update(shelf)
        .where(shelf.c.seq == seq_of(connection, mark.version))
        .values(**row, words=words_for(version.recipe, labels.name))
    )


class SqlShelf:
    """See ``Shelf``."""

    def __init__(self, database: Database) -> None:
        """Read this database."""
        self._database = database

    def page(
        self,
        *,
        limit: int = 50,
        before: str | None = None,
        words: str = "",
        starred: bool = False,
        rating: str = "",
    ) -> list[Entry]:
        """See ``Shelf.page``."""
        query = select(shelf.c.seq).order_by(shelf.c.seq.desc()).limit(limit)
        if any(_like_an_id(term) for term in terms_of(words)):
            query = query.join(versions, versions.c.seq == shelf.c.seq)
        query = query.where(*_wanted(words, starred, rating))
        with self._database.reading() as connection:
            if before is not None:
                query = query.where(shelf.c.seq < seq_of(connection, before))
            chosen = connection.execute(query).scalars().all()
            found = select(versions).where(versions.c.seq.in_(chosen))
            ordered = read_versions(connection, found.order_by(versions.c.seq.desc()))
            return _entries(connection, ordered)

    def slots(self, *, words: str = "", starred: bool = False, rating: str = "") -> list[Slot]:
        """See ``Shelf.slots``."""
        query = (
            select(versions.c.id, versions.c.image)
            .join(shelf, shelf.c.seq == versions.c.seq)
            .where(*_wanted(words, starred, rating))
            .order_by(shelf.c.seq.desc())
        )
        with self._database.reading() as connection:
            return [Slot(*row) for row in connection.execute(query).all()]

    def entries(self, version_ids: Sequence[str]) -> list[Entry]:
        """See ``Shelf.entries``."""
        found: dict[str, Version] = {}
        with self._database.reading() as connection:
            for chunk in chunks(list(dict.fromkeys(version_ids))):
                query = select(versions).where(versions.c.id.in_(chunk))
                found |= {version.id: version for version in read_versions(connection, query)}
            for version_id in version_ids:
                if version_id not in found:
                    raise VersionUnknown(f"no version has the id {version_id!r}")
            return _entries(connection, [found[version_id] for version_id in version_ids])

    def graph(self) -> list[Node]:
        """See ``Shelf.graph``."""
        columns = (versions.c[name] for name in ("id", "operation", "image", "width", "height"))
        query = (
            select(*columns, versions.c.created_at, *_LABELS)
            .join(shelf, shelf.c.seq == versions.c.seq)
            .order_by(versions.c.seq)
        )
        with self._database.reading() as connection:
            parents = parents_of(connection, None)
            return [
                Node(
                    id=row.id,
                    parents=tuple(parents.get(row.id, ())),
                    operation=row.operation,
                    image=row.image,
                    width=row.width,
                    height=row.height,
                    created_at=datetime.fromisoformat(row.created_at),
                    labels=_labels(row),
                )
                for row in connection.execute(query)
            ]

    def stamp(self) -> str:
        """See ``Shelf.stamp``."""
        # Rows are only ever added, so the newest number of each table says it all.
        with self._database.reading() as connection:
            row = connection.exec_driver_sql(_STAMP).one()
        return "-".join(str(number or 0) for number in row)


def _wanted(words: str, starred: bool, rating: str) -> list[ColumnElement[bool]]:
    """What a version is held to; ``_holds`` needs the versions too where words are like ids."""
    asked = [_holds(term) for term in terms_of(words)]
    if starred:
        asked.append(shelf.c.star)
    if rating == "x":
        asked.append(shelf.c.rating == "x")
    elif rating:
        asked.append(shelf.c.rating.between(rating, "5"))
    return asked


def _like_an_id(term: str) -> bool:
    return len(term) <= 64 and set(term) <= set("0123456789abcdef")


def _holds(term: str) -> ColumnElement[bool]:
    said = shelf.c.words.contains(term, autoescape=True)
    return or_(said, versions.c.id.startswith(term)) if _like_an_id(term) else said


def _labels(row: Any) -> Labels:
    if not (row.star or row.rating or row.name):
        return _BLANK  # nearly all of them
    return Labels(star=bool(row.star), rating=row.rating, name=row.name)


def _entries(connection: Connection, found: Sequence[Version]) -> list[Entry]:
    labels: dict[str, Labels] = {}
    said: dict[str, list[dict[str, Any]]] = {}
    for chunk in chunks([version.id for version in found]):
        query = select(versions.c.id, *_LABELS).join(shelf, shelf.c.seq == versions.c.seq)
        for row in connection.execute(query.where(versions.c.id.in_(chunk))):
            labels[row.id] = _labels(row)
        lines = select(findings).where(findings.c.version.in_(chunk)).order_by(findings.c.seq)
        for line in connection.execute(lines).mappings():
            said.setdefault(line["version"], []).append(dict(line))
    return [
        Entry(
            version,
            labels[version.id],
            tuple(newest_findings(finding_from(line) for line in said.get(version.id, ()))),
        )
        for version in found
    ]
