"""Uploads and views: pictures that come and go by names."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from starlette.datastructures import FormData, UploadFile
from starlette.responses import Response

from maquette.core.picture import decode_picture
from maquette.core.recipe import Digest
from maquette.errors import PictureRefused
from maquette.server.compat.comfyui import files
from maquette.server.problems import HttpRefused

if TYPE_CHECKING:
    from maquette.server.compat.comfyui.board import Board
    from maquette.server.context import Room

__all__ = ["MOST_BYTES", "Fields", "fields_of", "keep", "keep_mask", "view"]

MOST_BYTES = 100 * 2**20
"""Bytes of an upload."""

_WHOLE = ("", "rgba")


@dataclass(frozen=True)
class Fields:
    """A form: its picture, the name it came under, and the plain fields."""

    data: bytes
    name: str
    plain: Mapping[str, str]

    @property
    def folder(self) -> str:
        """Where it is to lie: input, temp or output."""
        return self.plain.get("type") or "input"


async def fields_of(form: FormData) -> Fields:
    """Read a form.

    Raises:
        PictureRefused: no picture in it, or too large a one.
    """
    image = form.get("image")
    if not isinstance(image, UploadFile) or not image.filename:
        raise PictureRefused("the form has no picture", hint="send it as the field 'image'")
    if image.size is not None and image.size > MOST_BYTES:
        raise PictureRefused(f"the picture has more than {MOST_BYTES // 2**20} MB")
    plain = {key: value for key, value in form.items() if isinstance(value, str)}
    return Fields(await image.read(), image.filename, plain)


def keep(room: Room, board: Board, fields: Fields) -> dict[str, str]:
    """Keep an upload under its name, or under one with a number where another has it.

    Raises:
        PictureRefused: no picture, or a name that leads out of its folder.
    """
    return _kept(room, board, fields, fields.data)


def keep_mask(room: Room, board: Board, fields: Fields) -> dict[str, str]:
    """Keep the picture that ``original_ref`` names with the upload's transparency.

    Raises:
        PictureRefused: no such picture, or one of the two is none.
    """
    try:
        told = json.loads(fields.plain.get("original_ref", ""))
        name = files.safe_name(str(told["filename"]), str(told.get("subfolder") or ""))
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise PictureRefused(
            "the form does not say which picture was painted on", hint="send original_ref"
        ) from error
    original = _found(room, board, name)
    if original is None:
        raise PictureRefused(f"there is no picture '{name[:100]}'", hint="upload it first")
    return _kept(room, board, fields, files.with_alpha(original, fields.data))


def _kept(room: Room, board: Board, fields: Fields, data: bytes) -> dict[str, str]:
    decode_picture(data)  # what is no picture is not kept
    subfolder = fields.plain.get("subfolder", "")
    name = files.safe_name(fields.name, subfolder)
    digest: Digest = room.studio.blobs.put(data)
    if fields.plain.get("overwrite", "").lower() not in {"true", "1"}:
        stem, dot, ending = name.rpartition(".")
        stem, ending = (stem, dot + ending) if dot else (name, "")
        count = 1
        while board.files.get(name, digest) != digest:
            name = f"{stem} ({count}){ending}"
            count += 1
    board.remember(name, digest)
    folder, _, plain = name.rpartition("/")
    return {"name": plain, "subfolder": folder, "type": fields.folder}


def view(room: Room, board: Board, query: Mapping[str, str]) -> Response:
    """A picture by its name, as it is or in the form asked for.

    Raises:
        PictureRefused: a name that leads out of its folder.
        HttpRefused: there is none of this name.
    """
    asked, subfolder = query.get("filename", ""), query.get("subfolder", "")
    name = files.safe_name(files.plain_name(asked), subfolder)
    wanted, channel = query.get("preview", ""), query.get("channel", "")
    version = files.version_named(room, board, name)
    if version is not None and not wanted and channel in _WHOLE:
        data = files.released_png(room, version, board.maker(name))
        kind = "image/png"
    else:
        found = _found(room, board, name)
        if found is None:
            raise HttpRefused(404, "not-found", "there is no such picture", hint="see /history")
        data, kind = found, _kind(found)
        if wanted or channel not in _WHOLE:
            data, kind = files.as_preview(data, wanted, channel)
    plain = name.rpartition("/")[2].replace('"', "")
    headers = {
        "Content-Disposition": f'filename="{plain.encode("ascii", "replace").decode()}"',
        "Cache-Control": "no-cache",
    }
    return Response(data, 200, headers, kind)


def _found(room: Room, board: Board, name: str) -> bytes | None:
    version = files.version_named(room, board, name)
    if version is not None:
        return room.studio.blobs.get(version.image)
    digest = board.files.get(name)
    return room.studio.blobs.get(digest) if digest is not None else None


def _kind(data: bytes) -> str:
    if data.startswith(b"\x89PNG"):
        return "image/png"
    if data.startswith(b"\xff\xd8"):
        return "image/jpeg"
    return "image/webp" if data[8:12] == b"WEBP" else "application/octet-stream"
