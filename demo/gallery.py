"""The page's pictures: written once each, beside the page."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
from PIL import Image

from demo.story import Look, Plate
from maquette.core.version import Version
from maquette.studio import Studio

__all__ = ["FUNCTION_WORDS", "Gallery"]

FUNCTION_WORDS = frozenset(
    {"a", "an", "the", "and", "or", "of", "in", "on", "at", "by", "to", "with", "under", "over"}
    | {"before", "behind", "near", "from", "for", "as", "is"}
)
"""Words that name nothing: they have maps, but the page does not show them."""


class Gallery:
    """``folder`` is the page's own; names that are returned are relative to it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.pictures = folder / "pictures"
        self.pictures.mkdir(parents=True, exist_ok=True)

    def save(self, image: Image.Image, name: str) -> str:
        """Write a picture as PNG."""
        file = re.sub(r"[^a-z0-9-]+", "-", name.lower()).strip("-")[:80] + ".png"
        image.save(self.pictures / file, compress_level=6)
        return f"pictures/{file}"

    def plate(self, studio: Studio, version: Version, *, maps: bool = True) -> Plate:
        """A version with its picture, the map of each word that names something, its findings."""
        looks: list[Look] = []
        if maps and version.trace is not None:
            for heat in studio.heatmap(version):
                word = heat.token.partition("#")[0].lower()
                if word in FUNCTION_WORDS:
                    continue
                # A number keeps two words apart that make one file name.
                name = f"{version.short}-{len(looks)}-{heat.token}"
                file = self.save(heat.image, name)
                looks.append(Look(heat.token, heat.share, heat.peak, file))
        return Plate(
            version,
            self.save(studio.picture(version), version.short),
            tuple(looks),
            tuple(studio.findings(version)),
        )

    def masked(self, picture: Image.Image, mask: Image.Image, name: str) -> str:
        """The picture with everything outside the mask darkened and the mask's edge drawn."""
        colours = np.asarray(picture.convert("RGB")).astype(np.float32)
        inside = np.asarray(mask) > 0
        grey = colours.mean(axis=-1, keepdims=True) * 0.4
        shown = np.where(inside[..., None], colours, grey)
        padded = np.pad(inside, 1, mode="edge")
        all_round = (
            padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:] & inside
        )
        shown[inside & ~all_round] = 255
        return self.save(Image.fromarray(shown.astype(np.uint8)), name)
