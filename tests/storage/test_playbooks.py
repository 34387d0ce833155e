"""Saved playbooks: numbered, never overwritten, whole or not there."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from maquette.errors import ProjectUnreadable, TemplateRefused
from maquette.storage.playbooks import Playbooks, Revision


@pytest.fixture
def books(tmp_path: Path) -> Playbooks:
    return Playbooks(tmp_path / "playbooks")


def test_revisions_are_numbered_and_stay(books: Playbooks) -> None:
    assert books.names() == [] and books.revisions("acme") == []
    assert books.save("acme", "one") == Revision("acme", 1)
    assert books.save("acme", "zwei \u00fc\n") == Revision("acme", 2)
    assert books.save("acme", "one") == Revision("acme", 3)
    assert books.save("acme", "one") == Revision("acme", 3)
    books.save("zebra", "x")
    assert books.names() == ["acme", "zebra"]
    assert [each.number for each in books.revisions("acme")] == [1, 2, 3]
    assert books.read("acme", 2) == ("zwei \u00fc\n", Revision("acme", 2))
    assert books.read("acme")[1].number == 3


def test_what_is_not_there_is_said(books: Playbooks) -> None:
    books.save("acme", "one")
    with pytest.raises(TemplateRefused, match="no playbook 'other'"):
        books.read("other")
    with pytest.raises(TemplateRefused, match="has no revision 7"):
        books.read("acme", 7)
    for name in ("", "../acme", "Acme", "a/b", ".hidden", "a" * 61):
        with pytest.raises(TemplateRefused, match="cannot name a playbook"):
            books.save(name, "x")


def test_writers_at_one_time_each_get_a_number(books: Playbooks) -> None:
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda n: books.save("acme", f"text {n}"), range(24)))
    assert sorted(each.number for each in made) == list(range(1, 25))
    for each in made:
        assert books.read("acme", each.number)[0].startswith("text ")
    assert {books.read("acme", n)[0] for n in range(1, 25)} == {f"text {n}" for n in range(24)}


def test_half_written_files_are_no_revisions(books: Playbooks, tmp_path: Path) -> None:
    books.save("acme", "one")
    (tmp_path / "playbooks" / "acme" / ".0002.yaml.ab.partial").write_text("half")
    (tmp_path / "playbooks" / "acme" / "notes.txt").write_text("mine")
    assert [each.number for each in books.revisions("acme")] == [1]


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ProjectUnreadable, match="cannot save"):
        Playbooks(tmp_path / "file").save("acme", "x")
