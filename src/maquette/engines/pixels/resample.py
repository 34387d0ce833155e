"""Lanczos in tiles: the picture that one resampling of the whole would give."""

from __future__ import annotations

from collections.abc import Iterator

from PIL import Image

from maquette.core.geometry import Size

__all__ = ["upscaled"]

_OVERLAP = 4
"""Source rows that a tile sees beyond its own; Lanczos with three lobes reaches three."""


def upscaled(source: Image.Image, size: Size, tile: int) -> Iterator[tuple[int, int, Image.Image]]:
    """Lanczos in tiles of ``tile`` source pixels: (tiles done, tiles, picture so far).

    Each tile is computed with the source around it as far as the filter reaches, rows first and
    then columns, so that the picture is that of one resampling of the whole. (Left to itself,
    Pillow chooses the order by each tile's shape, and the clipping between the two passes shows.)
    """
    # Colours under transparency must not bleed: resample them multiplied by it.
    ground = source.convert("RGBa") if source.mode == "RGBA" else source
    result = Image.new(ground.mode, (size.width, size.height))
    across, down = source.width / size.width, source.height / size.height
    wide, tall = max(1, int(tile / across)), max(1, int(tile / down))
    boxes = [
        (x, y, min(x + wide, size.width), min(y + tall, size.height))
        for y in range(0, size.height, tall)
        for x in range(0, size.width, wide)
    ]
    for done, (left, top, right, bottom) in enumerate(boxes, 1):
        above = max(0, int(top * down) - _OVERLAP)
        below = min(source.height, int(bottom * down) + 1 + _OVERLAP)
        rows = ground.resize(
            (right - left, below - above),
            Image.Resampling.LANCZOS,
            box=(left * across, above, min(right * across, source.width), below),
        )
        part = rows.resize(
            (right - left, bottom - top),
            Image.Resampling.LANCZOS,
            box=(0, top * down - above, right - left, min(bottom * down, source.height) - above),
        )
        result.paste(part, (left, top))
        yield done, len(boxes), result if done < len(boxes) else result.convert(source.mode)
