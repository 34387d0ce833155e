"""The face: its addresses, and its errors."""

from __future__ import annotations

import time
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from maquette.server.answers import answer
from maquette.server.compat.asking import ask, made
from maquette.server.compat.faces import Face, Refusal
from maquette.server.compat.home import context_of, room_of, studio_with
from maquette.server.compat.pictures import out_base64, released

__all__ = ["face"]


def face() -> Face:
    """See ``compat.faces``."""
    return Face(
        name="openai",
        paths=r"/v1(/|$)",
        routes=((("POST",), "/v1/images/generations", generations),),
        refuse=refuse,
    )


async def generations(request: Request) -> Response:
    context, room = context_of(request), await room_of(request)
    body = await request.json()
    studio = studio_with(context, room, None)
    jobs = await ask(context, room, lambda: studio.orders.generate(body["prompt"]))
    data = [{"b64_json": out_base64(released(room, each))} for each in made(room, jobs)]
    return answer({"created": int(time.time()), "data": data})


def refuse(refusal: Refusal) -> Response:
    error: dict[str, Any] = {
        "message": refusal.text,
        "type": "server_error" if refusal.status >= 500 else "invalid_request_error",
        "param": None,
        "code": refusal.code,
    }
    return answer({"error": error}, refusal.status, refusal.headers)
