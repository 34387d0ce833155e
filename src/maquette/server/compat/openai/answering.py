"""That API's answers: headers, errors, pictures with what was done, streamed events."""

from __future__ import annotations

import base64
import io
import json
import math
import secrets
import time
from collections.abc import Sequence
from typing import Any

from PIL import Image
from starlette.requests import Request
from starlette.responses import Response

from maquette.core.geometry import Size
from maquette.core.version import Version
from maquette.server.answers import answer
from maquette.server.compat.faces import Refusal
from maquette.server.compat.openai.links import link_to
from maquette.server.compat.pictures import Format, out_base64, released
from maquette.server.context import Room

__all__ = [
    "NO_USAGE",
    "answered",
    "completed",
    "event",
    "headers_for",
    "partial",
    "refuse",
    "stated",
]

QUALITIES = {"draft": "low", "preview": "medium", "final": "high"}
NO_USAGE = {
    "total_tokens": 0,
    "input_tokens": 0,
    "output_tokens": 0,
    "input_tokens_details": {"text_tokens": 0, "image_tokens": 0},
    "output_tokens_details": {"text_tokens": 0, "image_tokens": 0},
}
"""Nothing is sold by tokens here. An answer leaves the counts out, as that API allows; the event of
a finished picture must have them."""

_ONCE_MORE = frozenset({429, 503})
"""What may be well after a while: all else would fail again, and clients are told not to repeat."""

_CODES = {
    "moderated": "moderation_blocked",
    "budget-spent": "insufficient_quota",
    "too-many-waiting": "rate_limit_exceeded",
    "too-many-attempts": "rate_limit_exceeded",
    "token-needed": "invalid_api_key",
}
_STATUS = {"budget-spent": 429, "moderated": 400}


def headers_for(began: float, room: Room | None = None) -> dict[str, str]:
    """Headers that programs log: which request it was, and how long it took."""
    found = {
        "x-request-id": f"req_{secrets.token_hex(16)}",
        "openai-processing-ms": str(round((time.perf_counter() - began) * 1000)),
        "openai-version": "2020-10-01",
        "cache-control": "no-store",
    }
    return found | ({"openai-project": room.id} if room is not None else {})


def refuse(refusal: Refusal) -> Response:
    """An error object, with the status that programs of that API expect."""
    status = _STATUS.get(refusal.code, refusal.status)
    if status in {409, 413, 422}:
        status = 400
    headers = headers_for(time.perf_counter()) | dict(refusal.headers)
    if status not in _ONCE_MORE or refusal.code == "budget-spent":
        headers["x-should-retry"] = "false"
    return answer({"error": error_of(refusal, status)}, status, headers)


def error_of(refusal: Refusal, status: int) -> dict[str, Any]:
    """The error object itself."""
    kind = "server_error" if status >= 500 else "invalid_request_error"
    if refusal.code == "moderated":
        kind = "image_generation_user_error"
    elif status == 429:
        kind = "insufficient_quota" if refusal.code == "budget-spent" else "requests"
    return {
        "message": refusal.text,
        "type": kind,
        "param": getattr(refusal.error, "param", None),
        "code": _CODES.get(refusal.code, refusal.code.replace("-", "_")),
    }


def stated(size: Size, quality: str, format: Format) -> dict[str, Any]:
    """What every answer says of its pictures."""
    return {
        "background": "opaque",
        "output_format": format,
        "quality": QUALITIES.get(quality, "high"),
        "size": str(size),
    }


def answered(
    request: Request,
    room: Room,
    versions: Sequence[Version],
    *,
    format: Format,
    level: int,
    by_link: bool,
    quality: str,
) -> dict[str, Any]:
    """The whole answer. ``maquette`` beside each picture says which version it is. Blocks."""

    def one(version: Version) -> dict[str, Any]:
        sampling = _drawn(room, version).recipe.sampling
        own = {"project": room.id, "version": version.id, "size": str(version.size)}
        more: dict[str, Any] = own | ({"seed": sampling.seed} if sampling is not None else {})
        if by_link:
            return {"url": link_to(request, room, version.id, format), "maquette": more}
        data = released(room, version, format, quality=level)
        return {"b64_json": out_base64(data), "maquette": more}

    return {
        "created": math.floor(versions[0].created_at.timestamp()),
        "data": [one(version) for version in versions],
        **stated(versions[0].size, quality, format),
    }


def _drawn(room: Room, version: Version) -> Version:
    """The version itself, or the one that it is an enlarged copy of."""
    while version.recipe.sampling is None and version.parents:
        version = room.studio.version(version.parents[0])
    return version


def event(kind: str, data: dict[str, Any]) -> bytes:
    """A server-sent event that names itself in its data too, as that API's do."""
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **data})}\n\n".encode()


def partial(image: str, size: Size, format: Format, level: int) -> str:
    """A preview (a data URL) as a picture of the final size, in base64. Blocks."""
    small = Image.open(io.BytesIO(base64.b64decode(image.partition(",")[2])))
    whole = small.convert("RGB").resize((size.width, size.height), Image.Resampling.BICUBIC)
    buffer = io.BytesIO()
    how = {} if format == "png" else {"quality": level}
    whole.save(buffer, format.upper(), **how)
    return out_base64(buffer.getvalue())


def completed(
    room: Room, version: Version, format: Format, level: int, quality: str
) -> dict[str, Any]:
    """The data of a finished picture's event. Blocks."""
    return {
        "b64_json": out_base64(released(room, version, format, quality=level)),
        "created_at": math.floor(version.created_at.timestamp()),
        "usage": NO_USAGE,
        **stated(version.size, quality, format),
    }
