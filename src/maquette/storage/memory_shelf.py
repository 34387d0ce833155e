"""The shelf over records in memory: same contract, same answers as the database's."""

from __future__ import annotations

from collections.abc import Sequence

from maquette.core.version import Version
from maquette.storage.memory import MemoryRecords
from maquette.storage.shelf import Entry, Labels, Node, Slot, labels_of, terms_of, words_for

__all__ = ["MemoryShelf"]


class MemoryShelf:
    """See ``Shelf``."""

    def __init__(self, records: MemoryRecords) -> None:
        """Read these records."""
        self._records = records

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
        return self._found(before, words, starred, rating)[:limit]

    def slots(self, *, words: str = "", starred: bool = False, rating: str = "") -> list[Slot]:
        """See ``Shelf.slots``."""
        found = self._found(None, words, starred, rating)
        return [Slot(entry.version.id, entry.version.image) for entry in found]

    def entries(self, version_ids: Sequence[str]) -> list[Entry]:
        """See ``Shelf.entries``."""
        return [self._entry(self._records.get(version_id)) for version_id in version_ids]

    def graph(self) -> list[Node]:
        """See ``Shelf.graph``."""
        return [
            Node(
                id=version.id,
                parents=version.parents,
                operation=version.operation,
                image=version.image,
                width=version.size.width,
                height=version.size.height,
                created_at=version.created_at,
                labels=self._labels(version),
            )
            for version in self._records.log()[::-1]
        ]

    def stamp(self) -> str:
        """See ``Shelf.stamp``."""
        marks, count = len(self._records.marks()), self._records.count()
        return f"{count}-{marks}-{self._records.said}"

    def _found(self, before: str | None, words: str, starred: bool, rating: str) -> list[Entry]:
        return [
            entry
            for entry in map(self._entry, self._records.log(before=before))
            if (not starred or entry.labels.star)
            and (not rating or _rated(entry.labels.rating, rating))
            and all(_holds(entry, term) for term in terms_of(words))
        ]

    def _entry(self, version: Version) -> Entry:
        found = tuple(self._records.findings(version.id))
        return Entry(version, self._labels(version), found)

    def _labels(self, version: Version) -> Labels:
        return labels_of({mark.kind: mark.value for mark in self._records.marks([version.id])})


def _rated(rating: str, wanted: str) -> bool:
    return rating == "x" if wanted == "x" else wanted <= rating <= "5"


def _holds(entry: Entry, term: str) -> bool:
    words = words_for(entry.version.recipe, entry.labels.name)
    return term in words or entry.version.id.startswith(term)
