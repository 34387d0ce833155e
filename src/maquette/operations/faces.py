"""Where a face is, by OpenCV's cascade of Haar features (Viola and Jones, 2001)."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from maquette.core.geometry import Box

__all__ = ["face_region"]

AROUND = 0.4
"""Shares of the face's side that are kept on each side of it: hair and chin."""


def face_region(image: Image.Image) -> Box | None:
    """The neighbourhood of the largest face from the front, or None."""
    grey = cv2.cvtColor(np.asarray(image.convert("RGB")), cv2.COLOR_RGB2GRAY)
    side = max(24, min(grey.shape) // 10)
    found = _cascade().detectMultiScale(
        cv2.equalizeHist(grey), scaleFactor=1.1, minNeighbors=5, minSize=(side, side)
    )
    if len(found) == 0:
        return None
    x, y, width, height = max(found, key=lambda box: int(box[2]) * int(box[3]))
    more = round(AROUND * max(width, height))
    left, top = max(0, int(x) - more), max(0, int(y) - more)
    right = min(image.width, int(x + width) + more)
    bottom = min(image.height, int(y + height) + more)
    return Box(x=left, y=top, width=right - left, height=bottom - top)


@lru_cache(maxsize=1)
def _cascade() -> cv2.CascadeClassifier:
    file = Path(cv2.__file__).parent / "data" / "haarcascade_frontalface_default.xml"
    return cv2.CascadeClassifier(str(file))
