"""Bodies of other protocols: JSON with pictures inside, and forms; read in bounded memory."""

from __future__ import annotations

import json
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request

from maquette.core.picture import MAX_BYTES
from maquette.server.problems import HttpRefused
from maquette.server.uploads import turn_for

__all__ = ["form_body", "json_body"]

_IN_THREAD = 64 * 1024
_MOST_FILES, _MOST_FIELDS = 20, 200


async def json_body(request: Request, *, needed: bool = True) -> dict[str, Any]:
    """A body as a JSON object; an empty one where nothing came and nothing is ``needed``.

    Raises:
        HttpRefused: it is none.
    """
    async with turn_for(request):
        raw = await request.body()
        if not raw and not needed:
            return {}
        try:
            found = (
                await run_in_threadpool(json.loads, raw)
                if len(raw) > _IN_THREAD
                else (json.loads(raw))
            )
        except (ValueError, RecursionError) as error:
            raise HttpRefused(400, "body-malformed", "the body is no JSON") from error
    if not isinstance(found, dict):
        raise HttpRefused(400, "body-malformed", "the body is no JSON object")
    return found


async def form_body(request: Request) -> tuple[dict[str, str], dict[str, list[bytes]]]:
    """A form's fields, and the files of each name; ``name[]`` counts as ``name``.

    Raises:
        HttpRefused: it is none, or has too many parts.
    """
    if not request.headers.get("content-type", "").startswith("multipart/form-data"):
        raise HttpRefused(400, "body-malformed", "the body is no form", hint="multipart/form-data")
    fields: dict[str, str] = {}
    files: dict[str, list[bytes]] = {}
    async with turn_for(request):
        try:
            form = await request.form(max_files=_MOST_FILES, max_fields=_MOST_FIELDS)
        except HTTPException as error:
            raise HttpRefused(400, "body-malformed", str(error.detail)) from error
        try:
            for name, value in form.multi_items():
                plain = name.removesuffix("[]")
                if isinstance(value, UploadFile):
                    files.setdefault(plain, []).append(await value.read(MAX_BYTES))
                else:
                    fields[plain] = value
        finally:
            await form.close()
    return fields, files
