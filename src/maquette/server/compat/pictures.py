"""Pictures in and out: what a client sends becomes a version, what it gets is a labelled file."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Literal

from maquette.core.picture import decode_picture, encode_png
from maquette.core.version import Version
from maquette.errors import PictureRefused, VersionUnknown

if TYPE_CHECKING:
    from maquette.server.context import Room

__all__ = ["Format", "altered", "in_base64", "out_base64", "released", "taken"]

Format = Literal["png", "jpeg", "webp"]


def in_base64(text: str) -> bytes:
    """The bytes of base64, with or without ``data:…;base64,`` before it.

    Raises:
        PictureRefused: it is none.
    """
    if text.startswith("data:"):
        text = text.partition(",")[2]
    try:
        return base64.b64decode(text.strip(), validate=True)
    except (binascii.Error, ValueError) as error:
        raise PictureRefused(
            "a picture's bytes are not in base64", hint="encode the whole file"
        ) from error


def out_base64(data: bytes) -> str:
    """Bytes as base64."""
    return base64.b64encode(data).decode("ascii")


def taken(room: Room, data: bytes) -> Version:
    """The version of a picture that a client sent.

    A picture of this project comes back as the version that it is, as long as no pixel was
    altered; one that was altered becomes a child of that version; any other is imported, once.

    Raises:
        PictureRefused: no picture, damaged, or too large to open safely.
        StorageFull, ProjectUnreadable.
    """
    from maquette.exchange.imports import read_metadata

    digest = room.studio.blobs.put(encode_png(decode_picture(data)))
    known = room.taken.find(digest)
    if known is not None:
        return room.studio.version(known)
    of: Version | None = None
    if told := read_metadata(data).version_id:
        with suppress(VersionUnknown):
            of = room.studio.version(told)
    if of is None or of.image != digest:
        of, _ = room.studio.import_picture(data, of=of)
    room.taken.keep(digest, of.id)
    return of


def altered(
    room: Room, data: bytes, of: Version | None, origin: Mapping[str, Any] | None = None
) -> Version:
    """The version of a picture that a client's own tools made of another one (``of``): its child,
    with what is known of how (``origin``). The same picture is taken in once.

    Raises:
        PictureRefused, StorageFull, ProjectUnreadable.
    """
    digest = room.studio.blobs.put(encode_png(decode_picture(data)))
    known = room.taken.find(digest)
    if known is not None:
        return room.studio.version(known)
    version, _ = room.studio.import_picture(data, of=of, origin=origin)
    room.taken.keep(digest, version.id)
    return version


def released(room: Room, version: Version, format: Format = "png", *, quality: int = 92) -> bytes:
    """A version's picture as a file that says what it is: made by AI, by which recipe.

    Raises:
        BlobMissing, BlobDamaged, ExportRefused.
    """
    from maquette.exchange.export import describe_png, export_picture

    studio = room.studio
    room.taken.keep(version.image, version.id)
    if format == "png":
        data = studio.blobs.get(version.image)
        return describe_png(data, version=version, chain=studio.chain(version))
    return export_picture(
        decode_picture(studio.blobs.get(version.image)),
        version=version,
        chain=studio.chain(version),
        format=format,
        quality=quality,
    )
