"""Pictures and thumbnails: named by their digest, so they never change."""

from __future__ import annotations

from enum import IntEnum
from typing import Annotated

from fastapi import APIRouter, Path, Request, Response

from maquette.core.picture import decode_picture
from maquette.core.swatches import swatches
from maquette.errors import BlobMissing
from maquette.server.answers import FOREVER, answer, encoded, fresh, unchanged
from maquette.server.context import Open, Room
from maquette.server.described import fails, picture_answer
from maquette.server.shapes_plan import PaletteOut, SwatchOut

__all__ = ["router"]

router = APIRouter(prefix="/projects/{project}", tags=["pictures"])

PictureDigest = Annotated[
    str,
    Path(
        pattern=r"^[0-9a-f]{64}$",
        description="The digest of a picture, as versions name it.",
        examples=["c0ffee254729296a45a3885639ac7e10f9d54979c0ffee254729296a45a38856"],
    ),
]
_PNG = b"\x89PNG\r\n\x1a\n"


class Side(IntEnum):
    """How long a thumbnail's longer side may be, in pixels."""

    S64 = 64
    S128 = 128
    S256 = 256
    S512 = 512
    S1024 = 1024


@router.get(
    "/pictures/{digest}",
    summary="Get a picture",
    response_class=Response,
    responses={**picture_answer("image/png", says="The picture itself."), **fails(404, 422, 503)},
)
def get_picture(room: Open, request: Request, digest: PictureDigest) -> Response:
    """The PNG of a version or a mask, every pixel of it."""
    etag = f'"{digest}"'
    if unchanged(request, etag) and digest in room.studio.blobs:
        return Response(status_code=304, headers=fresh(etag, FOREVER))
    return Response(_png(room, digest), 200, fresh(etag, FOREVER), "image/png")


@router.get(
    "/pictures/{digest}/{side}.webp",
    summary="Get a thumbnail",
    response_class=Response,
    responses={
        **picture_answer("image/webp", says="A smaller picture, never larger than the original."),
        **fails(404, 422, 503),
    },
)
def get_thumbnail(
    room: Open,
    request: Request,
    digest: PictureDigest,
    side: Annotated[Side, Path(description="Its longer side at most.", examples=[256])],
) -> Response:
    """A picture as WebP whose longer side is at most so many pixels."""
    etag = f'"{digest[:40]}-{side:d}"'
    if unchanged(request, etag) and digest in room.studio.blobs:
        return Response(status_code=304, headers=fresh(etag, FOREVER))
    data = room.thumbnails.kept(digest, side.value)
    if data is None:
        data = room.thumbnails.make(digest, side.value, _png(room, digest))
    return Response(data, 200, fresh(etag, FOREVER), "image/webp")


@router.get(
    "/pictures/{digest}/palette",
    summary="Get a picture's colours",
    response_model=PaletteOut,
    responses=fails(404, 422, 503),
)
def get_palette(room: Open, request: Request, digest: PictureDigest) -> Response:
    """Its few colours, the largest share first, as a mood board shows them."""
    etag = f'"{digest[:40]}-palette"'
    if unchanged(request, etag) and digest in room.studio.blobs:
        return Response(status_code=304, headers=fresh(etag, FOREVER))
    found = room.answers.get(("palette", digest), lambda: _palette(room, digest))
    return answer(found, headers=fresh(etag, FOREVER))


def _palette(room: Room, digest: str) -> bytes:
    found = swatches(decode_picture(_png(room, digest)))
    return encoded(
        PaletteOut(items=[SwatchOut.model_validate(each.model_dump()) for each in found])
    )


def _png(room: Room, digest: str) -> bytes:
    data = room.studio.blobs.get(digest)
    if not data.startswith(_PNG):
        # Token maps and imported files lie beside the pictures; they are not shown as such.
        raise BlobMissing(f"no picture with the digest {digest}", hint="ask for a version's image")
    return data
