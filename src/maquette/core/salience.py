"""What stands out in a picture, told from the picture alone."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PIL import Image

__all__ = ["SIDE", "standing_out"]

SIDE = 64


def standing_out(image: Image.Image) -> npt.NDArray[np.float32]:
    """(SIDE, SIDE), 0 and more: how much each place stands out from the picture's own spectrum, the
    spectral residual (Hou and Zhang, "Saliency detection: a spectral residual approach", CVPR
    2007)."""
    small = np.asarray(image.convert("L").resize((SIDE, SIDE), Image.Resampling.BOX), np.float64)
    spectrum = np.fft.fft2(small)
    logged = np.log(np.abs(spectrum) + 1e-9)
    padded = np.pad(logged, 1, mode="wrap")
    smooth = sum(padded[y : y + SIDE, x : x + SIDE] for y in range(3) for x in range(3)) / 9
    back = np.fft.ifft2(np.exp(logged - smooth + 1j * np.angle(spectrum)))
    return np.square(np.abs(back)).astype(np.float32)
