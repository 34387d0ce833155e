"""Bodies that are pictures: read as they stream, never more than one picture may have."""

from __future__ import annotations

import asyncio
from contextlib import AbstractAsyncContextManager, nullcontext
from typing import Annotated, Any

from fastapi import Depends, Request

from maquette.core.picture import MAX_BYTES
from maquette.errors import PictureRefused

__all__ = ["PictureBody", "turn_for", "upload_body"]

_AT_ONCE = 3
"""How many large bodies are in memory at the same time; others wait unread in their sockets."""
_LARGE = 8 * 1024 * 1024

_turns = asyncio.Semaphore(_AT_ONCE)


def turn_for(request: Request) -> AbstractAsyncContextManager[Any]:
    """The turn of a body in memory: at once for a small one, else when few others are there."""
    length = request.headers.get("content-length", "")
    return nullcontext() if length.isdigit() and int(length) <= _LARGE else _turns


async def _read(request: Request) -> bytes:
    async with turn_for(request):
        return await _whole(request)


async def _whole(request: Request) -> bytes:
    # The door has counted: more than MAX_BYTES never comes through.
    parts = bytearray()
    async for part in request.stream():
        parts += part
    if not parts:
        raise PictureRefused("the body is empty", hint="send the picture's bytes as the body")
    return bytes(parts)


PictureBody = Annotated[bytes, Depends(_read)]


def upload_body(says: str, *, kind: str = "image/*", more: Any = None) -> dict[str, Any]:
    """The description of such a body for OpenAPI; ``more`` are other kinds of body."""
    schema = {"type": "string", "format": "binary", "maxLength": MAX_BYTES}
    return {
        "requestBody": {
            "description": says,
            "required": True,
            "content": {kind: {"schema": schema}, **(more or {})},
        }
    }
