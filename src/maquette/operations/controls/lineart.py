"""Line art by the difference of two blurs (XDoG, Winnemoeller et al. 2012): soft white lines."""

from __future__ import annotations

import cv2
import numpy as np
from PIL import Image

__all__ = ["lineart"]

RATIO = 1.6
"""How much wider the second blur is: close to a Laplacian of Gaussian."""


def lineart(image: Image.Image, *, width: float = 1.0) -> Image.Image:
    """Lines of about ``width`` pixels (at a short side of 512; wider in larger pictures).

    Brightness and colours both draw: the strongest of the three channels of CIELAB counts.
    """
    array = cv2.cvtColor(np.asarray(image.convert("RGB")), cv2.COLOR_RGB2LAB).astype(np.float32)
    sigma = max(0.5, width * min(image.size) / 512)
    near = cv2.GaussianBlur(array, (0, 0), sigma)
    wide = cv2.GaussianBlur(array, (0, 0), sigma * RATIO)
    slope = np.abs(near - wide).max(axis=-1)
    top = float(np.percentile(slope, 99))
    if top < 1.0:  # an even picture has no lines
        return Image.new("L", image.size)
    shade = np.clip(slope / top, 0, 1)
    # Faint slopes are texture, strong ones lines.
    lines = np.clip((shade - 0.15) / 0.45, 0, 1)
    # An edge between two areas answers on both of its sides: one line instead of two.
    brush = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (3, 3))
    drawn = (lines * 255).round().astype(np.uint8)
    return Image.fromarray(cv2.morphologyEx(drawn, cv2.MORPH_CLOSE, brush))
