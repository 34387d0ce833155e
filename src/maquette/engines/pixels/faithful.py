"""Whether a picture stands undistorted on a surface: the surface is unrolled and searched for it.

The search knows nothing of how the picture was laid: it looks through the unrolled surface, in the
proportions of the thing itself, for the picture at several widths and heights.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

from maquette.core.pixel_tasks import Layer
from maquette.core.surface import Surface

__all__ = ["faithfulness", "unrolled"]

Bytes = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]

_TALL = 160
"""Rows of the unrolled surface; enough to tell one per cent of stretch from none."""
_ROUNDS = (
    (np.exp(np.linspace(np.log(0.8), np.log(1.25), 9)), np.exp(np.linspace(-0.1, 0.1, 5))),
    (np.exp(np.linspace(-0.042, 0.042, 7)), np.exp(np.linspace(-0.025, 0.025, 3))),
)
"""Stretches and sizes that are tried: first far apart, then around the best."""


def unrolled(picture: Image.Image, surface: Surface, rows: int = _TALL) -> Image.Image:
    """The surface as it would lie flat, in its own proportions, RGB."""
    columns = int(min(max(8, round(rows * surface.proportion)), 8 * rows))
    u = (np.arange(columns) + 0.5) / columns
    v = (np.arange(rows) + 0.5) / rows
    x, y = surface.to_picture(*np.meshgrid(u, v))
    flat = cv2.remap(
        np.asarray(picture.convert("RGB")),
        (x - 0.5).astype(np.float32),
        (y - 0.5).astype(np.float32),
        cv2.INTER_CUBIC,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return Image.fromarray(flat)


def faithfulness(result: Image.Image, picture: Image.Image, layer: Layer) -> dict[str, float]:
    """``faithful``: the best normalised correlation (-1 to 1) of a layer's picture (RGBA) with the
    unrolled surface; ``stretch``: how much wider than it is it stands there (1: not at all).

    Nothing where the picture shows no shape to be found: one flat colour, or hardly a pixel.
    """
    flat = np.asarray(unrolled(result, layer.surface).convert("L"), np.float32)
    _, top, _, bottom = layer.window
    tall = (bottom - top) * flat.shape[0]
    if min(tall, tall * picture.width / picture.height) < 6:
        return {}
    best, stretch, size = -2.0, 1.0, 1.0
    for stretches, sizes in _ROUNDS:
        around = stretch, size
        for wider in around[0] * stretches:
            for larger in around[1] * sizes:
                # As it is, but for these: neither window nor surface decides its shape.
                height = tall * larger / np.sqrt(wider)
                width = tall * larger * picture.width / picture.height * np.sqrt(wider)
                found = _correlation(flat, picture, round(width), round(height))
                if found is not None and found > best:
                    best, stretch, size = found, float(wider), float(larger)
    return {} if best < -1 else {"faithful": round(best, 4), "stretch": round(stretch, 4)}


def _correlation(flat: Floats, picture: Image.Image, width: int, height: int) -> float | None:
    if width < 4 or height < 4 or width > flat.shape[1] or height > flat.shape[0]:
        return None
    small = picture.convert("RGBa").resize((width, height), Image.Resampling.LANCZOS)
    shown = np.asarray(small.convert("RGBA"))
    grey = np.asarray(Image.fromarray(shown[..., :3]).convert("L"), np.float32)
    cover = shown[..., 3].astype(np.float32) / 255
    solid = float(cover.min()) > 0.5
    if solid and float(grey.std()) < 2:
        return None
    if solid:
        scores = cv2.matchTemplate(flat, grey, cv2.TM_CCOEFF_NORMED)
    else:
        # The shape is what counts: dark on light or light on dark.
        inked = float((grey * cover).sum() / max(1e-6, float(cover.sum())))
        paper = float(np.median(flat))
        drawn = grey * cover + paper * (1 - cover)
        if float(drawn.std()) < 1 or abs(inked - paper) < 1:
            return None
        scores = cv2.matchTemplate(flat, drawn, cv2.TM_CCOEFF_NORMED)
    scores = scores[np.isfinite(scores)]
    return float(scores.max()) if scores.size else None
