"""Comparing: what changed from one version to another; which drafts to look at first."""

from __future__ import annotations

import math
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from maquette.core.picture import encode_png
from maquette.core.raster import difference
from maquette.server.answers import FOREVER, answer, encoded, fresh, unchanged
from maquette.server.context import Open, Room
from maquette.server.described import fails, picture_answer
from maquette.server.shapes_work import (
    ComparisonOut,
    HeatChangeOut,
    PickOut,
    Selection,
    SelectionAsk,
)

__all__ = ["compared", "router"]

router = APIRouter(prefix="/projects/{project}", tags=["comparing"])

Before = Annotated[
    str,
    Query(min_length=1, max_length=80, description="The earlier version.", examples=["@~1"]),
]
After = Annotated[
    str, Query(min_length=1, max_length=80, description="The later version.", examples=["@"])
]


@router.get(
    "/compare",
    summary="Compare two versions",
    response_model=ComparisonOut,
    responses=fails(404, 409, 422, 503),
)
def compare(room: Open, request: Request, before: Before, after: After) -> Response:
    """Pixels, words, parameters, and how each word's share of the attention went."""
    first, second = room.studio.version(before), room.studio.version(after)
    etag = f'"{first.id[:20]}-{second.id[:20]}"'
    if unchanged(request, etag):
        return Response(status_code=304, headers=fresh(etag))
    body = room.answers.get(("compare", etag), lambda: encoded(compared(room, first.id, second.id)))
    return answer(body, headers=fresh(etag))


@router.get(
    "/compare/difference.png",
    summary="See the difference",
    response_class=Response,
    responses={
        **picture_answer("image/png", says="Black where nothing changed."),
        **fails(404, 409, 422, 503),
    },
)
def get_difference(room: Open, request: Request, before: Before, after: After) -> Response:
    """Where and how much the pixels differ, at the smaller picture's size."""
    first, second = room.studio.version(before), room.studio.version(after)
    etag = f'"difference-{first.image[:20]}-{second.image[:20]}"'
    named = (before, after) == (first.id, second.id)
    headers = fresh(etag, FOREVER if named else "private, no-cache")
    if unchanged(request, etag):
        return Response(status_code=304, headers=headers)
    body = room.answers.get(("difference", etag), lambda: _difference(room, first.id, second.id))
    return Response(body, 200, headers, "image/png")


@router.post(
    "/selection",
    summary="Suggest which drafts to look at",
    response_model=Selection,
    responses=fails(400, 404, 409, 422, 503),
)
def select(room: Open, body: SelectionAsk) -> Response:
    """The drafts by score, best first, with the few that are good and unlike one another marked as
    suggested, each with the reason. Rejected ones are left out."""
    picks = room.studio.select(body.versions, count=body.count)
    return answer(
        Selection(
            items=[
                PickOut(
                    version=pick.version.id,
                    score=_number(pick.score) or 0.0,
                    focus=_number(pick.focus),
                    technique=pick.technique,
                    faults=_number(pick.faults) or 0.0,
                    suggested=pick.suggested,
                    reason=pick.reason,
                )
                for pick in picks
            ]
        )
    )


def compared(room: Room, before: str, after: str) -> ComparisonOut:
    """What changed from one version to another, both by their full ids."""
    found = room.studio.compare(before, after)
    size = room.studio.version(after).size
    return ComparisonOut(
        before=before,
        after=after,
        changed_pixels=found.changed_pixels,
        changed_share=round(min(1.0, found.changed_pixels / size.area), 6),
        psnr=_number(found.psnr),
        ssim=_number(found.ssim) or 0.0,
        faces=_number(found.faces),
        words=found.words,
        parameters={name: list(pair) for name, pair in found.parameters.items()},
        maps_change=[
            HeatChangeOut(
                token=item.token, before=round(item.before, 5), after=round(item.after, 5)
            )
            for item in found.heat
        ],
    )


def _difference(room: Room, before: str, after: str) -> bytes:
    from PIL import Image

    old = room.studio.picture(before).convert("RGB")
    new = room.studio.picture(after).convert("RGB")
    small = min(old.size, new.size, key=lambda size: size[0] * size[1])
    resized = [
        image if image.size == small else image.resize(small, Image.Resampling.LANCZOS)
        for image in (old, new)
    ]
    import numpy as np

    return encode_png(difference(np.asarray(resized[0]), np.asarray(resized[1])))


def _number(value: float | None) -> float | None:
    return round(value, 4) if value is not None and math.isfinite(value) else None
