"""A tile: the picture itself without its detail, for a network that puts detail back."""

from __future__ import annotations

from PIL import Image

__all__ = ["tile"]


def tile(image: Image.Image, *, factor: int = 4) -> Image.Image:
    """The picture averaged to a ``factor``-th of its size and brought back, RGB."""
    small = (max(1, image.width // factor), max(1, image.height // factor))
    return (
        image.convert("RGB")
        .resize(small, Image.Resampling.BOX)
        .resize(image.size, Image.Resampling.BILINEAR)
    )
