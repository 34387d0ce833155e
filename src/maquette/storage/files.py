"""Blobs as files: on a disk, or in anything else that fsspec has a URL for."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import cast

from fsspec.core import url_to_fs
from fsspec.implementations.local import LocalFileSystem
from fsspec.spec import AbstractFileSystem

from maquette.core.canonical import sha256_hex
from maquette.errors import BlobDamaged, BlobMissing
from maquette.storage.disk import make_folder, sweep, sync_folder, temporary, told, write_whole

__all__ = ["FileBlobs"]

_DIGEST = re.compile(r"[0-9a-f]{64}")
_PLACE = re.compile(r"([0-9a-f]{2})/([0-9a-f]{62})")
_PARTIAL = ".partial-"


class FileBlobs:
    """Bytes named by their own SHA-256, in files ``ab/cdef…`` below a root.

    The root is a path or a URL. A disk's files are written under a temporary name in the same
    file system, synced, renamed, and their folder synced; an object store shows an object whole
    or not at all by itself. Nothing is written before the first ``put``, except that a disk's
    leftovers of killed writers are swept on opening when they are older than an hour.
    """

    def __init__(self, root: str | Path) -> None:
        """Look into the root; it need not exist yet."""
        self._fs: AbstractFileSystem
        if isinstance(root, Path) or "://" not in root:
            # Not by url_to_fs: a folder's name may hold what a URL gives a meaning to.
            self._fs, self._root = LocalFileSystem(), str(Path(root).absolute())
        else:
            self._fs, self._root = url_to_fs(root)
        self._disk = Path(self._root) if isinstance(self._fs, LocalFileSystem) else None
        self._synced: set[Path] = set()
        if self._disk is not None:
            sweep(self._disk, _PARTIAL)

    def put(self, data: bytes) -> str:
        """Keep these bytes and return their digest; damaged bytes of that name are replaced.

        Raises:
            StorageFull, ProjectUnreadable: nothing half written stays behind.
        """
        digest = sha256_hex(data)
        path = self._path(digest)
        with told(self._root):
            held = self._holds(path, data)
            if self._disk is not None:
                self._put_on_disk(self._disk, Path(path), None if held else data)
            elif not held:
                self._fs.pipe_file(path, data)
        return digest

    def get(self, digest: str) -> bytes:
        """The bytes of that digest, checked against it.

        Raises:
            BlobMissing: when they are not here, or this is no digest at all.
            BlobDamaged: when the file holds other bytes.
            ProjectUnreadable: when it cannot be read.
        """
        if not _DIGEST.fullmatch(digest):
            raise BlobMissing(f"{digest!r} is no digest", hint="a digest has 64 digits 0-9, a-f")
        path = self._path(digest)
        with told(path):
            try:
                data = cast(bytes, self._fs.cat_file(path))
            except FileNotFoundError:
                hint = "copy the file back from a backup, or replay the version that needs it"
                raise BlobMissing(f"no file with the digest {digest}", hint=hint) from None
        if sha256_hex(data) != digest:
            hint = f"copy {path} back from a backup, or replay the version that needs it"
            raise BlobDamaged(f"the bytes of blob {digest} do not match its name", hint=hint)
        return data

    def __contains__(self, digest: object) -> bool:
        """Whether there is a file of that digest; its bytes are not checked."""
        if not isinstance(digest, str) or not _DIGEST.fullmatch(digest):
            return False
        return bool(self._fs.isfile(self._path(digest)))

    def __iter__(self) -> Iterator[str]:
        """Every digest, in no order. Temporary and foreign files are not among them.

        Raises:
            ProjectUnreadable.
        """
        with told(self._root):
            places = list(self._places())
        for place in places:
            if match := _PLACE.fullmatch(place):
                yield match[1] + match[2]

    def path(self, digest: str) -> Path | None:
        """Where the bytes of that digest lie on this machine; None when they are elsewhere.

        For reading alone: what is written there would no longer match its name.
        """
        return Path(self._path(digest)) if self._disk is not None else None

    def _path(self, digest: str) -> str:
        return f"{self._root}/{digest[:2]}/{digest[2:]}"

    def _holds(self, path: str, data: bytes) -> bool:
        # A disk's file is compared byte for byte, so that a put mends what is damaged; what is
        # far away is asked for its size alone.
        try:
            if self._fs.info(path)["size"] != len(data):
                return False
            return self._disk is None or self._fs.cat_file(path) == data
        except FileNotFoundError:
            return False

    def _put_on_disk(self, root: Path, path: Path, data: bytes | None) -> None:
        # The folders are synced even when the file was there: whoever renamed it may have been
        # killed before he came to that.
        make_folder(path.parent)
        if data is not None:
            write_whole(path, data, temporary(root, _PARTIAL))
        sync_folder(path.parent)
        for name in (path.parent, root):
            if name not in self._synced:
                sync_folder(name.parent)
                self._synced.add(name)

    def _places(self) -> Iterator[str]:
        # Own walk on a disk, since that of fsspec leaves out silently what it may not read.
        if self._disk is None:
            self._fs.invalidate_cache()
            start = len(self._root) + 1
            yield from (str(found)[start:] for found in self._fs.find(self._root))
        elif self._disk.exists():
            for folder in os.scandir(self._disk):
                if len(folder.name) == 2 and folder.is_dir():
                    yield from (f"{folder.name}/{found.name}" for found in os.scandir(folder.path))
