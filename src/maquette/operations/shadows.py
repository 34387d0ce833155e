"""Shadows of things that are laid on a picture: on the ground under them, or on the wall behind.

Guesses, made of the thing's outline alone; light comes from above.
"""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageFilter

__all__ = ["ground_shadow", "wall_shadow"]

_FOOT = 0.08
"""The share of a thing's height, from below, that stands on the ground."""
_FLAT = 0.16
"""How high the shadow on the ground looks, by the foot's width."""
_SOFT = 0.045
"""How soft a shadow's edge is, by the thing's longer side."""

Box = tuple[int, int, int, int]


def ground_shadow(picture: Image.Image, box: Box) -> tuple[Image.Image, Box] | None:
    """The shadow of a picture (RGBA) that stands in ``box`` (x, y, width, height): black, soft,
    under its foot, and the box that it is laid in. None where nothing is opaque.
    """
    x, y, width, height = box
    cover = _cover(picture, width, height)
    rows = np.flatnonzero(cover.max(axis=1) > 127)
    if not len(rows):
        return None
    low = int(rows[-1]) + 1
    foot = cover[max(0, low - max(2, round(_FOOT * height))) : low].max(axis=0) > 127
    columns = np.flatnonzero(foot)
    wide = int(columns[-1] - columns[0]) + 1
    tall = max(3, round(_FLAT * wide))
    soft = max(1.0, _SOFT * max(width, height))
    edge = round(3 * soft)
    shadow = Image.new("L", (wide + 2 * edge, tall + 2 * edge))
    across, down = np.meshgrid(np.arange(shadow.width) + 0.5, np.arange(shadow.height) + 0.5)
    apart = np.hypot(
        (across - shadow.width / 2) / (wide / 2), (down - shadow.height / 2) / (tall / 2)
    )
    shadow = Image.fromarray(np.where(apart <= 1, 255, 0).astype(np.uint8))
    left, top = x + int(columns[0]) - edge, y + low - tall // 2 - edge
    return _black(shadow, soft / 2), (left, top, shadow.width, shadow.height)


def wall_shadow(picture: Image.Image, box: Box) -> tuple[Image.Image, Box] | None:
    """The shadow of a picture (RGBA) that hangs in ``box`` on a wall: its outline, soft and a
    little lower. None where nothing is opaque."""
    x, y, width, height = box
    cover = _cover(picture, width, height)
    if not (cover > 127).any():
        return None
    soft = max(1.0, _SOFT / 2 * max(width, height))
    edge, drop = round(3 * soft), round(1.2 * soft)
    shadow = Image.fromarray(np.pad(cover, edge))
    return _black(shadow, soft), (x - edge, y - edge + drop, shadow.width, shadow.height)


def _cover(picture: Image.Image, width: int, height: int) -> np.ndarray[tuple[int, int], np.dtype]:
    alpha = picture.convert("RGBA").getchannel("A")
    return np.asarray(alpha.resize((width, height), Image.Resampling.BOX))


def _black(shape: Image.Image, soft: float) -> Image.Image:
    found = Image.new("RGBA", shape.size, (0, 0, 0, 0))
    found.putalpha(shape.filter(ImageFilter.GaussianBlur(soft)))
    return found
