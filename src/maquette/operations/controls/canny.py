"""Edges by Canny's method (Canny, 1986): white, one pixel wide, on black."""

from __future__ import annotations

import cv2
import numpy as np
from PIL import Image

from maquette.errors import SettingRefused

__all__ = ["canny"]


def canny(image: Image.Image, *, low: float = 60, high: float = 140) -> Image.Image:
    """Edges steeper than ``high``, and those above ``low`` that go on from them (0 to 1000).

    Raises:
        SettingRefused: thresholds out of range or in the wrong order.
    """
    if not 0 <= low <= high <= 1000:
        raise SettingRefused(
            f"thresholds {low:g} and {high:g} cannot be used", hint="0 <= low <= high <= 1000"
        )
    grey = cv2.cvtColor(np.asarray(image.convert("RGB")), cv2.COLOR_RGB2GRAY)
    return Image.fromarray(cv2.Canny(grey, low, high))
