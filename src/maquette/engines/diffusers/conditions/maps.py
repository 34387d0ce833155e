"""Maps as a canvas needs them: the part of the picture that is drawn, at the drawing's size."""

from __future__ import annotations

import numpy as np
import torch
from PIL import Image

from maquette.core.geometry import Box, Size

__all__ = ["Drawn", "keeps", "to_tensor", "window"]

Drawn = tuple[str, Image.Image]
"""A condition and its map."""


def window(image: Image.Image, size: Size, region: Box | None) -> Image.Image:
    """The ``region`` of a picture (None: all of it) at ``size``."""
    cut = image if region is None else image.crop(region.corners)
    wanted = (size.width, size.height)
    return cut if cut.size == wanted else cut.resize(wanted, Image.Resampling.LANCZOS)


def to_tensor(image: Image.Image) -> torch.Tensor:
    """(1, channels, height, width), 0 to 1."""
    array = np.asarray(image, dtype=np.float32) / 255
    if array.ndim == 2:
        array = array[..., None]
    return torch.from_numpy(array).permute(2, 0, 1)[None]


def keeps(mask: Image.Image) -> torch.Tensor:
    """(1, 1, height, width): 0 where a mask is at least half white, 1 elsewhere."""
    return torch.from_numpy(np.asarray(mask.convert("L")) < 128).float()[None, None]
