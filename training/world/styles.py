"""How a finished drawing is turned into its style."""

from __future__ import annotations

import functools
import random

import numpy as np

from training.world.canvas import SIDE

STYLES = ("flat", "watercolour")


@functools.cache
def _noise(scale: float, index: int) -> np.ndarray:
    """A smooth random field (SIDE x SIDE, zero mean, unit deviation); features of ~`scale` px."""
    rng = np.random.default_rng([7, index])
    k = np.fft.fftfreq(SIDE)[:, None] ** 2 + np.fft.fftfreq(SIDE)[None] ** 2
    spectrum = np.fft.fft2(rng.standard_normal((SIDE, SIDE)))
    field = np.fft.ifft2(spectrum * np.exp(-2 * k * (np.pi * scale / 4) ** 2)).real
    return ((field - field.mean()) / field.std()).astype(np.float32)


def finish(picture: np.ndarray, style: str, rng: random.Random) -> np.ndarray:
    """Apply a style to a drawn picture (uint8 SIDE x SIDE x 3); flat leaves it as it is."""
    if style != "watercolour":
        return picture
    first = rng.randrange(4)
    rows, columns = np.mgrid[:SIDE, :SIDE]
    bent_rows = np.clip(rows + 1.6 * _noise(30, first), 0, SIDE - 1).astype(np.int32)
    bent_columns = np.clip(columns + 1.6 * _noise(30, first + 1), 0, SIDE - 1).astype(np.int32)
    bent = picture[bent_rows, bent_columns].astype(np.float32)
    # Pigment pools: paper (white) shows more where the wash is thin.
    wash = np.clip(0.1 + 0.05 * _noise(56, first + 2), 0.0, 0.24)[:, :, None]
    paper = 0.4 * bent + 0.6 * 255  # a dark wash stays darker than a bright one
    return np.clip(bent + (paper - bent) * wash, 0, 255).astype(np.uint8)
