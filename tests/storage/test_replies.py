"""Replies: what came with a key, over restarts, and what is forgotten."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from maquette.storage import replies
from maquette.storage.project import Project
from maquette.storage.replies import Reply


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project.create(tmp_path / "p")


def test_the_first_request_of_a_key_counts(project: Project) -> None:
    assert project.replies.claim("k", "a" * 64) == Reply("a" * 64)
    assert project.replies.claim("k", "b" * 64).asked == "a" * 64
    assert project.replies.claim("other", "b" * 64).asked == "b" * 64


def test_an_answer_is_there_after_the_project_was_closed(project: Project) -> None:
    project.replies.claim("k\0\ud800", "a" * 64)
    answer = Reply("a" * 64, 201, "/there", '{"id": "moon 🌕"}')
    project.replies.answer("k\0\ud800", answer)
    project.close()
    with Project.open(project.root) as again:
        assert again.replies.claim("k\0\ud800", "a" * 64) == answer


def test_the_oldest_are_forgotten(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replies, "KEPT", 3)
    for name in "abcd":
        project.replies.claim(name, name * 64)
    assert project.replies.claim("b", "x" * 64).asked == "b" * 64
    assert project.replies.claim("a", "x" * 64).asked == "x" * 64


def test_of_many_at_once_one_is_the_first(project: Project) -> None:
    with ThreadPoolExecutor(6) as pool:
        found = list(pool.map(lambda at: project.replies.claim("k", str(at) * 64), range(6)))
    assert len({each.asked for each in found}) == 1
