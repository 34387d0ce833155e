"""One spelling for every value, so that a digest names it.

Canonical JSON after RFC 8785 (JSON Canonicalization Scheme), in the subset that recipes use: keys
sorted by UTF-16 code units, no white space, strings escaped minimally, a number with an integral
value written without a fraction, every other one as its shortest round-trip decimal.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["canonical_json", "digest_of", "sha256_hex"]

_LARGEST_EXACT = 2**53


def _number(value: float) -> str:
    if not math.isfinite(value):
        raise ValueError(f"{value} has no canonical form")
    if value == int(value) and abs(value) < _LARGEST_EXACT:
        return str(int(value))
    return repr(value)


def _text(value: Any) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case float():
            return _number(value)
        case str():
            return json.dumps(value, ensure_ascii=False)
        case Mapping():
            items: list[tuple[str, Any]] = [(str(k), v) for k, v in value.items()]  # pyright: ignore[reportUnknownVariableType,reportUnknownArgumentType]
            items.sort(key=lambda item: item[0].encode("utf-16-be", "surrogatepass"))
            return "{" + ",".join(f"{_text(k)}:{_text(v)}" for k, v in items) + "}"
        case Sequence():
            return "[" + ",".join(_text(item) for item in value) + "]"  # pyright: ignore[reportUnknownVariableType]
        case _:
            raise TypeError(f"{type(value).__name__} has no canonical form")


def canonical_json(value: Any) -> str:
    """The one spelling of a JSON-like value.

    Raises:
        TypeError: for a value that JSON cannot hold.
        ValueError: for NaN or an infinity.
    """
    return _text(value)


def sha256_hex(data: bytes) -> str:
    """SHA-256 as 64 lower-case hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def digest_of(value: Any) -> str:
    """SHA-256 of the value's canonical JSON in UTF-8."""
    return sha256_hex(canonical_json(value).encode("utf-8", "surrogatepass"))
