"""Layers laid on a picture: bent onto surfaces, shaded by what lies below, blended exactly.

What no layer covers keeps its bytes. Placed upright at its own size a layer is copied pixel by
pixel; else it is sampled sixteen times a pixel from a copy that was reduced to about its new size.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

from maquette.core.colour import encode, linear
from maquette.core.geometry import Box
from maquette.core.picture import size_of
from maquette.core.pixel_tasks import Composite, Layer
from maquette.engines.pixels.faithful import faithfulness
from maquette.engines.pixels.texture import texture_kept
from maquette.errors import EngineFailed

__all__ = ["composited", "shade_of"]

Bytes = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]

_FINE = 4
"""Samples a pixel in each direction."""
_EXACT_MOST = 64 << 20
"""Values of a layer that are kept in floating point."""
_LONGEST = 32_000
"""Pixels a side that can be sampled from (OpenCV's remap counts in 16 bits)."""
_PIXELS = 1 << 16
"""Pixels of the picture that are worked on at a time, in whole rows."""


def composited(
    source: Image.Image, task: Composite, read: Callable[[str], Image.Image]
) -> Generator[tuple[int, int], None, tuple[Image.Image, dict[str, float]]]:
    """Yields (strips done, strips), returns the picture in its own mode and, for one layer, how
    faithfully it stands there (``faithful``, ``stretch``), for the uppermost whether it keeps its
    texture (``texture``, ``tint``).

    Raises:
        EngineFailed: a crop that leaves its layer's picture.
    """
    result = np.array(source)
    notes: dict[str, float] = {}
    strips = [_strips(layer, source) for layer in task.layers]
    done, total = 0, sum(map(len, strips))
    for layer, parts in zip(task.layers, strips, strict=True):
        box = layer.surface.bounds(size_of(source))
        if box is None:
            continue
        picture = _cut(read(layer.image), layer)
        mask = np.asarray(read(layer.mask).convert("L")) if layer.mask is not None else None
        ink = _ink(picture, layer)
        shade = shade_of(np.asarray(source), layer, box) if layer.shading else None
        for part in parts:
            above = part.y - box.y
            light = shade[above : above + part.height] if shade is not None else None
            _lay(result, ink, layer, part, light=light, mask=mask)
            done += 1
            yield done, total
        if len(task.layers) == 1:
            notes |= faithfulness(Image.fromarray(result), picture, layer)
        if layer is task.layers[-1] and layer.blend == "normal" and layer.mask is None:
            notes |= texture_kept(Image.fromarray(result), picture, layer)
    return Image.fromarray(result), notes


def _strips(layer: Layer, source: Image.Image) -> list[Box]:
    """The rows that a layer touches, so many at a time as memory allows."""
    box = layer.surface.bounds(size_of(source))
    if box is None:
        return []
    rows = max(1, _PIXELS // box.width)
    return [
        Box(x=box.x, y=top, width=box.width, height=min(rows, box.bottom - top))
        for top in range(box.y, box.bottom, rows)
    ]


def _cut(picture: Image.Image, layer: Layer) -> Image.Image:
    crop = layer.crop
    if crop is not None:
        if crop.right > picture.width or crop.bottom > picture.height:
            raise EngineFailed(
                f"the part {crop.corners} leaves the layer's picture {size_of(picture)}"
            )
        picture = picture.crop(crop.corners)
    return picture.convert("RGBA")


def _lay(
    result: Bytes,
    ink: _Ink,
    layer: Layer,
    part: Box,
    *,
    light: Floats | None,
    mask: Bytes | None,
) -> None:
    """Lay the rows ``part`` of a layer into ``result``."""
    colour, cover = _drawn(ink, layer, part)
    cover *= np.float32(layer.opacity)
    window = (slice(part.y, part.bottom), slice(part.x, part.right))
    if mask is not None:
        cover *= mask[window].astype(np.float32)[..., None] / 255
    touched = cover[..., 0] > 0
    if not touched.any():
        return
    below = result[window]
    if light is not None:
        lit = linear(np.rint(colour).astype(np.uint8)) * light[..., None]
        shaded = encode(lit.astype(np.float32)) * 255
        colour += np.float32(layer.shading) * (shaded - colour)
    ground = below[..., :3].astype(np.float32)
    if below.shape[-1] == 4:
        backdrop = below[..., 3:].astype(np.float32) / 255
        mixed = (1 - backdrop) * colour + backdrop * _blend(layer.blend, ground, colour)
        total = cover + backdrop * (1 - cover)
        over = mixed * cover + ground * backdrop * (1 - cover)
        new = np.concatenate([over / np.maximum(total, 1e-6), total * 255], axis=-1)
    else:
        mixed = _blend(layer.blend, ground, colour)
        new = ground + (mixed - ground) * cover
    below[touched] = np.clip(np.rint(new[touched]), 0, 255).astype(np.uint8)


@dataclass(frozen=True)
class _Ink:
    """A layer's picture ready to be laid: ``exact`` at its own size in its box, or ``fine``, with
    colours multiplied by alpha, to be sampled."""

    exact: Image.Image | None
    fine: npt.NDArray[Any]


def _ink(picture: Image.Image, layer: Layer) -> _Ink:
    box = layer.surface.box
    own = layer.window == (0, 0, 1, 1)
    if box is not None and own and picture.size == (box.width, box.height):
        return _Ink(picture, np.zeros((0, 0, 4), np.uint8))
    fine = np.asarray(_reduced(picture, layer).convert("RGBa"))
    # Floating point keeps a little more; of very large layers it would keep too much.
    return _Ink(None, fine.astype(np.float32) if fine.size <= _EXACT_MOST else fine)


def _drawn(ink: _Ink, layer: Layer, part: Box) -> tuple[Floats, Floats]:
    """Colours 0 to 255, shape (rows, columns, 3), and cover 0 to 1, (rows, columns, 1)."""
    box = layer.surface.box
    if ink.exact is not None and box is not None:
        left, top = part.x - box.x, part.y - box.y
        drawn = ink.exact.crop((left, top, left + part.width, top + part.height))
        exact = np.asarray(drawn, np.float32)
        cover = exact[..., 3:] / 255 * _feathered(layer, part, 1)[..., None]
        return exact[..., :3].copy(), cover.astype(np.float32)
    u, v = _places(layer, part, _FINE)
    inside = (u >= 0) & (u <= 1) & (v >= 0) & (v <= 1)
    rows, columns = ink.fine.shape[:2]
    x = np.where(inside, u * columns - 0.5, -10).astype(np.float32)
    y = np.where(inside, v * rows - 0.5, -10).astype(np.float32)
    sampled = cv2.remap(ink.fine, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    drawn = sampled.astype(np.float32)
    drawn *= (inside * _feathered(layer, part, _FINE))[..., None].astype(np.float32)
    mean = drawn.reshape(part.height, _FINE, part.width, _FINE, 4).mean(axis=(1, 3))
    cover = mean[..., 3:] / 255
    return (mean[..., :3] / np.maximum(cover, 1e-6)).astype(np.float32), cover.astype(np.float32)


def _places(
    layer: Layer, part: Box, fine: int
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Where in the layer's picture (0 to 1, or beyond) each sample lies."""
    x = part.x + (np.arange(part.width * fine) + 0.5) / fine
    y = part.y + (np.arange(part.height * fine) + 0.5) / fine
    u, v = layer.surface.from_picture(*np.meshgrid(x, y))
    left, top, right, bottom = layer.window
    return (u - left) / (right - left), (v - top) / (bottom - top)


def _reduced(picture: Image.Image, layer: Layer) -> Image.Image:
    """The picture at twice the size that it takes on its surface, where it has more."""
    left, top, right, bottom = layer.window
    edge = np.linspace(0, 1, 17)
    u, v = left + edge * (right - left), top + edge * (bottom - top)
    middle = np.full_like(edge, 0.5)
    across = _walked(*layer.surface.to_picture(u, top + middle * (bottom - top)))
    down = _walked(*layer.surface.to_picture(left + middle * (right - left), v))
    width = min(picture.width, max(1, round(2 * across)), _LONGEST)
    height = min(picture.height, max(1, round(2 * down)), _LONGEST)
    if (width, height) == picture.size:
        return picture
    small = picture.convert("RGBa").resize((width, height), Image.Resampling.LANCZOS)
    return small.convert("RGBA")


def _walked(x: npt.NDArray[np.float64], y: npt.NDArray[np.float64]) -> float:
    return float(np.hypot(np.diff(x), np.diff(y)).sum())


def _feathered(layer: Layer, part: Box, fine: int) -> Floats:
    """1 inside, falling to 0 over ``feather`` pixels towards the layer's border."""
    if not layer.feather:
        return np.ones((part.height * fine, part.width * fine), np.float32)
    u, v = _places(layer, part, fine)
    left, top, right, bottom = layer.window
    corners = layer.surface.to_picture(np.array([left, right, left]), np.array([top, top, bottom]))
    wide = max(1.0, float(np.hypot(*(side[1] - side[0] for side in corners))))
    tall = max(1.0, float(np.hypot(*(side[2] - side[0] for side in corners))))
    deep = np.minimum(np.minimum(u, 1 - u) * wide, np.minimum(v, 1 - v) * tall)
    rise = np.clip(np.nan_to_num(deep, nan=-1.0) / layer.feather, 0, 1)
    return (rise * rise * (3 - 2 * rise)).astype(np.float32)


def shade_of(picture: Bytes, layer: Layer, box: Box) -> Floats:
    """How light falls on the surface, shape of its bounds ``box``: 1 where it is brightest, less
    in shadow.

    It is the luminance of what lies below, without its small detail, by that of its brightest
    places (its 90th percentile).
    """
    area = picture[box.y : box.bottom, box.x : box.right, :3]
    light = linear(area) @ np.array([0.2126, 0.7152, 0.0722], np.float32)
    x = box.x + np.arange(box.width, dtype=np.float64) + 0.5
    y = box.y + np.arange(box.height, dtype=np.float64) + 0.5
    across, down = np.meshgrid(x, y)
    u, v = layer.surface.from_picture(across.astype(np.float64), down.astype(np.float64))
    inside = ((u >= 0) & (u <= 1) & (v >= 0) & (v <= 1)).astype(np.float32)
    reach = max(1.0, 0.04 * max(box.width, box.height))
    # Only the surface's own light: what lies beside it must not bleed in.
    known = cv2.GaussianBlur(inside, (0, 0), reach)
    soft = cv2.GaussianBlur(light * inside, (0, 0), reach) / np.maximum(known, 1e-4)
    seen = soft[inside > 0]
    full = float(np.percentile(seen, 90)) if seen.size else 1.0
    return np.clip(soft / max(full, 1e-4), 0, 1.25).astype(np.float32)


def _blend(how: str, below: Floats, above: Floats) -> Floats:
    """Colours 0 to 255 (W3C Compositing and Blending Level 1, "Separable blend modes")."""
    a, b = below / 255, above / 255
    match how:
        case "multiply":
            out = a * b
        case "screen":
            out = a + b - a * b
        case "overlay":
            out = np.where(a <= 0.5, 2 * a * b, 1 - 2 * (1 - a) * (1 - b))
        case "darken":
            out = np.minimum(a, b)
        case "lighten":
            out = np.maximum(a, b)
        case "add":
            out = np.minimum(1, a + b)
        case "soft-light":
            root = np.where(a <= 0.25, ((16 * a - 12) * a + 4) * a, np.sqrt(a))
            out = np.where(b <= 0.5, a - (1 - 2 * b) * a * (1 - a), a + (2 * b - 1) * (root - a))
        case _:
            return above
    return (out * 255).astype(np.float32)
