"""Stars, ratings, names; pages of versions that have them."""

from __future__ import annotations

from typing import Any

import pytest

from maquette import Studio, Version
from maquette.core.finding import Finding
from maquette.errors import SettingRefused, VersionUnknown
from maquette.storage.shelf import Labels


def test_marks_stand_beside_the_version(studio: Studio, wolf: Version) -> None:
    studio.mark(wolf, "star", True)
    studio.mark(wolf.short, "rating", 4)
    entry = studio.mark("@", "name", "  the good\none ")
    assert entry.version == wolf
    assert entry.labels == Labels(star=True, rating="4", name="the good one")
    assert studio.entry(wolf) == entry
    assert studio.version("@") == wolf


def test_marks_can_be_taken_away(studio: Studio, wolf: Version) -> None:
    for kind, value in (("star", True), ("rating", "x"), ("name", "one")):
        studio.mark(wolf, kind, value)
        assert studio.entry(wolf).labels != Labels()
        assert studio.mark(wolf, kind, None).labels == Labels()


def test_the_same_mark_again_is_no_news(studio: Studio, wolf: Version) -> None:
    studio.mark(wolf, "star", True)
    studio.mark(wolf, "star", True)
    studio.mark(wolf, "rating", None)
    assert len(studio.records.marks()) == 1


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("star", "yes"),
        ("star", 1),
        ("rating", 0),
        ("rating", 6),
        ("rating", "X"),
        ("rating", True),
        ("name", 7),
        ("name", "n" * 201),
        ("trace", "ab" * 32),
    ],
)
def test_marks_that_are_refused(studio: Studio, wolf: Version, kind: str, value: Any) -> None:
    with pytest.raises(SettingRefused):
        studio.mark(wolf, kind, value)
    assert studio.records.marks() == []


def test_pages(studio: Studio, wolf: Version) -> None:
    boats = studio.generate("a boat", n=3, seed=1, quality="draft", size=(64, 64))
    studio.mark(boats[1], "rating", 5)
    studio.mark(wolf, "star", True)
    said = Finding(critic="x", name="odd", message="odd", severity="note", score=0.1)
    studio.records.add_findings(wolf.id, [said])
    first = studio.page(2)
    assert [entry.version for entry in first] == boats[:0:-1]
    rest = studio.page(2, before=first[-1].version)
    assert [entry.version for entry in rest] == [boats[0], wolf]
    assert said in rest[-1].findings
    assert [entry.version for entry in studio.page(q="wolf")] == [wolf]
    assert [entry.version for entry in studio.page(starred=True)] == [wolf]
    assert [entry.version for entry in studio.page(rating=3)] == [boats[1]]
    assert len(studio.graph()) == 4
    with pytest.raises(SettingRefused):
        studio.page(-1)
    with pytest.raises(SettingRefused):
        studio.page(rating="good")
    with pytest.raises(VersionUnknown):
        studio.page(before="0123abcd")
