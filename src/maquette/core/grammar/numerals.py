"""The numbers of the dialect: how each kind is written, read and clamped.

Every pattern is possessive, so that a long row of digits costs one look and no retries.
"""

from __future__ import annotations

import re
from decimal import Decimal

__all__ = [
    "MAX_WEIGHT",
    "clamped",
    "decimal",
    "read_number",
    "read_weight",
    "read_when",
]

MAX_WEIGHT = 10_000.0
"""Larger numbers count as this one, either sign. MAX_DEPTH of them multiply to a finite float."""

_MAX_WHEN = 1e9
_DECIMAL = r"[-+]?(?:[0-9]++(?:\.[0-9]*+)?+|\.[0-9]++)"
_NUMBER = re.compile(rf"\s*+({_DECIMAL})\s*+")
_WHEN = re.compile(rf"\s*+({_DECIMAL}(?:[eE][-+]?[0-9]++)?+)\s*+")


def clamped(number: float, limit: float = MAX_WEIGHT) -> float:
    """``number`` between ``-limit`` and ``limit``, without a negative zero."""
    return max(-limit, min(limit, number)) + 0.0


def decimal(number: float) -> str:
    """The shortest plain decimal that reads back as ``number``: ``1.1``, ``2``, ``0.00001``."""
    text = f"{Decimal(repr(number)):f}"
    return text[:-2] if text.endswith(".0") else text


def read_weight(digits: str) -> float | None:
    """The number before a closing bracket. None for a row like ``1.2.3`` or a lone point."""
    try:
        return clamped(float(digits))
    except ValueError:
        return None


def read_number(text: str) -> float | None:
    """The weight of a part or of a LoRA, white space around it allowed. None for anything else."""
    found = _NUMBER.fullmatch(text)
    return clamped(float(found[1])) if found else None


def read_when(text: str, start: int, end: int) -> tuple[float, bool] | None:
    """The moment of a swap in ``text[start:end]`` and whether it is a fraction (has a point)."""
    found = _WHEN.fullmatch(text, start, end)
    if found is None:
        return None
    number = clamped(float(found[1]), _MAX_WHEN)
    fraction = "." in found[1]
    return (number if fraction else float(int(number))), fraction
