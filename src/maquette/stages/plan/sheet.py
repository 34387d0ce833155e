"""A contact sheet: many pictures on one page, the chosen ones framed and numbered."""

from __future__ import annotations

import math
from collections.abc import Sequence

from PIL import Image, ImageDraw

__all__ = ["contact_sheet"]

CELL, GAP, LINE = 160, 8, 14
GROUND, INK, FRAME = (38, 38, 38), (200, 200, 200), (255, 196, 64)


def contact_sheet(pictures: Sequence[tuple[Image.Image, int | None, str]]) -> Image.Image:
    """A page of (picture, turn among the chosen or None, name), as near to a square as it gets."""
    columns = max(1, math.ceil(math.sqrt(len(pictures))))
    rows = max(1, math.ceil(len(pictures) / columns))
    width, height = columns * (CELL + GAP) + GAP, rows * (CELL + LINE + GAP) + GAP
    sheet = Image.new("RGB", (width, height), GROUND)
    pen = ImageDraw.Draw(sheet)
    for place, (picture, turn, name) in enumerate(pictures):
        left = GAP + place % columns * (CELL + GAP)
        top = GAP + place // columns * (CELL + LINE + GAP)
        small = picture.convert("RGB")
        small.thumbnail((CELL, CELL), Image.Resampling.LANCZOS)
        sheet.paste(small, (left + (CELL - small.width) // 2, top + (CELL - small.height) // 2))
        if turn is not None:
            pen.rectangle((left - 3, top - 3, left + CELL + 2, top + CELL + 2), None, FRAME, 3)
        label = f"{turn}  {name}" if turn is not None else name
        pen.text((left, top + CELL + 2), label, FRAME if turn is not None else INK)
    return sheet
