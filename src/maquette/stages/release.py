"""Release: a version as a file for the world, marked and signed, written whole or not at all."""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from maquette.core.canonical import sha256_hex
from maquette.core.picture import decode_picture
from maquette.core.recipe import Import
from maquette.core.version import Version
from maquette.errors import ExportRefused, StorageFull
from maquette.exchange.export import Format, export_picture
from maquette.exchange.keys import Identity
from maquette.storage.base import Blobs

__all__ = ["Release", "release", "write_whole"]

FORMATS: dict[str, Format] = {".png": "png", ".jpg": "jpeg", ".jpeg": "jpeg", ".webp": "webp"}


@dataclass(frozen=True)
class Release:
    """The written file: its path, format, bytes, SHA-256, and whether it is signed."""

    path: Path
    format: str
    bytes: int
    digest: str
    signed: bool


def release(
    chain: Sequence[Version],
    path: Path,
    *,
    blobs: Blobs,
    identity: Identity | None,
    format: str | None = None,
    quality: int = 92,
    prompts: bool = True,
) -> Release:
    """Write the last version of a chain (oldest first) to ``path``.

    Raises:
        ExportRefused: unknown format, or the place cannot be written.
        StorageFull, BlobMissing, BlobDamaged.
    """
    version = chain[-1]
    kind = FORMATS.get(f".{format.lower()}" if format else path.suffix.lower())
    if kind is None:
        raise ExportRefused(
            f"no release is written as '{format or path.name}'",
            hint="end the name in .png, .jpg or .webp",
        )
    by_id = {item.id: item for item in chain}
    parent = by_id.get(version.parents[0]) if version.parents else None
    first = chain[0].recipe.task
    original = first.original if isinstance(first, Import) else None
    data = export_picture(
        decode_picture(blobs.get(version.image)),
        version=version,
        chain=chain,
        parent_image=blobs.get(parent.image) if parent else None,
        original=blobs.get(original) if original else None,
        format=kind,
        quality=quality,
        prompts=prompts,
        identity=identity,
    )
    write_whole(path, data)
    return Release(path, kind, len(data), sha256_hex(data), identity is not None)


def write_whole(path: Path, data: bytes) -> None:
    """Write a file under another name first, so that there is never half of one.

    Raises:
        ExportRefused: the place cannot be written.
        StorageFull.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            Path(temporary).chmod(0o644)
            Path(temporary).replace(path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise StorageFull(f"no space left to write {path}") from error
        raise ExportRefused(
            f"cannot write {path}: {error.strerror or error}", hint="choose another place"
        ) from error
