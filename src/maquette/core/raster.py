"""Pictures as arrays: comparing them, shaping masks, drawing what was measured.

Pure functions. A picture is uint8 of shape (rows, columns, 3), a mask uint8 of shape
(rows, columns) with 255 = edit, a plane float32 of shape (rows, columns).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFilter

from maquette.core.geometry import Box, Size

__all__ = [
    "box_mask",
    "changed_pixels",
    "difference",
    "feather",
    "grow",
    "heat_colours",
    "heat_overlay",
    "invert",
    "luminance",
    "mask_box",
    "polygon_mask",
    "psnr",
    "seam_score",
    "shrink",
    "side_by_side",
    "ssim",
]

Bytes = npt.NDArray[np.uint8]
Plane = npt.NDArray[np.float32]
Flags = npt.NDArray[np.bool_]
Exact = npt.NDArray[np.float64]

_SEAM_FLOOR = 8.0


# --- Measuring ---------------------------------------------------------------------------------


def luminance(picture: Bytes) -> Plane:
    """Brightness as the screen shows it: Rec. 601 luma of the encoded values, 0 to 255."""
    return picture[..., :3].astype(np.float32) @ np.array([0.299, 0.587, 0.114], np.float32)


def psnr(a: Bytes, b: Bytes) -> float:
    """Peak signal-to-noise ratio over all channels in decibels; infinite for equal pictures.

    Raises:
        ValueError: for pictures of two sizes.
    """
    _same(a, b)
    apart = a.astype(np.float32) - b.astype(np.float32)
    error = float(np.mean(np.square(apart, out=apart), dtype=np.float64))
    return math.inf if error == 0 else 10 * math.log10(255**2 / error)


def ssim(a: Bytes, b: Bytes) -> float:
    """Structural similarity of the luminance, mean over the picture: 1 for equal ones.

    Gaussian window of 11 x 11, sigma 1.5, K1 = 0.01, K2 = 0.03, population statistics, only where
    the window fits, after Wang, Bovik, Sheikh and Simoncelli, "Image quality assessment: from
    error visibility to structural similarity", IEEE TIP 13(4), 2004. A side shorter than the
    window is continued with its edge.

    Raises:
        ValueError: for pictures of two sizes.
    """
    _same(a, b)
    x, y = _at_least_window(luminance(a)), _at_least_window(luminance(b))
    # A common offset changes no variance and keeps float32 exact enough.
    middle = np.float32(x.mean() / 2 + y.mean() / 2)
    np.subtract(x, middle, out=x)
    np.subtract(y, middle, out=y)
    mean_x, mean_y = _window(x), _window(y)
    spread = _window(x * x) + _window(y * y) - mean_x**2 - mean_y**2
    shared = _window(x * y) - mean_x * mean_y
    mean_x, mean_y = mean_x + middle, mean_y + middle
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    score = (2 * mean_x * mean_y + c1) * (2 * shared + c2)
    score /= (mean_x**2 + mean_y**2 + c1) * (spread + c2)
    return float(score.mean(dtype=np.float64))


_BELL: Exact = np.exp(-(np.arange(-5, 6, dtype=np.float64) ** 2) / (2 * 1.5**2))
_TAPS: Plane = (_BELL / _BELL.sum()).astype(np.float32)


def _window(plane: Plane) -> Plane:
    rows, columns = plane.shape[0] - 10, plane.shape[1] - 10
    down = np.zeros((rows, plane.shape[1]), np.float32)
    for at, tap in enumerate(_TAPS):
        down += tap * plane[at : at + rows]
    across = np.zeros((rows, columns), np.float32)
    for at, tap in enumerate(_TAPS):
        across += tap * down[:, at : at + columns]
    return across


def _at_least_window(plane: Plane) -> Plane:
    missing = [max(0, 11 - side) for side in plane.shape]
    return np.pad(plane, [(n // 2, n - n // 2) for n in missing], mode="edge")


def changed_pixels(a: Bytes, b: Bytes) -> Flags:
    """Which pixels differ in any channel, shape (rows, columns); its sum is their number.

    Raises:
        ValueError: for pictures of two sizes.
    """
    _same(a, b)
    return (a != b).any(axis=-1)


def seam_score(picture: Bytes, mask: Bytes) -> float:
    """How visible the border of an edit is: 0 invisible, towards 1 as bad as it gets.

    ``across`` is the mean absolute step (0 to 255, over channels) between horizontal and vertical
    neighbours of which one lies inside the mask (> 0) and one outside; ``beside`` the same for the
    pairs directly next to those, on either side. With ``excess = max(0, across - beside)`` the
    score is ``excess / (excess + beside + 8)``: a step counts against how busy the picture is
    there, and 8 levels, about what an eye notices in a flat area, halve it.

    A mask without a border inside the picture scores 0.
    """
    inside = mask > 0
    across: list[Plane] = []
    beside: list[Plane] = []
    for axis in (0, 1):
        values = np.moveaxis(picture, axis, 0).astype(np.int16)
        side = np.moveaxis(inside, axis, 0)
        step = np.abs(np.diff(values, axis=0)).mean(axis=-1, dtype=np.float32)
        border = side[1:] != side[:-1]
        near = np.zeros_like(border)
        near[1:] |= border[:-1]
        near[:-1] |= border[1:]
        across.append(step[border])
        beside.append(step[near & ~border])
    steps, natural = np.concatenate(across), np.concatenate(beside)
    if not steps.size:
        return 0.0
    calm = float(natural.mean()) if natural.size else 0.0
    excess = max(0.0, float(steps.mean()) - calm)
    return excess / (excess + calm + _SEAM_FLOOR)


def _same(a: Bytes, b: Bytes) -> None:
    if a.shape != b.shape:
        raise ValueError(f"pictures of two sizes: {a.shape} and {b.shape}")


# --- Masks -------------------------------------------------------------------------------------


def box_mask(size: Size, box: Box) -> Bytes:
    """A mask that is white inside the box, as far as it lies in the picture."""
    mask = np.zeros((size.height, size.width), np.uint8)
    mask[box.y : box.bottom, box.x : box.right] = 255
    return mask


def polygon_mask(size: Size, points: Sequence[tuple[float, float]]) -> Bytes:
    """A mask that is white inside the polygon, its outline included; points are (x, y)."""
    image = Image.new("L", (size.width, size.height))
    ImageDraw.Draw(image).polygon([(float(x), float(y)) for x, y in points], fill=255, outline=255)
    return np.array(image)


def grow(mask: Bytes, pixels: int) -> Bytes:
    """Widen a mask by so many pixels in every direction (a regular octagon, near to a disc)."""
    # An octagon is a square widened along both diagonals; each is a running maximum on a line.
    diagonal = min(round(0.293 * pixels), max(0, (pixels - 1) // 2))
    straight = pixels - 2 * diagonal
    rows, columns = mask.shape
    wide = np.pad(mask, pixels)  # so that no way to a pixel is cut off at the edge
    for direction, reach in (((0, 1), straight), ((1, 0), straight), ((1, 1), diagonal)):
        wide = _running_maximum(wide, direction, reach)
    wide = _running_maximum(wide[:, ::-1], (1, 1), diagonal)[:, ::-1]
    return wide[pixels : pixels + rows, pixels : pixels + columns]


def shrink(mask: Bytes, pixels: int) -> Bytes:
    """Narrow a mask by so many pixels; the picture's own edge eats nothing."""
    return invert(grow(invert(mask), pixels))


