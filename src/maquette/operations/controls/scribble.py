"""A scribble: the few long edges of a picture as a thick hand would draw them."""

from __future__ import annotations

import cv2
import numpy as np
from PIL import Image

__all__ = ["scribble"]


def scribble(image: Image.Image, *, thickness: int = 0) -> Image.Image:
    """White strokes on black, ``thickness`` pixels wide (0: a hundredth of the short side).

    Details go first: the picture is blurred, short edges are dropped, what stays is thickened.
    """
    side = min(image.size)
    grey = cv2.cvtColor(np.asarray(image.convert("RGB")), cv2.COLOR_RGB2GRAY)
    soft = cv2.GaussianBlur(grey, (0, 0), max(1.0, side / 170))
    edges = cv2.Canny(soft, 30, 80)
    _, marks, stats, _ = cv2.connectedComponentsWithStats(edges, connectivity=8)
    long = stats[:, cv2.CC_STAT_AREA] >= side / 12
    long[0] = False
    kept = np.where(long[np.asarray(marks, np.intp)], 255, 0).astype(np.uint8)
    width = thickness or max(2, round(side / 100))
    brush = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (width, width))
    return Image.fromarray(cv2.dilate(kept, brush))
