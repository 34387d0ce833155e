"""One spelling for every value, so that a digest names it.

Canonical JSON after RFC 8785 (JSON Canonicalization Scheme), in the subset that recipes use: keys
sorted by UTF-16 code units, no white space, strings escaped minimally, a float as the shortest
decimal that reads back as it, without a fraction where it is whole. Integers keep all their digits.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

__all__ = ["canonical_json", "digest_of", "sha256_hex"]


def _number(value: float) -> str:
    """The shortest decimal that reads back as ``value``, as ECMAScript's Number::toString."""
    if not math.isfinite(value):
        raise ValueError(f"{value} has no canonical form")
    if value == 0:
        return "0"
    sign, figures, exponent = Decimal(repr(float(value))).normalize().as_tuple()
    digits = "".join(map(str, figures))
    point = len(digits) + int(exponent)
    if 0 < point <= 21:
        whole = digits[:point].ljust(point, "0")
        text = f"{whole}.{digits[point:]}" if point < len(digits) else whole
    elif -6 < point <= 0:
        text = f"0.{'0' * -point}{digits}"
    else:
        mantissa = f"{digits[0]}.{digits[1:]}" if len(digits) > 1 else digits
        text = f"{mantissa}e{point - 1:+d}"
    return f"-{text}" if sign else text


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