def _running_maximum(mask: Bytes, direction: tuple[int, int], reach: int) -> Bytes:
    if reach <= 0:
        return mask
    (down, right), (rows, columns) = direction, mask.shape
    padded = np.pad(mask, ((reach * down,) * 2, (reach * right,) * 2))
    done, length = 1, 2 * reach + 1
    while done < length:
        by = min(done, length - done)
        further = padded[by * down :, by * right :]
        kept = padded[: further.shape[0], : further.shape[1]]
        padded = np.maximum(kept, further)
        done += by
    return padded[:rows, :columns]


def feather(mask: Bytes, radius: float) -> Bytes:
    """Soften a mask's edge with a Gaussian of this radius in pixels, to both sides."""
    if radius <= 0:
        return mask
    return np.array(Image.fromarray(mask).filter(ImageFilter.GaussianBlur(radius)))


def invert(mask: Bytes) -> Bytes:
    """White where it was black."""
    return 255 - mask


def mask_box(mask: Bytes) -> Box | None:
    """The smallest box around everything above 0, or None for an empty mask."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not rows.size:
        return None
    y, x = int(rows[0]), int(columns[0])
    return Box(x=x, y=y, width=int(columns[-1]) + 1 - x, height=int(rows[-1]) + 1 - y)


# --- Drawing -----------------------------------------------------------------------------------


def difference(a: Bytes, b: Bytes, gain: float = 4.0) -> Image.Image:
    """How far two pictures lie apart, per channel, ``gain`` times amplified; black is equal.

    Raises:
        ValueError: for pictures of two sizes.
    """
    _same(a, b)
    apart = np.abs(a.astype(np.int16) - b.astype(np.int16)).astype(np.float32)
    return Image.fromarray(np.clip(apart * gain, 0, 255).astype(np.uint8))


def side_by_side(pictures: Sequence[Image.Image], gap: int = 8) -> Image.Image:
    """Pictures in one row at their own sizes, tops aligned, on a neutral mid grey."""
    width = sum(picture.width for picture in pictures) + gap * (len(pictures) - 1)
    sheet = Image.new("RGB", (width, max(picture.height for picture in pictures)), (119, 119, 119))
    x = 0
    for picture in pictures:
        sheet.paste(picture.convert("RGB"), (x, 0))
        x += picture.width + gap
    return sheet


@lru_cache(maxsize=1)
def heat_colours() -> Bytes:
    """256 colours for values from 0 to 1, shape (256, 3): night blue, purple, red, amber, straw.

    The path runs through OKLab (Björn Ottosson, "A perceptual color space for image processing",
    2020) with evenly rising lightness and is walked in equal perceived steps, so that equal
    differences of the value look equal.
    """
    stops: Exact = np.array(
        [  # lightness, chroma, hue in degrees
            (0.16, 0.05, 275),
            (0.36, 0.14, 300),
            (0.55, 0.19, 362),
            (0.74, 0.16, 415),
            (0.96, 0.07, 460),
        ]
    )
    light, chroma, hue = _along(stops, np.linspace(0, 1, 4097)).T
    lab: Exact = np.column_stack(
        [light, chroma * np.cos(np.radians(hue)), chroma * np.sin(np.radians(hue))]
    )
    walked: Exact = np.cumsum(np.linalg.norm(np.diff(lab, axis=0, prepend=lab[:1]), axis=1))
    even: Exact = np.linspace(0, float(walked[-1]), 256)
    lab = lab[np.searchsorted(walked, even)]
    to_cones: Exact = np.array(
        [
            [1, 0.3963377774, 0.2158037573],
            [1, -0.1055613458, -0.0638541728],
            [1, -0.0894841775, -1.2914855480],
        ]
    )
    to_rgb: Exact = np.array(
        [
            [4.0767416621, -3.3077115913, 0.2309699292],
            [-1.2684380046, 2.6097574011, -0.3413193965],
            [-0.0041960863, -0.7034186147, 1.7076147010],
        ]
    )
    linear: Exact = np.clip((lab @ to_cones.T) ** 3 @ to_rgb.T, 0, 1)
    encoded: Exact = np.where(
        linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055
    )
    return np.rint(encoded * 255).astype(np.uint8)


def _along(stops: Exact, at: Exact) -> Exact:
    """Points on the straight lines between the rows of ``stops``, 0 the first, 1 the last."""
    place = at * (len(stops) - 1)
    before = np.minimum(place.astype(np.int64), len(stops) - 2)
    part = (place - before)[:, None]
    return stops[before] * (1 - part) + stops[before + 1] * part


def heat_overlay(picture: Image.Image, heat: Plane, strength: float = 0.8) -> Image.Image:
    """A map (0 to 1, of the picture's size) in colour over the picture in greys.

    Cold places keep more of the picture, hot ones show ``strength`` of the colour.

    Raises:
        ValueError: when the map is not of the picture's size.
    """
    if heat.shape != (picture.height, picture.width):
        raise ValueError(f"a map of shape {heat.shape} does not fit {picture.size}")
    values = np.clip(heat, 0, 1)
    colour = heat_colours()[np.rint(values * 255).astype(np.uint8)].astype(np.float32)
    grey = luminance(np.asarray(picture.convert("RGB")))[..., None] * np.float32(0.8)
    share = (strength * (0.45 + 0.55 * values)).astype(np.float32)[..., None]
    return Image.fromarray(np.rint(grey + (colour - grey) * share).astype(np.uint8))
