"""What was seen in pictures: kept by kind and digest, never missed."""

from __future__ import annotations

from pathlib import Path

import pytest

from maquette.storage.looks import Looks

A = "a" * 64


def test_what_was_seen_is_known_by_kind_and_digest(tmp_path: Path) -> None:
    looks = Looks(tmp_path / "looks")
    assert looks.get("glance-1", A) is None
    looks.put("glance-1", A, {"bright": 1.5})
    assert looks.get("glance-1", A) == {"bright": 1.5}
    assert looks.get("glance-2", A) is None and looks.get("glance-1", "b" * 64) is None
    looks.put("glance-1", A, {"bright": 2})
    assert Looks(tmp_path / "looks").get("glance-1", A) == {"bright": 2}
    assert [file.name for file in (tmp_path / "looks").rglob("*.*")] == [f"{A}.json"]


@pytest.mark.parametrize("content", [b"", b"[1]", b"{", b"\xff\xfe"])
def test_what_is_damaged_was_never_seen(tmp_path: Path, content: bytes) -> None:
    looks = Looks(tmp_path)
    looks.put("k", A, {"x": 1})
    (tmp_path / "k" / f"{A}.json").write_bytes(content)
    assert looks.get("k", A) is None


def test_what_cannot_be_kept_is_not_missed(tmp_path: Path) -> None:
    (tmp_path / "looks").write_text("a file where the folder should be")
    looks = Looks(tmp_path / "looks")
    looks.put("k", A, {"x": 1})
    assert looks.get("k", A) is None
