"""Masks: from a box, a polygon, a word's token map, a colour, or the alpha. White = edit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

from maquette.core import heat, raster
from maquette.core.geometry import Box, Size
from maquette.core.trace import Trace
from maquette.errors import MaskRefused, SettingRefused
from maquette.operations import settings

__all__ = [
    "MAX_GROW",
    "make_mask",
    "mask_from_alpha",
    "mask_from_box",
    "mask_from_colour",
    "mask_from_polygon",
    "mask_from_token",
]

MAX_GROW = 512

_PART = 0.25
"""A separate part of a token's map is kept when it holds this share of the largest part's heat."""

_LEVELS = 256


def make_mask(
    size: Size,
    *,
    box: tuple[int, int, int, int] | None = None,
    polygon: Sequence[tuple[float, float]] | None = None,
    token: str | Sequence[str] | None = None,
    trace: Trace | None = None,
    colour: tuple[int, int, float] | None = None,
    alpha: bool = False,
    picture: Image.Image | None = None,
    threshold: float | Literal["otsu"] = 0.5,
    grow: int = 0,
    feather: int = 0,
    invert: bool = False,
) -> Image.Image:
    """A mask from exactly one of ``box`` (x, y, width, height), ``polygon``, ``token``, ``colour``
    (x, y, tolerance) or ``alpha``; the last two need the ``picture``.

    Then, in this order: grown (shrunk when negative) and softened by so many pixels, inverted.

    Raises:
        MaskRefused: nothing of it lies in the picture, or nothing is left.
        SettingRefused: not exactly one way given, or a number out of its range.
        WordUnknown: the prompt does not hold the token.
    """
    if sum((*(way is not None for way in (box, polygon, token, colour)), alpha)) != 1:
        raise SettingRefused(
            "a mask comes from one thing", hint="give one of box, polygon, token, colour or alpha"
        )
    settings.whole("grow", grow, -MAX_GROW, MAX_GROW)
    settings.whole("feather", feather, 0, MAX_GROW)
    if box is not None:
        image = mask_from_box(size, box)
    elif polygon is not None:
        image = mask_from_polygon(size, polygon)
    elif colour is not None and picture is not None:
        image = mask_from_colour(picture, *colour)
    elif alpha and picture is not None:
        image = mask_from_alpha(picture)
    elif token is not None and trace is not None:
        image = mask_from_token(trace, size, token, threshold=threshold)
    else:
        raise SettingRefused("a mask from this needs the picture, or its token maps")
    mask = np.asarray(image)
    mask = raster.grow(mask, grow) if grow >= 0 else raster.shrink(mask, -grow)
    mask = raster.feather(mask, feather)
    if invert:
        mask = raster.invert(mask)
    return _filled(mask, "shrinking and inverting leave nothing of this mask")


def mask_from_box(size: Size, box: tuple[int, int, int, int]) -> Image.Image:
    """A mask that is white inside (x, y, width, height), cut at the picture's edges.

    Raises:
        MaskRefused: an empty box, or one outside the picture.
    """
    x, y, width, height = box
    left, top = max(0, x), max(0, y)
    right, bottom = min(size.width, x + width), min(size.height, y + height)
    if width < 1 or height < 1 or left >= right or top >= bottom:
        raise MaskRefused(
            f"the box {x},{y},{width},{height} covers nothing of a picture of {size}",
            hint="give x, y, width and height in pixels, from the top left corner",
        )
    inside = Box(x=left, y=top, width=right - left, height=bottom - top)
    return Image.fromarray(raster.box_mask(size, inside))


def mask_from_polygon(size: Size, points: Sequence[tuple[float, float]]) -> Image.Image:
    """A mask that is white inside a polygon of (x, y) corners, cut at the picture's edges.

    Raises:
        MaskRefused: fewer than three corners, or nothing inside the picture.
    """
    if len(points) < 3:
        raise MaskRefused(
            f"a polygon of {len(points)} corners holds no area", hint="give three or more"
        )
    if not np.isfinite(np.asarray(points, dtype=np.float64)).all():
        raise MaskRefused("a corner of the polygon is no number", hint="give x and y in pixels")
    # Far-off corners would overflow the drawing; nothing beyond one picture away matters.
    reach_x, reach_y = 2 * size.width + 1, 2 * size.height + 1
    near = [(min(max(x, -reach_x), reach_x), min(max(y, -reach_y), reach_y)) for x, y in points]
    mask = raster.polygon_mask(size, near)
    return _filled(mask, f"the polygon covers nothing of a picture of {size}")


def mask_from_token(
    trace: Trace,
    size: Size,
    token: str | Sequence[str],
    *,
    threshold: float | Literal["otsu"] = 0.5,
) -> Image.Image:
    """A mask of what a word, a phrase or several of them drew, from the token map.

    The map is laid on its place in the picture and smoothed by half of one of its cells; what
    reaches ``threshold`` times its maximum is kept, or what Otsu's method sets apart. Specks are
    dropped, holes filled.

    Raises:
        WordUnknown: the prompt does not hold a token.
        MaskRefused: the map is empty, or the same everywhere.
        SettingRefused: a threshold outside 0.05 to 0.95.
    """
    tokens = [token] if isinstance(token, str) else list(token)
    if not tokens:
        raise SettingRefused("a mask from words needs a word", hint="give one of the prompt's")
    if threshold != "otsu":
        settings.bounded("threshold", threshold, 0.05, 0.95)
    name = " + ".join(tokens)
    mask = np.zeros((size.height, size.width), np.uint8)
    for each in tokens:
        mask |= _token_mask(_smoothed(heat.heat(trace, size, each), trace, size), threshold)
    if not mask.any():
        raise MaskRefused(
            f"the token map of '{name}' points nowhere", hint="paint the mask, or give a box"
        )
    return Image.fromarray(mask)


def mask_from_colour(picture: Image.Image, x: int, y: int, tolerance: float = 12.0) -> Image.Image:
    """What hangs together around a place and is of its colour, to within ``tolerance`` (CIELAB
    distance, CIE 1976: 2 can just be told apart, 100 is black to white).

    Raises:
        MaskRefused: the place is not in the picture.
        SettingRefused: a tolerance outside 0 to 100.
    """
    settings.bounded("tolerance", tolerance, 0, 100)
    if not (0 <= x < picture.width and 0 <= y < picture.height):
        raise MaskRefused(
            f"{x},{y} is outside a picture of {picture.width}x{picture.height}",
            hint="point at a place in the picture",
        )
    colours = np.asarray(picture.convert("RGB"), dtype=np.float32) / np.float32(255)
    lab = np.asarray(cv2.cvtColor(colours, cv2.COLOR_RGB2LAB))
    # One pixel may be a speck of noise: what is meant is the colour around it.
    around = lab[max(0, y - 1) : y + 2, max(0, x - 1) : x + 2].mean(axis=(0, 1))
    apart = np.linalg.norm(lab - around, axis=-1)
    apart[y, x] = 0
    near = (apart <= tolerance + 1e-3).astype(np.uint8)
    parts: tuple[int, Any] = cv2.connectedComponents(near, connectivity=4)
    region = (parts[1] == parts[1][y, x]).astype(np.uint8)
    return Image.fromarray(_without_specks(region) * np.uint8(255))


def _without_specks(region: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """The region with its small holes filled: those below a hundredth of it."""
    parts: Any = cv2.connectedComponentsWithStats(1 - region, connectivity=4)
    labels, areas = parts[1], parts[2][:, cv2.CC_STAT_AREA]
    small = areas < max(4, int(region.sum()) // 100)
    small[0] = False  # the label of the region itself
    return (region | small[labels]).astype(np.uint8)


def mask_from_alpha(picture: Image.Image) -> Image.Image:
    """What is transparent in a picture, as far as it is.

    Raises:
        MaskRefused: it has no transparency.
    """
    if picture.mode != "RGBA" or picture.getchannel("A").getextrema() == (255, 255):
        raise MaskRefused("the picture has no transparency", hint="paint the mask, or give a box")
    return Image.fromarray(raster.invert(np.asarray(picture.getchannel("A"))))


def _smoothed(plane: heat.Plane, trace: Trace, size: Size) -> heat.Plane:
    region = heat.region_of(trace, size)
    rows, columns = trace.maps.shape[1:]
    sigma = (region.width / columns / 2, region.height / rows / 2)
    window = (slice(region.y, region.bottom), slice(region.x, region.right))
    smooth = np.zeros_like(plane)
    smooth[window] = cv2.GaussianBlur(plane[window], (0, 0), sigma[0], sigmaY=sigma[1])
    return smooth


def _token_mask(plane: heat.Plane, threshold: float | Literal["otsu"]) -> npt.NDArray[np.uint8]:
    peak = float(plane.max())
    if peak <= 0:
        return np.zeros(plane.shape, np.uint8)
    plane = plane / np.float32(peak)
    level = _otsu(plane) if threshold == "otsu" else threshold
    flags = (plane >= level).astype(np.uint8)
    return _tidy(flags, plane) * np.uint8(255)


def _tidy(flags: npt.NDArray[np.uint8], plane: heat.Plane) -> npt.NDArray[np.uint8]:
    """Only the parts with much of the heat, and no holes in them."""
    parts: tuple[int, Any] = cv2.connectedComponents(flags, connectivity=8)
    count, labels = parts
    held = np.bincount(labels.ravel(), weights=plane.ravel(), minlength=count)[1:]
    keep = np.concatenate([[False], held >= _PART * held.max()])
    kept = keep[labels].astype(np.uint8)
    # Whatever of the background cannot be reached from outside the picture is a hole.
    outside = np.pad(1 - kept, 1, constant_values=1)
    reached: Any = cv2.connectedComponents(outside, connectivity=4)[1]
    return (reached != reached[0, 0])[1:-1, 1:-1].astype(np.uint8)


def _otsu(plane: heat.Plane) -> float:
    """The level that sets two groups of values furthest apart.

    N. Otsu, "A threshold selection method from gray-level histograms", IEEE Transactions on
    Systems, Man, and Cybernetics 9(1), 1979.
    """
    counts, edges = np.histogram(plane, bins=_LEVELS, range=(0, 1))
    middles = (edges[1:] + edges[:-1]) / 2
    below = np.cumsum(counts)
    above = below[-1] - below
    sums = np.cumsum(counts * middles)
    with np.errstate(divide="ignore", invalid="ignore"):
        apart = below * above * (sums / below - (sums[-1] - sums) / above) ** 2
    return float(edges[1:][np.nanargmax(apart[:-1])]) if np.isfinite(apart[:-1]).any() else 1.0


def _filled(mask: npt.NDArray[np.uint8], complaint: str) -> Image.Image:
    if not mask.any():
        raise MaskRefused(complaint)
    return Image.fromarray(np.ascontiguousarray(mask))
