"""Operations: what makes new versions. Those that draw answer with the jobs that wait for it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Response

from maquette.core.picture import FORMATS
from maquette.server.answers import answer
from maquette.server.context import Context, Here, Open, Room, VersionRef
from maquette.server.described import fails
from maquette.server.listing import summary_of
from maquette.server.shapes import Body, Summary
from maquette.server.shapes_steering import STEERING, Steered, steering_of
from maquette.server.shapes_templates import Fill, Play
from maquette.server.shapes_work import (
    Accepted,
    Apply,
    Explain,
    Explore,
    Generate,
    Inpaint,
    Judge,
    Outpaint,
    Refine,
    Reweight,
    Rollback,
    Upscale,
    Vary,
)
from maquette.server.uploads import PictureBody, upload_body
from maquette.stages.order import Order

__all__ = ["FAILS", "Key", "queued", "router"]

router = APIRouter(prefix="/projects/{project}", tags=["operations"])

Key = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        max_length=200,
        description="The same key again answers what the first request with it was answered.",
        examples=["4a7d1ed4-14474e40"],
    ),
]
FAILS = fails(400, 404, 409, 413, 422, 503)


def queued(
    room: Room, body: Body, key: str | None, order: Callable[[], Order], priority: int
) -> Response:
    """The jobs of an order, waiting; the same key again answers what it was answered before."""
    stored = room.keys.checked(key, body)
    jobs = room.submit(order(), priority=priority, key=stored)
    room.tracker.catch_up()
    items = [room.tracker.out(job) for job in jobs]
    return answer(Accepted(group=jobs[0].group, jobs=items), 202)


def _given(room: Room, body: Steered, *without: str) -> dict[str, Any]:
    """A body's fields as arguments of its order, pictures read."""
    given = body.model_dump(exclude={"priority", *STEERING, *without})
    return given | steering_of(room.studio.blobs, room.studio.version, body)


@router.post(
    "/operations/generate",
    status_code=202,
    summary="Draw pictures from words",
    response_model=Accepted,
    responses=FAILS,
)
def generate(room: Open, body: Generate, key: Key = None) -> Response:
    """`n` pictures, with seeds that follow each other. Words that the model never saw are told of
    in the findings of each version."""
    given = _given(room, body)
    return queued(room, body, key, lambda: room.studio.orders.generate(**given), body.priority)


@router.post(
    "/operations/fill",
    status_code=202,
    summary="Draw pictures from a template",
    response_model=Accepted,
    responses=FAILS,
)
def fill(room: Open, body: Fill, key: Key = None) -> Response:
    """Each row of values gives `n` prompts of the template, and each prompt a picture. Locked words
    stay locked in every version that comes of it; nothing is queued when a row removes one."""
    given = body.model_dump(exclude={"priority"})
    return queued(room, body, key, lambda: room.studio.orders.fill(**given), body.priority)


@router.post(
    "/operations/play",
    status_code=202,
    summary="Carry out a playbook's chain",
    response_model=Accepted,
    responses=FAILS,
)
def play(room: Open, body: Play, key: Key = None) -> Response:
    """Each step fills its template, draws, picks one, and the next goes on from it. One job, whose
    result has the steps with their versions and the one that each picked."""
    given = body.model_dump(exclude={"priority"})
    return queued(room, body, key, lambda: room.studio.orders.play(**given), body.priority)


@router.post(
    "/operations/explore",
    status_code=202,
    summary="Draw a prompt in other styles",
    response_model=Accepted,
    responses=FAILS,
)
def explore(room: Open, body: Explore, key: Key = None) -> Response:
    """The same words and seed in other styles: those near the prompt's own, or far ones that are
    far from each other too."""
    given = body.model_dump(exclude={"priority"})
    return queued(room, body, key, lambda: room.studio.orders.explore(**given), body.priority)


@router.post(
    "/operations/vary",
    status_code=202,
    summary="Draw pictures near a version",
    response_model=Accepted,
    responses=FAILS,
)
def vary(room: Open, body: Vary, key: Key = None) -> Response:
    """Image-to-image: `strength` 0 keeps the picture, 1 ignores it."""
    given = _given(room, body)
    return queued(room, body, key, lambda: room.studio.orders.vary(**given), body.priority)


@router.post(
    "/operations/refine",
    status_code=202,
    summary="Finish a draft",
    response_model=Accepted,
    responses=FAILS,
)
def refine(room: Open, body: Refine, key: Key = None) -> Response:
    """The draft's words and seed at another quality, its composition kept; the finished picture
    is a child of its draft. Another shape is refused: outpaint the missing sides afterwards."""
    given = body.model_dump(exclude={"priority"})
    return queued(room, body, key, lambda: room.studio.orders.refine(**given), body.priority)


@router.post(
    "/operations/reweight",
    status_code=202,
    summary="Let words weigh more or less",
    response_model=Accepted,
    responses=FAILS,
)
def reweight(room: Open, body: Reweight, key: Key = None) -> Response:
    """The same seed and composition, with other weights."""
    return queued(
        room,
        body,
        key,
        lambda: room.studio.orders.reweight(body.version, body.weights, begin=body.begin),
        body.priority,
    )


