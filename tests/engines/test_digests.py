"""Digests of files: kept while a file stays as it is, and read again when it does not."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from maquette.engines.diffusers import digests
from maquette.engines.diffusers.digests import sha256_of


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(digests, "LARGE", 4)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    file = tmp_path / "weights.safetensors"
    file.write_bytes(b"12345678")
    return file


def notes(file: Path) -> list[Path]:
    return sorted((file.parent / "cache" / "maquette" / "digests").glob("*"))


def forget() -> None:
    digests._SEEN.clear()


def test_a_large_file_is_read_once(file: Path) -> None:
    expected = hashlib.sha256(b"12345678").hexdigest()
    assert sha256_of(file) == expected
    (note,) = notes(file)
    assert note.read_text() == expected
    note.write_text("a" * 64)
    assert sha256_of(file) == expected  # from memory
    forget()
    assert sha256_of(file) == "a" * 64  # from the note: the file is not read again
    assert sha256_of(file, fresh=True) == expected == note.read_text()


def test_a_changed_file_is_read_again(file: Path) -> None:
    first = sha256_of(file)
    before = file.stat()
    file.write_bytes(b"87654321")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    forget()
    # Same size and time of writing: the time of the last change tells.
    assert sha256_of(file) == hashlib.sha256(b"87654321").hexdigest() != first


@pytest.mark.parametrize("told", ["", "nonsense", "A" * 64, "a" * 63])
def test_a_damaged_note_counts_for_nothing(file: Path, told: str) -> None:
    expected = sha256_of(file)
    notes(file)[0].write_text(told)
    forget()
    assert sha256_of(file) == expected == notes(file)[0].read_text()


def test_a_cache_that_cannot_be_written(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blocked = file.parent / "no-folder"
    blocked.write_text("a file")
    monkeypatch.setenv("XDG_CACHE_HOME", str(blocked))
    assert sha256_of(file) == hashlib.sha256(b"12345678").hexdigest()


def test_small_files_leave_no_note(file: Path) -> None:
    small = file.with_name("small")
    small.write_bytes(b"123")
    sha256_of(small)
    assert notes(file) == []
