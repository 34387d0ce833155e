"""Line art and depth of a scene, replayed from the vector shapes that were drawn."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import skia

from training.world.canvas import Mark
from training.world.shapes import SIDE


def _pen(width: float, level: int) -> skia.Paint:
    return skia.Paint(
        AntiAlias=True,
        Style=skia.Paint.kStroke_Style,
        StrokeWidth=width,
        Color=skia.Color(level, level, level),
        StrokeCap=skia.Paint.kRound_Cap,
        StrokeJoin=skia.Paint.kRound_Join,
    )


def _grey(surface: skia.Surface) -> np.ndarray:
    image = np.asarray(surface.makeImageSnapshot().toarray(colorType=skia.kRGBA_8888_ColorType))
    return image[:, :, 0].copy()


def line_art(marks: Sequence[Mark], bold: float = 2.0, fine: float = 1.4) -> np.ndarray:
    """White outlines on black, uint8 256x256; what lies behind another shape is hidden by it.

    bold, fine: widths in pixels of a noun's outline and of details inside it.
    """
    surface = skia.Surface(SIDE, SIDE)
    sk = surface.getCanvas()
    sk.clear(skia.ColorBLACK)
    cover = skia.Paint(AntiAlias=True, Color=skia.ColorBLACK)
    outline, detail = _pen(bold, 255), _pen(fine, 255)
    for mark in marks:
        if mark.width == 0:
            sk.drawPath(mark.path, cover)
        sk.drawPath(mark.path, outline if mark.bold else detail)
    return _grey(surface)


def depth_map(marks: Sequence[Mark]) -> np.ndarray:
    """How near each pixel is, uint8 256x256: 0 the sky, 255 as near as the lower edge.

    Grounds run from their horizon to the lower edge; other things are upright boards with a
    slight belly, nearer in the middle than at the rim.
    """
    surface = skia.Surface(SIDE, SIDE)
    sk = surface.getCanvas()
    sk.clear(skia.ColorBLACK)
    for mark in marks:
        first, last = (int(255 * x) for x in mark.near)
        bounds = mark.path.getBounds()
        paint = skia.Paint(AntiAlias=True)
        if mark.width:
            paint = _pen(mark.width, first)
        elif first != last:
            ends = [(0.0, max(0.0, bounds.top())), (0.0, float(SIDE))]
            levels = [skia.Color(v, v, v) for v in (first, last)]
            paint.setShader(skia.GradientShader.MakeLinear(ends, levels))
        else:
            belly = min(255, first + 12) if first > 128 else first
            reach = max(1.0, 0.5 * max(bounds.width(), bounds.height()))
            levels = [skia.Color(v, v, v) for v in (belly, first)]
            middle = (bounds.centerX(), bounds.centerY())
            paint.setShader(skia.GradientShader.MakeRadial(middle, reach, levels))
        sk.drawPath(mark.path, paint)
    return _grey(surface)
