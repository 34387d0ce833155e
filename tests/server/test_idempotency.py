"""Idempotency keys outlive the server: what was asked once is not done again after a restart."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest

from maquette.errors import StorageFull
from maquette.storage.replies import Replies, Reply

from .conftest import is_problem, start

BASE = "/api/v1/projects/p"
KEY = {"Idempotency-Key": "once"}


@contextmanager
def serving(folder: Path) -> Iterator[httpx2.Client]:
    running = start(folder)
    try:
        with running.client() as client:
            yield client
    finally:
        running.stop()


def count(client: httpx2.Client) -> int:
    return len(client.get(f"{BASE}/graph").json()["items"])


@pytest.fixture
def folder(tmp_path: Path, drawn: Path) -> Path:
    shutil.copytree(drawn, tmp_path / "projects" / "p")
    return tmp_path


def test_a_rollback_asked_again_after_a_restart(folder: Path) -> None:
    with serving(folder) as client:
        body = {"version": "@~1"}
        first = client.post(f"{BASE}/operations/rollback", json=body, headers=KEY)
        assert first.status_code == 201
        made = count(client)
    with serving(folder) as client:
        again = client.post(f"{BASE}/operations/rollback", json=body, headers=KEY)
        assert (again.status_code, again.json()) == (201, first.json())
        assert again.headers["location"] == first.headers["location"]
        assert count(client) == made


def test_a_key_is_not_for_another_request_after_a_restart(folder: Path) -> None:
    with serving(folder) as client:
        client.post(f"{BASE}/operations/generate", json={"prompt": "a cat"}, headers=KEY)
    with serving(folder) as client:
        other = client.post(f"{BASE}/operations/generate", json={"prompt": "a dog"}, headers=KEY)
        is_problem(other, 422, "idempotency-key-reused")
        back = client.post(f"{BASE}/operations/rollback", json={"version": "@"}, headers=KEY)
        is_problem(back, 422, "idempotency-key-reused")


def test_a_full_disk_does_not_hide_what_was_made(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: Replies, key: str, reply: Reply) -> None:
        raise StorageFull("no space left")

    monkeypatch.setattr(Replies, "answer", full)
    with serving(folder) as client:
        made = client.post(f"{BASE}/operations/rollback", json={"version": "@~1"}, headers=KEY)
        assert made.status_code == 201
        assert count(client) == 3
