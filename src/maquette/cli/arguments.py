"""What click cannot say: an option that takes as many values as there are."""

from __future__ import annotations

import re
from collections.abc import Sequence

__all__ = ["join_corners"]

_CORNER = re.compile(r"[+-]?\d+,[+-]?\d+")


def join_corners(arguments: Sequence[str]) -> list[str]:
    """``--polygon 0,0 40,0 20,30`` as ``--polygon '0,0 40,0 20,30'``; the rest as it is."""
    joined: list[str] = []
    corners: list[str] | None = None
    for argument in arguments:
        if corners is not None and _CORNER.fullmatch(argument):
            corners.append(argument)
            continue
        if corners:
            joined.append(" ".join(corners))
        corners = None
        if argument == "--":
            break
        joined.append(argument)
        if argument == "--polygon":
            corners = []
    if corners:
        joined.append(" ".join(corners))
    rest = list(arguments)
    return joined + (rest[rest.index("--") :] if "--" in rest else [])
