"""What every implementation of Shelf promises."""

from __future__ import annotations

import pytest
from tests.storage.making import DAWN, finding, version

from maquette.core.version import Version
from maquette.errors import VersionUnknown
from maquette.storage.base import Mark, Records
from maquette.storage.shelf import Entry, Labels, Shelf, Slot

TEXTS = ("a red boat", "a WOLF, misty forest", "ein Bär über 100% (moon:1.4)", "a_b half \ud83c")


@pytest.fixture
def made(records: Records) -> list[Version]:
    """Versions with these prompts, oldest first; the second has a parent."""
    versions: list[Version] = []
    for seed, text in enumerate(TEXTS):
        versions.append(version(seed, versions[:1] if seed == 1 else (), text=text))
        records.add(versions[-1])
    return versions


def mark(records: Records, version: Version, kind: str, value: str) -> None:
    records.mark(Mark(version.id, kind, value, DAWN))


def found(entries: list[Entry]) -> list[Version]:
    return [entry.version for entry in entries]


def test_it_is_a_shelf(shelf: Shelf) -> None:
    assert isinstance(shelf, Shelf)
    assert shelf.page() == shelf.graph() == shelf.entries([]) == shelf.slots() == []


def test_pages_are_newest_first_and_follow_each_other(shelf: Shelf, made: list[Version]) -> None:
    first = shelf.page(limit=3)
    second = shelf.page(limit=3, before=first[-1].version.id)
    assert found(first) + found(second) == made[::-1]
    assert shelf.page(before=made[0].id) == []
    with pytest.raises(VersionUnknown):
        shelf.page(before="0" * 64)


@pytest.mark.parametrize(
    ("words", "which"),
    [
        ("boat", [0]),
        ("BOAT a", [0]),
        ("wolf misty", [1]),
        ("wolf boat", []),
        ("bÄr ÜBER", [2]),
        ("100%", [2]),
        ("0%", [2]),
        ("a_b", [3]),
        ("moon:1.4", [2]),
        ("  ", [3, 2, 1, 0]),
        ("ddim", []),
        ("half", [3]),
    ],
)
def test_words_are_those_of_the_prompt(
    shelf: Shelf, made: list[Version], words: str, which: list[int]
) -> None:
    assert found(shelf.page(words=words)) == [made[n] for n in which]


def test_names_and_the_beginnings_of_ids_are_found_too(
    records: Records, shelf: Shelf, made: list[Version]
) -> None:
    mark(records, made[1], "name", "Der Gute")
    assert found(shelf.page(words="gute wolf")) == [made[1]]
    for each in made:
        assert each in found(shelf.page(words=each.id[:12].upper()))
        assert found(shelf.page(words=each.id)) == [each]
    mark(records, made[1], "name", "")
    assert shelf.page(words="gute") == []


def test_stars_and_ratings(records: Records, shelf: Shelf, made: list[Version]) -> None:
    for n, rating in enumerate(("3", "5", "x", "")):
        mark(records, made[n], "rating", rating)
    mark(records, made[0], "star", "1")
    mark(records, made[1], "star", "1")
    mark(records, made[1], "star", "")
    assert found(shelf.page(starred=True)) == [made[0]]
    assert found(shelf.page(rating="3")) == [made[1], made[0]]
    assert found(shelf.page(rating="4")) == [made[1]]
    assert found(shelf.page(rating="x")) == [made[2]]
    assert found(shelf.page(rating="1", words="boat")) == [made[0]]
    for asked in (
        {"starred": True},
        {"rating": "3"},
        {"rating": "x"},
        {"words": made[2].id[:9]},
        {},
    ):
        same = [Slot(each.id, each.image) for each in found(shelf.page(**asked))]
        assert shelf.slots(**asked) == same
    mark(records, made[2], "rating", "1")
    assert shelf.page(rating="x") == []


def test_an_entry_has_labels_and_the_newest_findings(
    records: Records, shelf: Shelf, made: list[Version]
) -> None:
    records.add_findings(made[0].id, [finding("a", 0.2), finding("b", 0.9)])
    records.add_findings(made[0].id, [finding("a", 0.3)])
    mark(records, made[0], "name", "half \ud83c")
    mark(records, made[0], "rating", "nonsense")
    mark(records, made[0], "colour", "blue")
    entry, other = shelf.entries([made[0].id, made[1].id])
    assert entry.version == made[0]
    assert entry.labels == Labels(name="half \ud83c")
    assert [(said.name, said.score) for said in entry.findings] == [("b", 0.9), ("a", 0.3)]
    assert other == Entry(made[1], Labels())
    assert shelf.page(words="boat") == [entry]
    with pytest.raises(VersionUnknown):
        shelf.entries([made[0].id, "0" * 64])


def test_the_graph_has_every_version_oldest_first(
    records: Records, shelf: Shelf, made: list[Version]
) -> None:
    mark(records, made[1], "star", "1")
    nodes = shelf.graph()
    assert [node.id for node in nodes] == [each.id for each in made]
    assert nodes[1].parents == (made[0].id,)
    assert nodes[1].labels == Labels(star=True)
    node, first = nodes[0], made[0]
    assert (node.operation, node.image, node.width, node.height, node.created_at) == (
        first.operation,
        first.image,
        256,
        192,
        first.created_at,
    )


def test_the_stamp_changes_with_every_fact_and_with_nothing_else(
    records: Records, shelf: Shelf, made: list[Version]
) -> None:
    seen = [shelf.stamp()]
    assert shelf.stamp() == seen[0]
    mark(records, made[0], "star", "1")
    seen.append(shelf.stamp())
    records.add_findings(made[0].id, [finding("a", 0.3)])
    seen.append(shelf.stamp())
    records.add(version(99, made[:1]))
    seen.append(shelf.stamp())
    assert len(set(seen)) == 4
