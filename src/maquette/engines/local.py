"""Local edits: cut a region out, put what was drawn back, touch nothing else.

Shared by every engine that inpaints or outpaints. Only the neighbourhood of a mask is drawn, at
the size that the model is best at; the result is blended inside the mask alone, so that every
pixel where the mask is 0 keeps its bytes.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFilter

from maquette.core.geometry import Box, Size
from maquette.core.raster import seam_score

__all__ = ["close_region", "evened", "extend", "open_region"]

_TONE = 30.0
"""Levels of 255 within which two colours at a border are tones of the same thing."""
_ALONG = 6.0
"""Pixels along a border over which its tones are smoothed."""
_MARGIN = 3
"""Pixels around a region that the seam is measured against."""


def open_region(
    image: Image.Image, mask: Image.Image, region: Box, work: Size
) -> tuple[Image.Image, Image.Image]:
    """Cut ``region`` out of a picture and its mask and bring both to the size ``work``.

    The picture is resampled with Lanczos, the mask bilinearly (averaging where it shrinks);
    nothing outside the region is looked at. Transparent places are laid on white.

    Returns:
        (picture RGB, mask L), both of size ``work``.

    Raises:
        ValueError: when the mask is not of the picture's size or the region is not inside it.
    """
    _check(image, mask, region)
    size = (work.width, work.height)
    picture = _flat(image.crop(region.corners))
    cut = mask.convert("L").crop(region.corners)
    if picture.size == size:
        return picture, cut
    return (
        picture.resize(size, Image.Resampling.LANCZOS),
        cut.resize(size, Image.Resampling.BILINEAR),
    )


def close_region(
    image: Image.Image, mask: Image.Image, region: Box, drawn: Image.Image, feather: int
) -> tuple[Image.Image, float]:
    """Put ``drawn`` (at any work size) back into ``region``, inside the mask only.

    The share of the drawn picture rises smoothly from 0 at the mask's edge to 1 ``feather`` pixels
    inside it, or to 1 in the middle of parts that are thinner than that. The picture's own edge is
    no edge of the mask. Where a soft mask is lower than the ramp, the mask counts.

    Returns:
        The picture in its own mode (RGB or RGBA) and the seam score of ``raster.seam_score``.
        Every pixel where the mask is 0 or that lies outside the region keeps its bytes, alpha
        included; inside, drawn pixels are laid over transparent ones.

    Raises:
        ValueError: when the mask is not of the picture's size or the region is not inside it.
    """
    _check(image, mask, region)
    picture = image if image.mode in {"RGB", "RGBA"} else image.convert("RGB")
    size = (region.width, region.height)
    new = drawn.convert("RGB")
    if new.size != size:
        new = new.resize(size, Image.Resampling.LANCZOS)

    result = np.array(picture)
    window = (slice(region.y, region.bottom), slice(region.x, region.right))
    whole = np.asarray(mask.convert("L"))
    share = _share(whole, region, feather)[..., None]
    old = result[window].astype(np.float32)
    fresh = np.asarray(new, dtype=np.float32)
    if picture.mode == "RGBA":
        opacity = old[..., 3:] / 255
        total = share + opacity * (1 - share)
        colour = fresh * share + old[..., :3] * (opacity * (1 - share))
        colour = np.where(total > 0, colour / np.maximum(total, 1e-6), old[..., :3])
        blended = np.concatenate([colour, total * 255], axis=-1)
    else:
        blended = old + (fresh - old) * share
    touched = share[..., 0] > 0
    result[window][touched] = np.clip(np.rint(blended[touched]), 0, 255).astype(np.uint8)

    left, top = max(0, region.x - _MARGIN), max(0, region.y - _MARGIN)
    near = (slice(top, region.bottom + _MARGIN), slice(left, region.right + _MARGIN))
    drawn_mask = np.zeros_like(whole)
    drawn_mask[window] = whole[window]
    return Image.fromarray(result), seam_score(result[near][..., :3], drawn_mask[near])


def evened(drawn: Image.Image, start: Image.Image, mask: Image.Image) -> Image.Image:
    """``drawn`` with its tones inside the mask brought to those of ``start`` around it.

    Along the mask's border the colours on both sides are compared, over a few pixels; what they
    differ by is added inward, the same all the way. Where they differ by far, another thing stands
    there and not another tone, and the neighbours decide. All three have one size.
    """
    inside = np.asarray(mask.convert("L")) > 127
    if inside.all() or not inside.any():
        return drawn
    new = np.asarray(drawn.convert("RGB"), np.float32)
    old = np.asarray(start.convert("RGB"), np.float32)
    apart = _near(old, ~inside) - _near(new, inside)
    touching = cv2.dilate(inside.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    border = touching & ~inside
    alike = np.exp(-((np.abs(apart).max(axis=-1) / _TONE) ** 2)) * border
    soft = cv2.GaussianBlur(alike.astype(np.float32), (0, 0), _ALONG)
    tones = cv2.GaussianBlur((apart * alike[..., None]).astype(np.float32), (0, 0), _ALONG)
    tones /= np.maximum(soft, 1e-6)[..., None]
    # Every new place takes the tone of the place on the border that is nearest to it.
    nearest: Any = cv2.distanceTransformWithLabels(
        (~border).astype(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    labels = nearest[1]
    found = np.zeros((int(labels.max()) + 1, 3), np.float32)
    found[labels[border]] = tones[border]
    spread = cv2.GaussianBlur(found[labels], (0, 0), _ALONG)
    result = np.where(inside[..., None], new + spread, new)
    return Image.fromarray(np.clip(np.rint(result), 0, 255).astype(np.uint8))


def _near(picture: npt.NDArray[np.float32], known: npt.NDArray[np.bool_]) -> npt.NDArray[Any]:
    """The mean of the known colours within a few pixels of every place."""
    share = cv2.GaussianBlur(known.astype(np.float32), (0, 0), 3)
    colours = cv2.GaussianBlur(picture * known[..., None].astype(np.float32), (0, 0), 3)
    return colours / np.maximum(share, 1e-6)[..., None]


def extend(
    image: Image.Image,
    left: int,
    top: int,
    right: int,
    bottom: int,
    *,
    overlap: int = 0,
    drawn_out: bool = False,
) -> tuple[Image.Image, Image.Image]:
    """A larger canvas to outpaint on: so many pixels more on each side.

    New places hold the picture mirrored at its edge and blurred more the further out they lie, so
    that a model starts from the right colours and from no sharp copy. ``drawn_out``: they hold the
    edge itself drawn out, so that nothing stands there twice and lines go on.

    Returns:
        (canvas RGB, mask L): the mask is white on exactly the new pixels, and on ``overlap`` pixels
        of the picture beside each side that grows.

    Raises:
        ValueError: for a negative side, or an overlap that leaves nothing of the picture.
    """
    if min(left, top, right, bottom) < 0:
        raise ValueError("a canvas is extended by 0 or more pixels")
    picture = _flat(image)
    if overlap:
        # The edge itself may be off: what is drawn out or mirrored begins behind the overlap.
        inset = [overlap if side else 0 for side in (left, top, right, bottom)]
        width, height = picture.size
        kept = (inset[0], inset[1], width - inset[2], height - inset[3])
        if kept[0] >= kept[2] or kept[1] >= kept[3]:
            raise ValueError(f"an overlap of {overlap} leaves nothing of {width}x{height}")
        sides = [a + b for a, b in zip((left, top, right, bottom), inset, strict=True)]
        canvas, mask = extend(picture.crop(kept), *sides, drawn_out=drawn_out)
        canvas.paste(picture, (left, top))
        return canvas, mask
    inner = np.asarray(picture)
    height, width = inner.shape[:2]
    around = ((top, bottom), (left, right), (0, 0))
    mirrored = np.pad(inner, around, mode="edge" if drawn_out else "symmetric")
    reach = max(left, top, right, bottom, 1)
    # What is drawn out has no copy to hide: a horizon stays where it is.
    soft = reach / (30 if drawn_out else 6)
    blurred = Image.fromarray(mirrored).filter(ImageFilter.GaussianBlur(max(2.0, soft)))

    row = np.arange(height + top + bottom)[:, None] - top
    column = np.arange(width + left + right)[None, :] - left
    away_y = np.maximum(np.maximum(-row, row - height + 1), 0)
    away_x = np.maximum(np.maximum(-column, column - width + 1), 0)
    away = np.maximum(away_y, away_x)
    far = np.clip(away / max(1.0, reach / 2), 0, 1).astype(np.float32)[..., None]
    canvas = np.rint(mirrored * (1 - far) + np.asarray(blurred) * far).astype(np.uint8)
    canvas[top : top + height, left : left + width] = inner
    mask = np.where(away > 0, np.uint8(255), np.uint8(0))
    return Image.fromarray(canvas), Image.fromarray(mask)


def _check(image: Image.Image, mask: Image.Image, region: Box) -> None:
    if mask.size != image.size:
        raise ValueError(f"the mask has {mask.size} pixels, the picture {image.size}")
    if region.right > image.width or region.bottom > image.height:
        raise ValueError(f"the region {region.corners} leaves the picture {image.size}")


def _flat(image: Image.Image) -> Image.Image:
    if "A" not in image.getbands():
        return image.convert("RGB")
    ground = Image.new("RGBA", image.size, "white")
    return Image.alpha_composite(ground, image.convert("RGBA")).convert("RGB")


def _share(mask: npt.NDArray[np.uint8], region: Box, feather: int) -> npt.NDArray[np.float32]:
    """How much of the drawn picture each pixel of the region takes, 0 to 1."""
    cut = mask[region.y : region.bottom, region.x : region.right]
    soft = cut.astype(np.float32) / np.float32(255)
    inside = cut > 0
    if feather <= 0 or (inside.all() and region.corners == (0, 0, *mask.shape[::-1])):
        return soft
    # Around the region lies no mask, except that a picture's own edge is repeated outwards.
    height, width = mask.shape
    ends = ((region.y, height - region.bottom), (region.x, width - region.right))
    padded = np.pad(inside, tuple((int(a == 0), int(b == 0)) for a, b in ends), mode="edge")
    padded = np.pad(padded, tuple((int(a > 0), int(b > 0)) for a, b in ends))
    deep = cv2.distanceTransform(padded.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    deep = deep[1:-1, 1:-1]
    reach = feather + 1
    # The ramp ends at the middle of what is thinner than the feather around here.
    ridge = cv2.dilate(deep, np.ones((2 * reach + 1, 2 * reach + 1), np.uint8))
    rise = np.clip(deep / np.clip(ridge, 1, reach), 0, 1)
    ramp = rise * rise * (3 - 2 * rise)
    return np.minimum(ramp.astype(np.float32), soft)
