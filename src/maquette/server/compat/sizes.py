"""Sizes that a client asks for, and those that a model draws well."""

from __future__ import annotations

import math

from maquette.core.capabilities import Capabilities
from maquette.core.geometry import Size

__all__ = ["LARGEST_SCALE", "fitting"]

LARGEST_SCALE = 8.0
"""How far ``upscale`` enlarges at most."""

_ROOM = 1.5
"""Up to so many times the area that a model was trained at, it is asked to draw itself."""


def fitting(able: Capabilities, asked: Size) -> Size:
    """The size to draw for a picture of the size that was asked for: that itself where the model
    draws it well, else one of exactly its shape and about the model's best area, to be enlarged
    afterwards; where no such size lies on the model's grid, the nearest that does."""
    best = able.best_size.area
    if able.nearest(asked) == asked and (asked.area <= _ROOM * best or able.sizes):
        return asked
    if able.sizes:
        return able.nearest(asked)
    step = able.multiple
    exact = [
        Size(width=width, height=width * asked.height // asked.width)
        for width in range(step, able.max_side + 1, step)
        if (width * asked.height) % (asked.width * step) == 0
        and able.min_side <= width
        and able.min_side <= width * asked.height // asked.width <= able.max_side
        and asked.width / LARGEST_SCALE <= width <= asked.width
    ]
    near = [size for size in exact if best / 3 <= size.area <= 3 * best]
    if near:
        return min(near, key=lambda size: abs(math.log(size.area / best)))
    share = math.sqrt(best / asked.area)
    width, height = max(1, round(asked.width * share)), max(1, round(asked.height * share))
    return able.nearest(Size(width=width, height=height))
