"""Polishing: retouch, restore, composites and logos as jobs; layers as a file."""

from __future__ import annotations

import io
import tempfile
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Response

from maquette import operations
from maquette.server.context import Open, Room
from maquette.server.described import fails, picture_answer
from maquette.server.routes.operations import FAILS, Key, queued
from maquette.server.shapes_polish import (
    Composite,
    LayerIn,
    LayersAsk,
    Logo,
    PictureIn,
    Restore,
    Retouch,
    RetouchPreview,
    SurfaceIn,
)
from maquette.server.shapes_work import Accepted
from maquette.stages.order import Order

__all__ = ["router"]

router = APIRouter(prefix="/projects/{project}")


@router.post(
    "/operations/retouch",
    status_code=202,
    tags=["operations"],
    summary="Change light and colour",
    response_model=Accepted,
    responses=FAILS,
)
def retouch(room: Open, body: Retouch, key: Key = None) -> Response:
    """By numbers, the same every time. With a mask every other pixel keeps its bytes."""

    return queued(room, body, key, lambda: _retouch(room, body), body.priority)


@router.post(
    "/previews/retouch",
    tags=["pictures"],
    summary="See a retouch before it is done",
    response_class=Response,
    responses={
        **picture_answer("image/webp", says="What it would make, no larger than asked for."),
        **fails(400, 404, 409, 413, 422, 503),
    },
)
def preview_retouch(room: Open, body: RetouchPreview) -> Response:
    """The work itself on fewer pixels, at once. Nothing is kept."""
    image = room.studio.preview(_retouch(room, body), side=body.side)
    buffer = io.BytesIO()
    image.save(buffer, format="WEBP", quality=92, method=1)
    return Response(buffer.getvalue(), 200, {"Cache-Control": "no-store"}, "image/webp")


@router.post(
    "/operations/restore",
    status_code=202,
    tags=["operations"],
    summary="Draw faces anew",
    response_model=Accepted,
    responses=FAILS,
)
def restore(room: Open, body: Restore, key: Key = None) -> Response:
    """By a network of the server's `restorers`; each face is mixed in at `strength`."""
    given = body.model_dump(exclude={"priority"})
    return queued(room, body, key, lambda: room.studio.orders.restore(**given), body.priority)


@router.post(
    "/operations/composite",
    status_code=202,
    tags=["operations"],
    summary="Lay pictures on a version",
    response_model=Accepted,
    responses=FAILS,
)
def composite(room: Open, body: Composite, key: Key = None) -> Response:
    """What no layer covers keeps its bytes. Pictures are kept with `controls` first."""
    return queued(
        room,
        body,
        key,
        lambda: room.studio.orders.composite(
            body.version, [_layer(room, layer) for layer in body.layers]
        ),
        body.priority,
    )


@router.post(
    "/operations/logo",
    status_code=202,
    tags=["operations"],
    summary="Put a logo on a thing",
    response_model=Accepted,
    responses=FAILS,
)
def logo(room: Open, body: Logo, key: Key = None) -> Response:
    """In its own proportions, bent and lit as the thing is. The version's findings say how
    faithfully it stands there."""

    def order() -> Any:
        given = body.model_dump(exclude={"priority", "logo", "surface"})
        return room.studio.orders.logo(
            **given, logo=_picture(room, body.logo), surface=_surface(body.surface)
        )

    return queued(room, body, key, order, body.priority)


@router.post(
    "/layers",
    tags=["releasing"],
    summary="Export layers",
    response_class=Response,
    responses={
        **picture_answer("image/vnd.adobe.photoshop", says="The file."),
        **fails(400, 404, 409, 422, 503),
    },
)
def export_layers(room: Open, body: LayersAsk) -> Response:
    """A PSD: the picture that the version's work began with, and each edit since as a layer with
    its mask. `imports?of=` takes the retouched file back."""
    version = room.studio.version(body.version)
    name = f"{room.id}-{version.short}.psd"
    with tempfile.TemporaryDirectory(prefix="maquette-layers-") as folder:
        done = room.studio.export_layers(version, Path(folder) / name, prompts=body.prompts)
        data = done.path.read_bytes()
    headers = {
        "Content-Disposition": f'attachment; filename="{name}"',
        "Cache-Control": "no-store",
        "X-Maquette-Digest": done.digest,
    }
    return Response(data, 200, headers, "image/vnd.adobe.photoshop")


def _retouch(room: Room, body: Retouch) -> Order:
    given = body.model_dump(exclude={"priority", "curves", "palette", "mask", "side"})
    return room.studio.orders.retouch(
        **given,
        curves=[(curve.channel, curve.points) for curve in body.curves],
        palette=_picture(room, body.palette) if body.palette is not None else None,
        mask=room.studio.blobs.get(body.mask) if body.mask is not None else None,
    )


def _picture(room: Room, given: PictureIn) -> Any:
    """Bytes or a version: never a name that could be a file's."""
    if given.image is not None:
        return room.studio.blobs.get(given.image)
    return room.studio.version(given.version or "@")


def _surface(given: SurfaceIn | None) -> Any:
    if given is None:
        return None
    return operations.surface(given.corners, arc=given.arc, bend=given.bend)


def _layer(room: Room, given: LayerIn) -> operations.Placed:
    return operations.Placed(
        _picture(room, given),
        at=given.at,
        box=given.box,
        stand=given.stand,
        surface=_surface(given.surface),
        crop=given.crop,
        opacity=given.opacity,
        blend=given.blend,
        shading=given.shading,
        shadow=given.shadow,
        mask=room.studio.blobs.get(given.mask) if given.mask is not None else None,
        feather=given.feather,
    )
