"""Whether what was laid on a picture keeps its texture and its colours there.

The place is unrolled again and held against the layer's own picture, brought to the same pixels by
another way than the laying's: fine detail by correlation, colour by its difference.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

from maquette.core.colour import linear, to_oklab
from maquette.core.pixel_tasks import Layer
from maquette.engines.pixels.faithful import unrolled

__all__ = ["texture_kept"]

Floats = npt.NDArray[np.float32]

_FINE = 0.03
"""Detail is what is finer than this share of the layer's shorter side; light is coarser."""
_LEAST = 24
"""Pixels a side from which a texture can be told."""
_FLAT = 0.004
"""Detail weaker than this (OKLab's lightness, root mean square) is none: one flat colour."""
_MOST = 1024
"""Rows that are looked at."""


def texture_kept(result: Image.Image, picture: Image.Image, layer: Layer) -> dict[str, float]:
    """``texture``: the correlation (-1 to 1) of the fine detail of a layer's picture (RGBA) with
    that of its place in the result; ``tint``: how far its colours are off on the mean, in
    hundredths of OKLab's plane.

    Nothing of a small layer, one that is mostly transparent, or one without texture. Only places
    that are opaque count, a little inside their border.
    """
    left, top, right, bottom = layer.window
    surface = layer.surface
    corners = np.asarray(surface.corners, np.float64)
    tall = float(np.hypot(*(corners[3] - corners[0])))
    rows = min(max(1, round(tall)), _MOST)
    flat = unrolled(result, surface, rows)
    part = (
        round(left * flat.width),
        round(top * flat.height),
        round(right * flat.width),
        round(bottom * flat.height),
    )
    width, height = part[2] - part[0], part[3] - part[1]
    if min(width, height) < _LEAST:
        return {}
    there = _lab(flat.crop(part))
    # Another filter than the laying's; an average blocks up where it enlarges.
    reduced = width <= picture.width
    how = Image.Resampling.BOX if reduced else Image.Resampling.BICUBIC
    small = picture.convert("RGBa").resize((width, height), how).convert("RGBA")
    own, alpha = _lab(small.convert("RGB")), np.asarray(small.getchannel("A"))
    reach = max(1, round(_FINE * min(width, height)))
    solid = cv2.erode((alpha > 250).astype(np.uint8), np.ones((2 * reach + 1, 2 * reach + 1)))
    inside = solid > 0
    if inside.sum() < _LEAST * _LEAST:
        return {}
    a, b = (_detail(each[..., 0], reach)[inside] for each in (own, there))
    if float(np.sqrt(np.mean(a * a))) < _FLAT:
        return {}
    alike = float((a * b).sum() / max(float(np.sqrt((a * a).sum() * (b * b).sum())), 1e-9))
    off = float(np.linalg.norm(own[inside][:, 1:] - there[inside][:, 1:], axis=-1).mean())
    return {"texture": round(alike, 4), "tint": round(100 * off, 2)}


def _lab(image: Image.Image) -> Floats:
    return to_oklab(linear(np.asarray(image.convert("RGB")))).astype(np.float32)


def _detail(light: Floats, reach: int) -> Floats:
    """Lightness without what changes slowly, and without its mean."""
    fine = light - cv2.GaussianBlur(light, (0, 0), float(reach))
    return np.asarray(fine - fine.mean(), np.float32)
