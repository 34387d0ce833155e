"""Examples as a model reads them: pictures as latents, captions as encoded texts."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from PIL import Image, ImageOps

from maquette.core.geometry import Box, Size
from maquette.core.recipe import PromptText
from maquette.engines.diffusers.latents import encode_image, pixels
from maquette.engines.diffusers.prompts import strands
from maquette.engines.diffusers.text import Encoded
from maquette.engines.diffusers.weights import Parts

__all__ = ["Reader", "fitted", "latents_of"]


def fitted(image: Image.Image, box: Box | None, size: Size) -> Image.Image:
    """The part of a picture that counts, its middle in the shape of ``size``, at that size.
    Transparent places are laid on white."""
    if "A" in image.getbands():
        ground = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(ground, image.convert("RGBA"))
    cut = image.convert("RGB") if box is None else image.convert("RGB").crop(box.corners)
    return ImageOps.fit(cut, (size.width, size.height), Image.Resampling.LANCZOS)


def latents_of(parts: Parts, image: Image.Image) -> torch.Tensor:
    """(2, channels, rows, columns): a fitted picture, and the same mirrored."""
    both = [image, ImageOps.mirror(image)]
    return torch.cat([encode_image(parts, pixels(each)) for each in both]).clone()


class Reader:
    """Captions encoded, each distinct one once unless words learn; all of one length. Brackets in
    a caption are letters."""

    def __init__(self, parts: Parts, captions: Sequence[str], *, fresh: bool) -> None:
        """``fresh``: encode at every call, and let gradients through."""
        self.parts = parts
        self.family = parts.card.driver
        self.fresh = fresh
        self._kept: dict[str, Encoded] = {}
        self._cuts = {}
        for caption in dict.fromkeys(["", *captions]):
            runs = strands(caption, "plain", 1)[-1][0].runs
            self._cuts[caption] = self.family.cut(parts, runs, _plain(caption))
        lengths = [self.family.lengths(cut) for cut in self._cuts.values()]
        self.length = tuple(max(each) for each in zip(*lengths, strict=True))

    def __call__(self, caption: str) -> Encoded:
        """A caption as the network reads it; "" is as no words are."""
        if self.fresh:
            return self._encode(caption)
        if caption not in self._kept:
            with torch.no_grad():
                self._kept[caption] = self._encode(caption)
        return self._kept[caption]

    def _encode(self, caption: str) -> Encoded:
        prompt, cut = _plain(caption), self._cuts[caption]
        return self.family.encode(self.parts, cut, self.length, prompt, negative=not caption)


def _plain(caption: str) -> PromptText:
    return PromptText(text=caption, interpreter="plain")
