"""Damage that needs no network to be told: blocks of one single colour, and noise in one part.

A rectangle of one single colour in a picture that has no flat colour elsewhere is a lost block or
a missing tile; noise in one part of a picture that is smooth elsewhere comes from a decoder that
ran away or bits that flipped. Texture that a picture has everywhere is its style.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from maquette.core.geometry import Box

__all__ = ["dead_block", "noisy_part", "rimmed"]

Plane = npt.NDArray[np.float32]
Bytes = npt.NDArray[np.uint8]

CELLS = 32
"""Noise is measured in so many cells a side."""
NOISE = 12.0
"""Levels by which pixels of a noisy cell miss the median of their neighbours, on the mean; hard
drawn edges reach six."""
ABOVE = 4.0
"""So many times what most of the picture has: else it is its style."""
SMALLEST, LARGEST = 0.004, 0.6
"""Parts of the picture that count as a broken place."""
FILLED = 0.97
"""A lost block fills so much of its own rectangle."""
FLAT = 0.1
"""With so many flat places elsewhere, a few pixels wide, a picture is drawn in flat colours."""
_SPAN, _MOST = 9, 5
STEP = 20.0
"""Levels between a lost block and what is around it, on the mean."""


def dead_block(pixels: Bytes) -> Box | None:
    """A rectangle of one single colour in a picture, (rows, columns, 3), that has none elsewhere;
    with a rim, so that whatever mends it reaches over its edge."""
    packed = pixels.astype(np.int32) @ np.array([1 << 16, 1 << 8, 1])
    same = np.zeros(packed.shape, bool)
    alike = (packed[1:, 1:] == packed[:-1, 1:]) & (packed[1:, 1:] == packed[1:, :-1])
    same[1:, 1:] = alike & (packed[1:, 1:] == packed[:-1, :-1])
    _, _, stats, _ = cv2.connectedComponentsWithStats(same.astype(np.uint8), connectivity=4)
    # Smooth darkness has equal neighbours too, but never so many side by side.
    flat = cv2.erode(same.astype(np.uint8), np.ones((_SPAN, _SPAN), np.uint8))
    for part in sorted(stats[1:], key=lambda each: -each[cv2.CC_STAT_AREA])[:_MOST]:
        left, top, width, height, area = (int(each) for each in part)
        box = Box(x=left - 1, y=top - 1, width=width + 1, height=height + 1)
        inside = box.width * box.height
        if not _counts(inside, same.size) or area < FILLED * width * height:
            continue
        elsewhere = int(flat.sum()) - int(flat[top : top + height, left : left + width].sum())
        if elsewhere <= FLAT * (same.size - inside) and _step(pixels, box) > STEP:
            return rimmed(box, pixels)
    return None


def noisy_part(bright: Plane) -> Box | None:
    """The largest part of a picture's brightness, (rows, columns), that is noise while most of it
    is not; with a rim."""
    rows, columns = bright.shape
    side = max(4, max(rows, columns) // CELLS)
    bytes_ = bright.astype(np.uint8)
    residue = np.abs(bright - cv2.medianBlur(bytes_, 3).astype(np.float32))
    small = (max(1, columns // side), max(1, rows // side))
    cells = cv2.resize(residue, small, interpolation=cv2.INTER_AREA)
    usual = float(np.percentile(cells, 75))
    noisy = (cells > max(NOISE, ABOVE * usual)).astype(np.uint8)
    count, _, stats, _ = cv2.connectedComponentsWithStats(noisy, connectivity=8)
    if count < 2:
        return None
    largest = 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))
    left, top, width, height, area = (int(each) for each in stats[largest])
    if area < 4 or min(width, height) < 2 or not _counts(area, noisy.size):
        return None
    wide, high = columns / small[0], rows / small[1]
    box = Box(
        x=round(left * wide),
        y=round(top * high),
        width=max(1, round(width * wide)),
        height=max(1, round(height * high)),
    )
    return rimmed(box, np.asarray(bytes_))


def _counts(area: int, whole: int) -> bool:
    return SMALLEST * whole <= area <= LARGEST * whole


def _step(pixels: Bytes, box: Box) -> float:
    """How far what is around a box is from its own colour, on the mean."""
    left, top, right, bottom = box.corners
    rows, columns = pixels.shape[:2]
    around = [
        pixels[top - 2, left:right] if top > 1 else None,
        pixels[bottom + 1, left:right] if bottom + 1 < rows else None,
        pixels[top:bottom, left - 2] if left > 1 else None,
        pixels[top:bottom, right + 1] if right + 1 < columns else None,
    ]
    own = pixels[top + 1, left + 1].astype(np.float32)
    lines = [np.abs(line.astype(np.float32) - own).mean() for line in around if line is not None]
    return float(np.mean(lines)) if lines else 0.0


def rimmed(box: Box, pixels: Bytes) -> Box:
    """A box with a rim around it, so that whatever mends it reaches over its edge; inside the
    picture."""
    rows, columns = pixels.shape[:2]
    rim = max(4, max(rows, columns) // CELLS)
    left, top, right, bottom = box.corners
    left, top = max(0, left - rim), max(0, top - rim)
    right, bottom = min(columns, right + rim), min(rows, bottom + rim)
    return Box(x=left, y=top, width=right - left, height=bottom - top)
