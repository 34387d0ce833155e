"""Boxes and sizes in whole pixels. x runs right, y runs down, the origin is the top left corner."""

from __future__ import annotations

import math

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["Box", "Size", "fit_size", "neighbourhood", "work_size"]


class Size(BaseModel):
    """Width and height in pixels."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    width: int = Field(ge=1)
    height: int = Field(ge=1)

    @property
    def area(self) -> int:
        """Number of pixels."""
        return self.width * self.height

    def __str__(self) -> str:
        return f"{self.width}x{self.height}"


class Box(BaseModel):
    """A rectangle: left edge, top edge, width and height in pixels."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    x: int = Field(ge=0)
    y: int = Field(ge=0)
    width: int = Field(ge=1)
    height: int = Field(ge=1)

    @property
    def right(self) -> int:
        """First column past the box."""
        return self.x + self.width

    @property
    def bottom(self) -> int:
        """First row past the box."""
        return self.y + self.height

    @property
    def corners(self) -> tuple[int, int, int, int]:
        """(left, top, right, bottom), as Pillow wants it."""
        return self.x, self.y, self.right, self.bottom


_LEAST_MARGIN = 32
_SLENDER = 4.0


def neighbourhood(
    mask_box: Box, picture: Size, best: Size, multiple: int, context: float = 0.5
) -> tuple[Box, Size]:
    """The part of a picture to draw anew for a mask, and the size to draw it at.

    The region holds the mask and, as far as the picture goes, a margin on every side of
    ``context`` times the mask's side (32 pixels at least); half of that margin is enough where it
    makes the region exactly ``best``, which needs no resampling. It is never smaller than ``best``
    and has its shape, again as far as the picture goes.

    Returns:
        (region inside the picture, ``work_size`` of the region).

    Raises:
        ValueError: when the mask leaves the picture.
    """
    if mask_box.right > picture.width or mask_box.bottom > picture.height:
        raise ValueError(f"the mask {mask_box.corners} leaves the picture {picture}")

    def with_margin(side: int, share: float) -> int:
        return side + 2 * max(_LEAST_MARGIN, math.ceil(side * share))

    width = with_margin(mask_box.width, context / 2)
    height = with_margin(mask_box.height, context / 2)
    if width <= best.width and height <= best.height:
        width, height = best.width, best.height
    else:
        width = max(best.width, with_margin(mask_box.width, context))
        height = max(best.height, with_margin(mask_box.height, context))
        aspect = best.width / best.height
        width, height = max(width, round(height * aspect)), max(height, round(width / aspect))
    width, height = min(width, picture.width), min(height, picture.height)
    region = Box(
        x=_start(mask_box.x, mask_box.width, width, picture.width),
        y=_start(mask_box.y, mask_box.height, height, picture.height),
        width=width,
        height=height,
    )
    return region, work_size(Size(width=width, height=height), best, multiple)


def _start(at: int, side: int, length: int, limit: int) -> int:
    """Where a stretch of ``length`` around ``side`` pixels from ``at`` begins, inside ``limit``."""
    return min(max(0, at + side // 2 - length // 2), limit - length)


def work_size(region: Size, best: Size, multiple: int) -> Size:
    """The size to draw a region at: its shape, the best size's area and never more, on the grid.

    A region of exactly ``best`` stays as it is when ``best`` lies on the grid. No model draws
    slivers well, so a shape more than four times as long or tall as ``best`` is squeezed.

    Raises:
        ValueError: when not even one grid cell fits into the area of ``best``.
    """
    if multiple * multiple > best.area:
        raise ValueError(f"no multiple of {multiple} fits into {best}")
    ideal = best.width / best.height
    aspect = min(max(region.width / region.height, ideal / _SLENDER), ideal * _SLENDER)
    most = best.area // multiple // multiple

    def near(side: float) -> tuple[int, int]:
        cells = min(max(1, int(side / multiple + 1e-9)), most)
        return cells, cells + 1

    def strain(cells: tuple[int, int]) -> float:
        # A stretched picture harms more than a slightly smaller one.
        width, height = cells
        shape = abs(math.log(width / height / aspect))
        return shape + 0.25 * math.log(best.area / (width * height * multiple * multiple))

    choices = [
        (width, height)
        for width in near(math.sqrt(best.area * aspect))
        for height in (*near(math.sqrt(best.area / aspect)), most // width)
        if 0 < width * height <= most
    ]
    width, height = min(choices, key=strain)
    return Size(width=width * multiple, height=height * multiple)


def fit_size(size: Size, multiple: int, lo: int, hi: int) -> Size:
    """The nearest size whose sides are multiples of ``multiple`` from ``lo`` to ``hi``.

    The shape is kept where the range allows: a side that is too long or too short takes the other
    with it.

    Raises:
        ValueError: when no multiple lies in the range.
    """
    least, most = -(-lo // multiple), hi // multiple
    if least > most:
        raise ValueError(f"no multiple of {multiple} lies between {lo} and {hi}")
    long, short = max(size.width, size.height), min(size.width, size.height)
    scale = min(1.0, hi / long)
    scale = max(scale, min(lo / short, hi / long)) if short * scale < lo else scale

    def fit(side: int) -> int:
        return multiple * min(max(least, int(side * scale / multiple + 0.5)), most)

    return Size(width=fit(size.width), height=fit(size.height))