@router.post(
    "/operations/inpaint",
    status_code=202,
    summary="Replace what a mask covers",
    response_model=Accepted,
    responses=FAILS,
)
def inpaint(room: Open, body: Inpaint, key: Key = None) -> Response:
    """New pixels where the mask is white; every other pixel keeps its bytes."""
    given = _given(room, body, "mask")
    return queued(
        room,
        body,
        key,
        lambda: room.studio.orders.inpaint(mask=room.studio.blobs.get(body.mask), **given),
        body.priority,
    )


@router.post(
    "/operations/outpaint",
    status_code=202,
    summary="Continue a picture past its edges",
    response_model=Accepted,
    responses=FAILS,
)
def outpaint(room: Open, body: Outpaint, key: Key = None) -> Response:
    """A side grows by the picture's own width or height at most."""
    given = _given(room, body)
    return queued(room, body, key, lambda: room.studio.orders.outpaint(**given), body.priority)


@router.post(
    "/operations/upscale",
    status_code=202,
    summary="Give a picture more pixels",
    response_model=Accepted,
    responses=FAILS,
)
def upscale(room: Open, body: Upscale, key: Key = None) -> Response:
    """The same picture, larger: interpolated, or drawn by a network of the server's `upscalers`.
    What it invents stands in the findings of the new version."""
    return queued(
        room,
        body,
        key,
        lambda: room.studio.orders.upscale(
            body.version, body.scale, method=body.method, model=body.model
        ),
        body.priority,
    )


@router.post(
    "/operations/apply",
    status_code=202,
    summary="Apply a finding's suggestion",
    response_model=Accepted,
    responses=FAILS,
)
def apply(room: Open, body: Apply, key: Key = None) -> Response:
    """Carry out what a finding suggests."""
    return queued(
        room,
        body,
        key,
        lambda: room.studio.orders.apply(body.version, body.finding),
        body.priority,
    )


@router.post(
    "/operations/replay",
    status_code=202,
    summary="Run a recipe again",
    response_model=Accepted,
    responses=FAILS,
)
def replay(room: Open, body: Judge, key: Key = None) -> Response:
    """Draw the version's recipe again; nothing is kept. The job's result says whether the same
    picture came: `{verdict, psnr, reasons}`."""
    return queued(room, body, key, lambda: room.studio.orders.replay(body.version), body.priority)


@router.post(
    "/operations/critique",
    status_code=202,
    summary="Let the critics look again",
    response_model=Accepted,
    responses=FAILS,
)
def critique(room: Open, body: Judge, key: Key = None) -> Response:
    """Every critic looks at the version; what they say is kept with it."""
    return queued(room, body, key, lambda: room.studio.orders.critique(body.version), body.priority)


@router.post(
    "/versions/{version}/explain",
    status_code=202,
    summary="Make token maps",
    response_model=Accepted,
    responses=FAILS,
)
def explain(room: Open, version: VersionRef, body: Explain, key: Key = None) -> Response:
    """Token maps for a picture that came without them, from a caption that says what it shows."""
    return queued(
        room,
        body,
        key,
        lambda: room.studio.orders.explain(version, body.caption),
        body.priority,
    )


@router.post(
    "/operations/rollback",
    status_code=201,
    summary="Go back to a version",
    response_model=Summary,
    responses=FAILS,
)
def rollback(room: Open, context: Here, body: Rollback, key: Key = None) -> Response:
    """An earlier version as the newest again. Nothing is lost: what came between stays."""
    return room.keys.once(
        key, body, lambda: _made(room, context, room.studio.rollback(body.version).id)
    )


@router.post(
    "/imports",
    status_code=201,
    summary="Take in a picture",
    response_model=Summary,
    responses=FAILS,
    openapi_extra=upload_body(f"A picture: {', '.join(FORMATS)}."),
)
def import_picture(
    room: Open,
    context: Here,
    data: PictureBody,
    *,
    caption: Annotated[
        str | None, Query(max_length=4_000, description="What it shows.", examples=["a wolf"])
    ] = None,
    of: Annotated[
        str | None,
        Query(
            min_length=1,
            max_length=80,
            description="The version that it is a retouched copy of; it becomes its child.",
            examples=["@"],
        ),
    ] = None,
    key: Key = None,
) -> Response:
    """A picture from outside, with the recipe that its file tells of, if any. Formats are told by
    content; the pixels are turned upright and brought to 8 bits."""
    asked = _Import(caption=caption, of=of, digest=hashlib.sha256(data).hexdigest())
    return room.keys.once(
        key,
        asked,
        lambda: _made(
            room, context, room.studio.import_picture(data, caption=caption, of=of)[0].id
        ),
    )


class _Import(Body):
    caption: str | None
    of: str | None
    digest: str


def _made(room: Room, context: Context, version_id: str) -> Response:
    summary = summary_of(room, context, room.studio.version(version_id))
    return answer(summary, 201, {"Location": f"/api/v1/projects/{room.id}/versions/{version_id}"})
