"""Answers: JSON written once, ETags, and what never changes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from fastapi import Request, Response
from pydantic import BaseModel, TypeAdapter
from pydantic_core import PydanticSerializationError

__all__ = ["FOREVER", "REVALIDATE", "answer", "encoded", "fresh", "unchanged"]

FOREVER = "private, max-age=31536000, immutable"
"""For what is named by its digest."""

REVALIDATE = "private, no-cache"
"""For what may be kept and must be asked about again: the ETag answers."""

_ANY = TypeAdapter(Any)


def encoded(value: Any) -> bytes:
    """A value as JSON. A half surrogate pair, which UTF-8 has no bytes for, is escaped."""
    try:
        return (
            value.__pydantic_serializer__.to_json(value)
            if isinstance(value, BaseModel)
            else (_ANY.dump_json(value))
        )
    except (PydanticSerializationError, UnicodeError):
        plain = value.model_dump(mode="python") if isinstance(value, BaseModel) else value
        return json.dumps(plain, default=str).encode()


def answer(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A value as a JSON response. ``value`` may be bytes that are JSON already."""
    body = value if isinstance(value, bytes) else encoded(value)
    return Response(body, status, headers, media_type="application/json")


def unchanged(request: Request, etag: str) -> bool:
    """Whether the asker has this very state already."""
    asked = request.headers.get("if-none-match")
    if asked is None:
        return False
    return asked.strip() == "*" or etag in {
        tag.strip().removeprefix("W/") for tag in asked.split(",")
    }


def fresh(etag: str, caching: str = REVALIDATE) -> dict[str, str]:
    """The headers of a state with this name."""
    return {"ETag": etag, "Cache-Control": caching}
