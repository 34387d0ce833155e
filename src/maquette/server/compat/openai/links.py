"""Links to pictures, as that API's older models answer them: open to whoever has them, for an
hour, on this server alone."""

from __future__ import annotations

import hashlib
import hmac
import time
from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from maquette.server.compat.home import context_of, room_of
from maquette.server.compat.pictures import Format, released
from maquette.server.problems import HttpRefused

if TYPE_CHECKING:
    from maquette.server.context import Context, Room

__all__ = ["OPEN", "PATH", "get_file", "link_to"]

PATH = "/v1/images/files/{version}.{ending}"
OPEN = r"/v1/images/files/"
SECONDS = 3600
_ENDINGS: dict[str, Format] = {"png": "png", "jpg": "jpeg", "webp": "webp"}


def link_to(request: Request, room: Room, version: str, format: Format) -> str:
    """Where the picture of a version lies for an hour."""
    ending = next(name for name, kind in _ENDINGS.items() if kind == format)
    until = int(time.time()) + SECONDS
    path = f"/p/{room.id}" + PATH.format(version=version, ending=ending)
    base = str(request.base_url).rstrip("/")
    return f"{base}{path}?until={until}&signature={_signature(context_of(request), path, until)}"


async def get_file(request: Request) -> Response:
    """The file of a link."""
    until, given = request.query_params.get("until", ""), request.query_params.get("signature", "")
    known = until.isdigit() and len(until) < 12 and int(until) > time.time()
    path = request.url.path
    if not known or not hmac.compare_digest(
        given.encode(), _signature(context_of(request), path, int(until)).encode()
    ):
        raise HttpRefused(403, "link-expired", "this link does not hold, or no longer")
    room = await room_of(request)
    format = _ENDINGS.get(request.path_params["ending"], "png")

    def file() -> bytes:
        version = room.studio.version(request.path_params["version"])
        return released(room, version, format)

    headers = {"Cache-Control": "private, max-age=3600"}
    return Response(await run_in_threadpool(file), 200, headers, f"image/{format}")


def _signature(context: Context, path: str, until: int) -> str:
    access = context.access
    key = f"{access.csrf} {access.token or ''}".encode()
    return hmac.new(key, f"picture {path} {until}".encode(), hashlib.sha256).hexdigest()
