"""Blobs as files: where they lie, what a kill leaves, what a bad disk does."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from maquette.core.canonical import sha256_hex
from maquette.errors import BlobDamaged, ProjectUnreadable, StorageFull
from maquette.storage.files import FileBlobs


def place(root: Path, digest: str) -> Path:
    return root / digest[:2] / digest[2:]


def files(root: Path) -> set[Path]:
    return {path for path in root.rglob("*") if path.is_file()}


def test_a_blob_lies_in_a_folder_named_by_its_first_two_digits(tmp_path: Path) -> None:
    digest = FileBlobs(tmp_path).put(b"moon")
    assert files(tmp_path) == {place(tmp_path, digest)}


def test_opening_writes_nothing(tmp_path: Path) -> None:
    FileBlobs(tmp_path / "blobs")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["a::b", "s p a c e", "ü*[x]?", "~home", "%41", "#1"])
def test_any_folder_name_will_do(tmp_path: Path, name: str) -> None:
    blobs = FileBlobs(tmp_path / name)
    digest = blobs.put(b"moon")
    assert list(FileBlobs(str(tmp_path / name))) == [digest]
    assert blobs.get(digest) == b"moon"
    assert place(tmp_path / name, digest).is_file()


def test_a_file_url_is_a_disk_too(tmp_path: Path) -> None:
    digest = FileBlobs(f"file://{tmp_path}").put(b"moon")
    assert FileBlobs(tmp_path).get(digest) == b"moon"
    assert not place(tmp_path, digest).stat().st_mode & stat.S_IWUSR


def test_a_blob_can_be_read_but_not_written_and_the_umask_counts(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        path = place(tmp_path, FileBlobs(tmp_path).put(b"moon"))
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o440


def test_putting_again_does_not_touch_the_file(tmp_path: Path) -> None:
    blobs = FileBlobs(tmp_path)
    path = place(tmp_path, blobs.put(b"moon"))
    before = path.stat()
    blobs.put(b"moon")
    after = path.stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)


@pytest.mark.parametrize("damage", [b"", b"mo", b"m00n", b"moon and more"])
def test_damage_is_noticed_and_mended_by_the_next_put(tmp_path: Path, damage: bytes) -> None:
    blobs = FileBlobs(tmp_path)
    digest = blobs.put(b"moon")
    path = place(tmp_path, digest)
    path.unlink()
    path.write_bytes(damage)
    with pytest.raises(BlobDamaged) as caught:
        blobs.get(digest)
    assert "backup" in caught.value.hint
    blobs.put(b"moon")
    assert blobs.get(digest) == b"moon"


def test_a_truncated_object_behind_a_url_is_mended_too() -> None:
    blobs = FileBlobs("memory://truncated")
    digest = blobs.put(b"moon")
    blobs._fs.pipe_file(blobs._path(digest), b"mo")
    blobs.put(b"moon")
    assert blobs.get(digest) == b"moon"


def test_temporary_and_foreign_files_are_not_listed(tmp_path: Path) -> None:
    blobs = FileBlobs(tmp_path)
    digest = blobs.put(b"moon")
    (tmp_path / ".partial-1-2").write_bytes(b"half")
    (tmp_path / "README").write_text("hello")
    (tmp_path / "ab").mkdir(exist_ok=True)
    (tmp_path / "ab" / "notes.txt").write_text("hello")
    assert list(blobs) == [digest]


def test_opening_sweeps_leftovers_older_than_an_hour(tmp_path: Path) -> None:
    old, young, foreign = (tmp_path / name for name in (".partial-1-a", ".partial-2-b", "notes"))
    for path in (old, young, foreign):
        path.write_bytes(b"half")
    then = time.time() - 3700
    for path in (old, foreign):
        os.utime(path, (then, then))
    FileBlobs(tmp_path)
    assert files(tmp_path) == {young, foreign}


def test_an_interrupted_write_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(descriptor: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupted)
    with pytest.raises(KeyboardInterrupt):
        FileBlobs(tmp_path).put(b"moon")
    assert files(tmp_path) == set()


def test_a_file_in_place_of_the_folder_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "blobs").write_text("no folder")
    with pytest.raises(ProjectUnreadable) as caught:
        FileBlobs(tmp_path / "blobs").put(b"moon")
    assert caught.value.hint


def test_a_folder_without_permission_is_said_so(locked_folder: Path) -> None:
    with pytest.raises(ProjectUnreadable, match="no access"):
        FileBlobs(locked_folder).put(b"moon")


def test_a_read_only_disk_can_be_read(mount: Callable[[str], Path]) -> None:
    disk = mount("size=1m")
    digest = FileBlobs(disk).put(b"moon")
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    blobs = FileBlobs(disk)
    assert blobs.get(digest) == b"moon"
    assert list(blobs) == [digest]
    with pytest.raises(ProjectUnreadable, match="no access"):
        blobs.put(b"sun")


def test_a_full_disk_keeps_what_is_finished_and_nothing_half(mount: Callable[[str], Path]) -> None:
    disk = mount("size=1m")
    blobs = FileBlobs(disk)
    kept: list[str] = []
    with pytest.raises(StorageFull) as caught:
        for n in range(20):
            kept.append(blobs.put(bytes([n]) * 150_000))
    assert isinstance(caught.value.__cause__, OSError)
    assert caught.value.__cause__.errno == errno.ENOSPC
    assert kept
    assert set(FileBlobs(disk)) == set(kept)
    assert all(sha256_hex(blobs.get(digest)) == digest for digest in kept)
    assert len(files(disk)) == len(kept)
    place(disk, kept[0]).unlink()
    assert blobs.put(b"room again" * 1000) in blobs


LIMITED = """
import resource, sys
from maquette.errors import StorageFull
from maquette.storage.files import FileBlobs
blobs = FileBlobs(sys.argv[1])
blobs.put(b"x" * 1000)
resource.setrlimit(resource.RLIMIT_FSIZE, (65536, 65536))
try:
    blobs.put(b"y" * 200_000)
except StorageFull as error:
    print("full:", error)
"""


def test_a_limit_on_file_sizes_is_a_full_disk(tmp_path: Path) -> None:
    command = [sys.executable, "-c", LIMITED, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("full:"), done.stderr
    assert list(FileBlobs(tmp_path)) == [sha256_hex(b"x" * 1000)]
    assert len(files(tmp_path)) == 1
