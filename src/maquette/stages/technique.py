"""Technical quality: how well a picture is made, whatever it shows.

This is no judge of beauty. It says what a print shop would: is it sharp where one looks, is it free
of noise and of the blocks of compression, is its light within the range, has it contrast and
colour, does what stands out lie within the frame. No network is asked, and ``docs/stages.md`` says
how often a clean picture is put before its own damaged copy.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

from maquette.core.raster import luminance
from maquette.core.salience import standing_out

__all__ = ["WEIGHTS", "Technique", "technique_of"]

Plane = npt.NDArray[np.float32]

WEIGHTS = {
    "sharp": 0.3,
    "clean": 0.3,
    "light": 0.1,
    "contrast": 0.1,
    "colour": 0.1,
    "framed": 0.1,
}
"""What each part counts."""

LARGEST = 1024
"""Of a larger picture the middle is looked at, pixel by pixel: reduced, every picture is sharp."""
EDGE, WINDOW = 40.0, 15
"""Steps of brightness within so many pixels that count as an edge."""
SHARP = 0.75
"""|Laplacian| over the range around it, at the sharpest edges, of a picture as sharp as can be."""
NOISE = 6.0
"""Noise (its deviation, of 255) that spoils a picture."""
BLOCKS = 0.6
"""How much steeper than others the borders of 8 x 8 blocks are in a picture spoiled by them."""
RANGE = 200.0
"""Brightness between the darkest and the brightest hundredth of a picture in full contrast."""
COLOURFUL = 45.0
"""Colourfulness that people call average; more is not better."""
BORDER = 0.06
"""Part of a side that is the border."""


@dataclass(frozen=True)
class Technique:
    """Parts of 0 (bad) to 1 (good); ``sharp`` is None where there is no edge to tell it by."""

    sharp: float | None
    clean: float
    light: float
    contrast: float
    colour: float
    framed: float

    @property
    def score(self) -> float:
        """The weighted mean of what could be measured, 0 to 1."""
        found = {name: part for name, part in asdict(self).items() if part is not None}
        weight = sum(WEIGHTS[name] for name in found)
        return sum(WEIGHTS[name] * part for name, part in found.items()) / weight

    @property
    def least(self) -> str:
        """The part that costs the score the most, with its value: ``contrast 56%``."""
        found = {name: part for name, part in asdict(self).items() if part is not None}
        name = max(found, key=lambda each: WEIGHTS[each] * (1 - found[each]))
        return f"{name} {found[name]:.0%}"


def technique_of(picture: Image.Image) -> Technique:
    """Look at a picture; a transparent one lies on white."""
    shown = _shown(picture)
    pixels = np.asarray(shown)
    bright = luminance(pixels)
    salient = standing_out(shown)
    return Technique(
        sharp=_sharp(bright, salient),
        clean=_clean(bright),
        light=_light(bright),
        contrast=_contrast(bright),
        colour=_colour(pixels),
        framed=_framed(salient),
    )


def _shown(picture: Image.Image) -> Image.Image:
    if picture.mode == "RGBA":
        ground = Image.new("RGBA", picture.size, "white")
        picture = Image.alpha_composite(ground, picture)
    width, height = (min(side, LARGEST) for side in picture.size)
    left, top = (picture.width - width) // 2, (picture.height - height) // 2
    return picture.convert("RGB").crop((left, top, left + width, top + height))


def _sharp(bright: Plane, salient: Plane) -> float | None:
    """The sharpest edges in the half of the picture that stands out more: a soft background is an
    intention, a soft subject is a fault."""
    window = np.ones((WINDOW, WINDOW), np.uint8)
    reach = np.asarray(cv2.dilate(bright, window) - cv2.erode(bright, window), np.float32)
    rows, columns = bright.shape
    looked = cv2.resize(cv2.GaussianBlur(salient, (0, 0), 3), (columns, rows))
    edges = (reach > EDGE) & (looked >= np.median(looked))
    if edges.mean() < 0.002:
        return None
    bend = np.abs(cv2.Laplacian(cv2.GaussianBlur(bright, (0, 0), 0.5), cv2.CV_32F))
    return _within(float(np.percentile(bend[edges] / reach[edges], 97)) / SHARP)


def _clean(bright: Plane) -> float:
    """Free of noise and of blocks."""
    return (1 - _within(_noise(bright) / NOISE)) * (1 - _within(_blocks(bright) / BLOCKS))


def _noise(bright: Plane) -> float:
    """The deviation of the noise, after Immerkaer, "Fast noise variance estimation" (Computer
    Vision and Image Understanding 64(2), 1996), in the quietest quarter of the picture's places."""
    mask = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)
    answer = np.abs(cv2.filter2D(bright, cv2.CV_32F, mask))
    top, left = (min(side // 2, WINDOW // 2) for side in answer.shape)
    places = cv2.blur(answer, (WINDOW, WINDOW))[top::WINDOW, left::WINDOW]
    return float(np.sqrt(np.pi / 2) / 6 * np.percentile(places, 25))


def _blocks(bright: Plane) -> float:
    """How much steeper brightness changes across the borders of 8 x 8 blocks than beside them; 0
    is not at all. After Wang, Sheikh and Bovik, "No-reference perceptual quality assessment of
    JPEG compressed images" (ICIP 2002)."""
    found: list[float] = []
    for plane in (bright, bright.T):
        steps = np.abs(np.diff(plane, axis=1))
        if steps.shape[1] < 16:
            continue
        slight = steps < EDGE / 2  # steeper ones are drawn: pixel art stands on such a grid as well
        at = np.zeros(steps.shape[1], bool)
        at[7::8] = True
        across = steps[:, at].mean(where=slight[:, at])
        beside = steps[:, ~at].mean(where=slight[:, ~at])
        found.append(float((across - beside) / (beside + 1.0)))
    return max(0.0, float(np.mean(found))) if found else 0.0


def _light(bright: Plane) -> float:
    """A mean within the range, and little of the picture at the ends of the range. Nights and white
    backdrops lose a part, not all."""
    mean = float(bright.mean())
    off = max(0.0, 70 - mean, mean - 190) / 70
    ends = float(((bright < 1.5) | (bright > 253.5)).mean())
    return _within(1 - 0.7 * min(1.0, off)) * (1 - 0.8 * ends)


def _contrast(bright: Plane) -> float:
    low, high = np.percentile(bright, (1, 99))
    return _within(float(high - low) / RANGE)


def _colour(pixels: npt.NDArray[np.uint8]) -> float:
    """Colourfulness after Hasler and Süsstrunk, "Measuring colourfulness in natural images" (Human
    Vision and Electronic Imaging VIII, 2003)."""
    red, green, blue = (pixels[..., channel].astype(np.float32) for channel in range(3))
    across, along = red - green, (red + green) / 2 - blue
    spread = float(np.hypot(across.std(), along.std()))
    middle = float(np.hypot(across.mean(), along.mean()))
    return _within((spread + 0.3 * middle) / COLOURFUL)


def _framed(salient: Plane) -> float:
    """What stands out is not cut by the border."""
    width = max(1, round(BORDER * len(salient)))
    inner = salient[width:-width, width:-width]
    border = (salient.sum() - inner.sum()) / max(1, salient.size - inner.size)
    return _within(1.5 - float(border / (salient.mean() + 1e-9)))


def _within(value: float) -> float:
    return min(1.0, max(0.0, value))
