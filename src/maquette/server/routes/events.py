"""Events: what happens in a project, as it happens. The only route that is asynchronous."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Header, Query
from fastapi.responses import StreamingResponse

from maquette.server.context import Here, Open
from maquette.server.described import fails

__all__ = ["router"]

router = APIRouter(prefix="/projects/{project}", tags=["events"])

_EXAMPLE = """event: hello
data: {"last":41,"complete":true}

id: 42
event: progress
data: {"step":3,"steps":40,"seconds_left":5.1,"job":"5f0c9f5e6f8c4f0f9a3e2b1d0c9b8a77"}

"""


@router.get(
    "/events",
    summary="Listen to a project",
    response_class=StreamingResponse,
    responses={
        200: {
            "description": "Server-sent events.",
            "content": {"text/event-stream": {"schema": {"type": "string"}, "example": _EXAMPLE}},
        },
        **fails(404, 422, 503),
    },
)
async def listen(
    room: Open,
    context: Here,
    after: Annotated[
        int | None,
        Query(ge=0, le=2**62, description="Go on after this event.", examples=[41]),
    ] = None,
    last: Annotated[
        str | None,
        Header(
            alias="Last-Event-ID",
            max_length=20,
            description="The same, as browsers send it when they reconnect; it counts first.",
        ),
    ] = None,
) -> StreamingResponse:
    """Server-sent events: `job` (a job's new state, with all that `jobs/{job}` says), `progress`
    {job, step, steps, seconds_left}, `preview` {job, step, image}, `version` {id, job}, `mark`
    {version, kind, value}, `findings` {version, count}.

    The first event is `hello` {last, complete}. With `Last-Event-ID` or `after` no event after
    that one is left out; where `complete` is false (it is too long ago) everything must be loaded
    anew. Without either the stream starts now. Every 15 seconds of silence a comment comes.
    """
    since = int(last) if last is not None and last.isascii() and last.isdigit() else after
    feed = context.feeds.open(room.id, room.journal)
    return StreamingResponse(
        feed.listen(since),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )
