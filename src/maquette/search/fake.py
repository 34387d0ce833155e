"""An encoder without a network: the colours of a picture, and the colours that words name."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
from PIL import Image

from maquette.search.base import Vectors

__all__ = ["FakeEncoder"]

_COLOURS = {
    "black": (0, 0, 0),
    "white": (255, 255, 255),
    "grey": (128, 128, 128),
    "red": (220, 30, 30),
    "orange": (240, 140, 20),
    "yellow": (240, 220, 40),
    "green": (40, 160, 60),
    "blue": (30, 70, 210),
    "purple": (130, 40, 160),
    "pink": (245, 150, 190),
    "brown": (120, 70, 30),
}


class FakeEncoder:
    """See ``Encoder``: deterministic, quick, and right about colours."""

    digest = hashlib.sha256(b"maquette fake encoder 1").hexdigest()
    width = len(_COLOURS)

    def pictures(self, images: Sequence[Image.Image]) -> Vectors:
        """See ``Encoder.pictures``: how much there is of each colour."""
        named = np.asarray(list(_COLOURS.values()), np.float32)
        found = np.zeros((len(images), self.width), np.float32)
        for place, image in enumerate(images):
            small = image.convert("RGB").resize((16, 16), Image.Resampling.BOX)
            pixels = np.asarray(small, np.float32).reshape(-1, 1, 3)
            nearest = ((pixels - named) ** 2).sum(2).argmin(1)
            found[place] = np.bincount(nearest, minlength=self.width)
        return found / np.linalg.norm(found, axis=1, keepdims=True)

    def words(self, text: str) -> Vectors:
        """See ``Encoder.words``: the colours that are named; all of them where none is."""
        said = set(text.lower().split())
        found = np.asarray([name in said for name in _COLOURS], np.float32)
        if not found.any():
            found += 1
        return found / np.float32(np.linalg.norm(found))
