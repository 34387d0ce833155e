"""Plain files, written so that a kill or a power cut leaves the old state or the new one."""

from __future__ import annotations

import errno
import os
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from maquette.errors import MaquetteError, ProjectUnreadable, StorageFull

__all__ = [
    "LEFTOVER_AGE",
    "make_folder",
    "publish",
    "sweep",
    "sync_folder",
    "temporary",
    "told",
    "write_whole",
]

LEFTOVER_AGE = 3600.0
"""Seconds after which a temporary file has no living writer any more."""

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_DENIED = {errno.EACCES, errno.EPERM, errno.EROFS}
_NO_LINKS = {errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS}


def _fault(error: OSError, place: Path | str) -> MaquetteError:
    reason = error.strerror or str(error)
    if error.errno in _FULL:
        return StorageFull(f"no space left for {place}: {reason}")
    if error.errno in _DENIED:
        hint = "check who owns this folder, and that its disk is not mounted read-only"
        return ProjectUnreadable(f"no access to {place}: {reason}", hint=hint)
    hint = "check that this is a folder on a disk that works"
    return ProjectUnreadable(f"cannot use {place}: {reason}", hint=hint)


@contextmanager
def told(place: Path | str) -> Iterator[None]:
    """Turn what the operating system refuses here into words.

    Raises:
        StorageFull: no space, over the quota, or over the file size limit.
        ProjectUnreadable: anything else.
    """
    try:
        yield
    except OSError as error:
        raise _fault(error, place) from error


def sync_folder(folder: Path) -> None:
    """Make the names in a folder survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno != errno.EINVAL:  # a file system without this has nothing to wait for
            raise
    finally:
        os.close(descriptor)


def make_folder(folder: Path) -> None:
    """Make a folder, and those above it, durably. One that is there already is fine."""
    if folder.is_dir():
        return
    make_folder(folder.parent)
    folder.mkdir(exist_ok=True)
    sync_folder(folder.parent)


def temporary(folder: Path, prefix: str) -> Path:
    """A name nobody else uses, for a file that is not finished."""
    return folder / f"{prefix}{os.getpid()}-{secrets.token_hex(8)}"


def write_whole(path: Path, data: bytes, partial: Path) -> None:
    """Write a read-only file by way of the name ``partial`` in the same file system.

    ``path`` is absent (or as it was) or whole at every moment. The caller syncs the folder.

    Raises:
        OSError: with nothing of ``partial`` left behind.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    descriptor = os.open(partial, flags, 0o444)
    try:
        try:
            rest = memoryview(data)
            while rest:
                rest = rest[os.write(descriptor, rest) :]
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        partial.replace(path)
    except BaseException:
        with suppress(OSError):
            partial.unlink()
        raise


def publish(partial: Path, path: Path) -> bool:
    """Give a finished file its name, unless somebody was faster.

    Returns:
        Whether this file is the one that now has the name. ``partial`` is gone either way.
    """
    descriptor = os.open(partial, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    try:
        path.hardlink_to(partial)  # unlike a rename it fails when the name is taken
        won = True
    except FileExistsError:
        won = False
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        won = not path.exists()
        if won:
            partial.rename(path)
    partial.unlink(missing_ok=True)
    sync_folder(path.parent)
    return won


def sweep(folder: Path, prefix: str) -> None:
    """Remove what killed writers left in a folder under temporary names, if it is old enough.

    Best effort: a leftover is never listed, so one that cannot be removed does no harm.
    """
    with suppress(OSError):
        for path in folder.glob(f"{prefix}*"):
            with suppress(OSError):
                if time.time() - path.stat().st_mtime > LEFTOVER_AGE:
                    path.unlink()
