"""A large picture drawn in tiles that overlap and fade into one another, in bounded memory.

Besides the finished picture only one row of tiles is held in floating point.
"""

from __future__ import annotations

from collections.abc import Callable, Generator

import numpy as np
import numpy.typing as npt

__all__ = ["drawn_in_tiles"]

Bytes = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]


def drawn_in_tiles(
    draw: Callable[[Floats], Floats], source: Bytes, scale: int, *, tile: int, overlap: int
) -> Generator[tuple[int, int], None, Bytes]:
    """Yields (tiles done, tiles), returns (rows * scale, columns * scale, 3).

    ``draw`` makes of a part (rows, columns, 3), 0 to 1, one ``scale`` times as large. Tiles are
    ``tile`` source pixels a side and share ``overlap`` with their neighbours.
    """
    height, width = source.shape[:2]
    overlap = min(overlap, tile // 2)
    tops, lefts = _starts(height, tile, overlap), _starts(width, tile, overlap)
    result = np.empty((height * scale, width * scale, 3), np.uint8)
    band = np.zeros((0, width * scale, 3), np.float32)
    weight = np.zeros((0, width * scale, 1), np.float32)
    done = written = 0
    for row, top in enumerate(tops):
        bottom = min(top + tile, height)
        missing = (bottom - written) * scale - len(band)
        band = np.concatenate([band, np.zeros((missing, *band.shape[1:]), np.float32)])
        weight = np.concatenate([weight, np.zeros((missing, *weight.shape[1:]), np.float32)])
        for column, left in enumerate(lefts):
            right = min(left + tile, width)
            part = source[top:bottom, left:right].astype(np.float32) / np.float32(255)
            share = np.outer(
                _ramp(bottom - top, overlap, first=row == 0, last=row == len(tops) - 1),
                _ramp(right - left, overlap, first=column == 0, last=column == len(lefts) - 1),
            )
            share = share.repeat(scale, 0).repeat(scale, 1)[..., None].astype(np.float32)
            place = (
                slice((top - written) * scale, (bottom - written) * scale),
                slice(left * scale, right * scale),
            )
            band[place] += draw(part) * share
            weight[place] += share
            done += 1
            yield done, len(tops) * len(lefts)
        finished = height if row == len(tops) - 1 else tops[row + 1]
        rows = (finished - written) * scale
        ready = np.clip(band[:rows] / weight[:rows], 0, 1) * 255
        result[written * scale : finished * scale] = np.rint(ready).astype(np.uint8)
        band, weight, written = band[rows:], weight[rows:], finished
    return result


def _starts(length: int, tile: int, overlap: int) -> list[int]:
    """Where tiles begin, so that each but the last is whole and shares at least ``overlap``."""
    if length <= tile:
        return [0]
    starts = list(range(0, length - tile, tile - overlap))
    return [*starts, length - tile]


def _ramp(length: int, overlap: int, *, first: bool, last: bool) -> Floats:
    """1 in the middle, falling towards inner borders only; never 0."""
    ramp = np.ones(length, np.float32)
    rise = (np.arange(min(overlap, length)) + 0.5) / max(1, overlap)
    if not first:
        ramp[: len(rise)] = np.minimum(ramp[: len(rise)], rise)
    if not last:
        ramp[length - len(rise) :] = np.minimum(ramp[length - len(rise) :], rise[::-1])
    return ramp
