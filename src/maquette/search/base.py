"""What turns words and pictures into vectors that lie near each other where they mean the same."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt
from PIL import Image

__all__ = ["Encoder", "Vectors", "small"]

Vectors = npt.NDArray[np.float32]
_ENOUGH = 512
"""Pixels of a shorter side that no encoder needs more than."""


def small(image: Image.Image) -> Image.Image:
    """A picture as encoders look at it: RGB, transparent parts white, its shorter side less than
    1,024 pixels, so that many may wait in memory."""
    if image.mode == "RGBA":
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    image = image.convert("RGB")
    times = min(image.size) // _ENOUGH
    return image.reduce(times) if times > 1 else image


@runtime_checkable
class Encoder(Protocol):
    """``digest`` names everything that decides a vector; ``width`` is how many numbers one has.

    Making one loads nothing heavy; the first look does.
    """

    digest: str
    width: int

    def pictures(self, images: Sequence[Image.Image]) -> Vectors:
        """Unit vectors, N x ``width``. Each picture's is the same alone and among others, to
        within rounding.

        Raises:
            ModelRefused: the network cannot be read.
        """
        ...

    def words(self, text: str) -> Vectors:
        """The unit vector of a description, ``width``.

        Raises:
            ModelRefused: the network cannot be read.
        """
        ...
