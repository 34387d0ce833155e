"""The face: its addresses, and the way of each call."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from maquette.core.version import Version
from maquette.server.answers import answer
from maquette.server.compat.asking import ask, made, while_connected
from maquette.server.compat.bodies import form_body, json_body
from maquette.server.compat.drawing import enlarged
from maquette.server.compat.faces import Face
from maquette.server.compat.home import context_of, room_of
from maquette.server.compat.openai.answering import answered, headers_for, refuse
from maquette.server.compat.openai.asked import (
    Asked,
    Edit,
    Generation,
    ParameterRefused,
    Variation,
    read,
)
from maquette.server.compat.openai.links import OPEN, PATH, get_file
from maquette.server.compat.openai.making import edit_order, generation_order, variation_order
from maquette.server.compat.openai.streaming import streamed
from maquette.server.compat.pictures import Format, in_base64
from maquette.server.context import Room
from maquette.server.problems import HttpRefused
from maquette.stages.order import Order

__all__ = ["face"]

_ALL = ("GET", "POST", "PUT", "PATCH", "DELETE")


def face() -> Face:
    """See ``compat.faces``."""
    return Face(
        name="openai",
        paths=r"/v1(/|$)",
        routes=(
            (("POST",), "/v1/images/generations", generations),
            (("POST",), "/v1/images/edits", edits),
            (("POST",), "/v1/images/variations", variations),
            (("GET",), PATH, get_file),
            (("GET",), "/v1/models", list_models),
            (("GET",), "/v1/models/{model}", get_model),
            (_ALL, "/v1/{rest:path}", nothing_here),
        ),
        refuse=refuse,
        open_paths=OPEN,
    )


async def generations(request: Request) -> Response:
    """``POST /v1/images/generations``."""
    began = time.perf_counter()
    context, room = context_of(request), await room_of(request)
    asked = read(Generation, await json_body(request))

    def order() -> Order:
        return generation_order(context, room, asked)

    if asked.stream:
        return await streamed(request, room, asked, order, "image_generation")
    return await _drawn(request, room, asked, order, began)


async def edits(request: Request) -> Response:
    """``POST /v1/images/edits``."""
    began = time.perf_counter()
    context, room = context_of(request), await room_of(request)
    given, files = await _given(request)
    asked = read(Edit, given)
    pictures, masks = files.pop("image", []), files.pop("mask", [])
    if files:
        name = next(iter(files))
        raise ParameterRefused("unknown_parameter", f"Unknown parameter: '{name}'.", name)

    def order() -> Order:
        return edit_order(context, room, asked, pictures, masks[0] if masks else None)

    if asked.stream:
        return await streamed(request, room, asked, order, "image_edit")
    return await _drawn(request, room, asked, order, began)


async def variations(request: Request) -> Response:
    """``POST /v1/images/variations``."""
    began = time.perf_counter()
    context, room = context_of(request), await room_of(request)
    given, files = await _given(request)
    asked = read(Variation, given)
    pictures = files.get("image", [])
    if not pictures:
        raise ParameterRefused(
            "missing_required_parameter", "Missing required parameter: 'image'.", "image"
        )
    return await _drawn(
        request,
        room,
        asked,
        lambda: variation_order(context, room, asked, pictures[0]),
        began,
    )


async def _given(request: Request) -> tuple[Mapping[str, Any], dict[str, list[bytes]]]:
    """A call's fields and files: a form, or JSON whose ``images`` are data URLs."""
    if not request.headers.get("content-type", "").startswith("application/json"):
        return await form_body(request)
    given = await json_body(request)
    files: dict[str, list[bytes]] = {}
    for name, values in (("image", given.pop("images", None)), ("mask", given.pop("mask", None))):
        for value in values if isinstance(values, list) else [values] if values else []:
            link = value.get("image_url") if isinstance(value, dict) else value
            if not isinstance(link, str) or not link.startswith("data:"):
                raise ParameterRefused(
                    "invalid_value", "Pictures are taken as data URLs, or as a form.", name
                )
            files.setdefault(name, []).append(in_base64(link))
    return given, files


async def _drawn(
    request: Request, room: Room, asked: Asked, order: Callable[[], Order], began: float
) -> Response:
    context = context_of(request)

    async def work() -> list[Version]:
        jobs = await ask(context, room, order)
        drawn = await run_in_threadpool(made, room, jobs)
        return await enlarged(context, room, drawn, asked.wanted, "openai")

    versions = await while_connected(request, asyncio.create_task(work()))
    format: Format = getattr(asked, "format", "png")
    body = await run_in_threadpool(
        lambda: answered(
            request,
            room,
            versions,
            format=format,
            level=getattr(asked, "level", 92),
            by_link=asked.by_link,
            quality=getattr(asked, "preset", "final"),
        )
    )
    return answer(body, headers=headers_for(began, room))


async def list_models(request: Request) -> Response:
    """``GET /v1/models``: those of this server, the default first."""
    began, offers = time.perf_counter(), context_of(request).catalogue.offers()
    body = {"object": "list", "data": [_model(offer.name) for offer in offers]}
    return answer(body, headers=headers_for(began))


async def get_model(request: Request) -> Response:
    """``GET /v1/models/{model}``."""
    began, name = time.perf_counter(), request.path_params["model"]
    if name not in {offer.name for offer in context_of(request).catalogue.offers()}:
        raise HttpRefused(404, "model_not_found", f"The model '{name[:100]}' does not exist")
    return answer(_model(name), headers=headers_for(began))


async def nothing_here(request: Request) -> Response:
    """Everything else below ``/v1``."""
    where = f"{request.method} {request.url.path[:200]}"
    raise HttpRefused(
        404, "unknown_url", f"Unknown request URL: {where}", hint="this server draws: /v1/images"
    )


def _model(name: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": 0, "owned_by": "maquette"}
