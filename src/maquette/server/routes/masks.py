"""Masks: painted in the browser, or from a box, a polygon, a word, a colour, the alpha."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from fastapi import APIRouter, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from PIL import Image
from pydantic import ValidationError

from maquette.core.picture import encode_png
from maquette.errors import TraceMissing
from maquette.server.answers import answer
from maquette.server.context import Open, Room
from maquette.server.described import fails
from maquette.server.guard import MAX_JSON
from maquette.server.problems import HttpRefused
from maquette.server.shapes_work import MaskAsk, MaskOut
from maquette.server.uploads import PictureBody, upload_body

__all__ = ["keep_mask", "make_mask_of", "router"]

router = APIRouter(prefix="/projects/{project}", tags=["pictures"])

_JSON = {
    "application/json": {
        "schema": {"$ref": "#/components/schemas/MaskAsk"},
        "examples": {
            "word": {"value": {"version": "@", "token": "moon", "grow": 4}},
            "box": {"value": {"version": "@", "box": [0, 120, 256, 60]}},
        },
    }
}


@router.post(
    "/masks",
    status_code=201,
    summary="Keep a mask",
    response_model=MaskOut,
    responses=fails(400, 404, 409, 413, 415, 422, 503),
    openapi_extra=upload_body(
        "A mask as a picture of the version's size, white = edit; or, as JSON, how to make one.",
        kind="image/png",
        more=_JSON,
    ),
)
def make_mask(
    room: Open,
    request: Request,
    data: PictureBody,
    version: Annotated[
        str | None,
        Query(
            min_length=1,
            max_length=80,
            description="Of a painted mask: the version it is for.",
            examples=["@"],
        ),
    ] = None,
) -> Response:
    """A mask, kept beside the pictures under its digest, which `inpaint` takes. A picture with
    transparency counts by its alpha where its colours are all alike, so both white-on-black and
    painted-on-nothing masks work."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "application/json":
        return _kept(room, make_mask_of(room, _read(data)))
    if not kind.startswith("image/") and kind != "application/octet-stream":
        raise HttpRefused(
            415, "kind-refused", f"no mask comes as '{kind}'", hint="image/png or application/json"
        )
    if version is None:
        raise RequestValidationError(
            [{"loc": ("query", "version"), "msg": "a painted mask is for a version: name it"}]
        )
    return _kept(room, room.studio.read_mask(data, room.studio.version(version)))


def _read(data: bytes) -> MaskAsk:
    if len(data) > MAX_JSON:
        raise HttpRefused(413, "body-too-large", "more corners than a mask needs", hint="use fewer")
    try:
        return MaskAsk.model_validate_json(data)
    except ValidationError as error:
        raise RequestValidationError(
            [{**item, "loc": ("body", *item["loc"])} for item in error.errors()]
        ) from error


def make_mask_of(room: Room, asked: MaskAsk) -> Image.Image:
    """The mask that was asked for; nothing is drawn for it.

    Raises:
        TraceMissing: a word of a version without token maps.
        SettingRefused, MaskRefused, WordUnknown, VersionUnknown, AmbiguousVersion.
    """
    colour = asked.colour
    if asked.token is not None and not room.has_maps(room.studio.version(asked.version)):
        # The library would draw them now, which is a worker's business.
        raise TraceMissing(
            "this version has no token maps to make a mask from",
            hint="ask for them with 'explain' and a caption, or paint the mask",
        )
    return room.studio.mask(
        asked.version,
        box=asked.box,
        polygon=asked.polygon,
        token=asked.token,
        colour=(colour.x, colour.y, colour.tolerance) if colour else None,
        alpha=bool(asked.alpha),
        threshold=asked.threshold,
        grow=asked.grow,
        feather=asked.feather,
        invert=asked.invert,
    )


def keep_mask(room: Room, mask: Image.Image) -> MaskOut:
    """Keep a mask beside the pictures, and say what it covers."""
    digest = room.studio.blobs.put(encode_png(mask))
    left, top, right, bottom = mask.getbbox() or (0, 0, 0, 0)
    white = float(np.asarray(mask, dtype=np.float32).mean()) / 255
    return MaskOut(
        digest=digest,
        width=mask.width,
        height=mask.height,
        area=round(white, 6),
        box=[left, top, right - left, bottom - top],
    )


def _kept(room: Room, mask: Image.Image) -> Response:
    found = keep_mask(room, mask)
    where = f"/api/v1/projects/{room.id}/pictures/{found.digest}"
    return answer(found, 201, {"Location": where})
