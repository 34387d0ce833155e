"""How a finished drawing is turned into its style."""

from __future__ import annotations

import functools
import random
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageFilter

from training.world.canvas import Mark
from training.world.layers import line_art
from training.world.shapes import SIDE

PAPER = np.array([252, 248, 238], np.float32)
PIXELS, PALETTE_SIZE = 64, 20


@functools.cache
def _noise(scale: float, index: int) -> np.ndarray:
    """A smooth random field (SIDE x SIDE, zero mean, unit deviation); features of ~`scale` px."""
    rng = np.random.default_rng([7, index])
    k = np.fft.fftfreq(SIDE)[:, None] ** 2 + np.fft.fftfreq(SIDE)[None] ** 2
    spectrum = np.fft.fft2(rng.standard_normal((SIDE, SIDE)))
    field = np.fft.ifft2(spectrum * np.exp(-2 * k * (np.pi * scale / 4) ** 2)).real
    return ((field - field.mean()) / field.std()).astype(np.float32)


@functools.cache
def _bend(first: int) -> tuple[np.ndarray, np.ndarray]:
    """Row and column that each pixel is taken from, so that outlines waver by 1.6 pixels."""
    rows, columns = np.mgrid[:SIDE, :SIDE]
    bent_rows = np.clip(rows + 1.6 * _noise(30, first), 0, SIDE - 1).astype(np.int32)
    bent_columns = np.clip(columns + 1.6 * _noise(30, first + 1), 0, SIDE - 1).astype(np.int32)
    return bent_rows, bent_columns


def watercolour(picture: np.ndarray, rng: random.Random) -> np.ndarray:
    """Wavering outlines, pigment that pools, paper that shows through."""
    first = rng.randrange(4)
    bent = picture[_bend(first)].astype(np.float32)
    wash = np.clip(0.1 + 0.05 * _noise(56, first + 2), 0.0, 0.24)[:, :, None]
    paper = 0.4 * bent + 0.6 * 255  # a dark wash stays darker than a bright one
    return np.clip(bent + (paper - bent) * wash, 0, 255).astype(np.uint8)


def ink(picture: np.ndarray, marks: Sequence[Mark]) -> np.ndarray:
    """A pale wash on cream paper under dark outlines of the pen."""
    colour = picture.astype(np.float32)
    lightness = colour.mean(-1, keepdims=True)
    wash = PAPER + (colour - PAPER) * np.where(lightness < 90, 0.78, 0.6)
    lines = line_art(marks, 3.4, 2.2).astype(np.float32)[:, :, None] / 255
    return (wash * (1 - lines) + np.array([34, 30, 44], np.float32) * lines).astype(np.uint8)


def pixel(picture: np.ndarray) -> np.ndarray:
    """64x64 blocks in a palette of 20 colours found by median cut."""
    side = SIDE // PIXELS
    blocks = picture.reshape(PIXELS, side, PIXELS, side, 3).mean((1, 3)).astype(np.uint8)
    few = Image.fromarray(blocks).quantize(
        PALETTE_SIZE, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE
    )
    return np.asarray(few.convert("RGB")).repeat(side, 0).repeat(side, 1)


@functools.cache
def _vignette() -> np.ndarray:
    """1 at the middle, 0.62 in the corners (SIDE x SIDE x 1)."""
    y, x = np.mgrid[-1 : 1 : SIDE * 1j, -1 : 1 : SIDE * 1j]
    return (1 - 0.19 * (x**2 + y**2)).astype(np.float32)[:, :, None]


def dusk(picture: np.ndarray, front: np.ndarray) -> np.ndarray:
    """As a photograph at dusk: blurred distance, low warm light from the left, cool shadows."""
    far = np.asarray(Image.fromarray(picture).filter(ImageFilter.BoxBlur(3)), np.float32)
    mask = Image.fromarray(front.astype(np.uint8) * 255)
    near = np.asarray(mask.filter(ImageFilter.BoxBlur(1)), np.float32)[:, :, None] / 255
    out = far + (picture - far) * near
    # The slope of the blurred silhouette says which way a surface turns: round things.
    round_ = np.asarray(mask.filter(ImageFilter.BoxBlur(9)), np.float32) / 255
    slope = np.zeros_like(round_)
    slope[:, 4:-4] = round_[:, 8:] - round_[:, :-8]
    out *= 1 + 0.75 * (slope * front)[:, :, None]
    light = out.mean(-1, keepdims=True) / 255
    out *= np.array([0.86, 0.86, 1.04], np.float32) + light * np.array(
        [0.24, 0.1, -0.2], np.float32
    )
    return np.clip(out * _vignette(), 0, 255).astype(np.uint8)


def finish(
    picture: np.ndarray,
    style: str,
    rng: random.Random,
    *,
    marks: Sequence[Mark],
    front: np.ndarray,
) -> np.ndarray:
    """Apply a style to a drawn picture (uint8 SIDE x SIDE x 3); flat leaves it as it is.

    marks: the shapes drawn, for the pen's outlines. front: bool, where things stand.
    """
    if style == "watercolour":
        return watercolour(picture, rng)
    if style == "ink":
        return ink(picture, marks)
    if style == "pixel":
        return pixel(picture)
    if style == "dusk":
        return dusk(picture, front)
    return picture
