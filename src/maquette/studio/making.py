"""Making: every verb that ends in a new version."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

from maquette import operations
from maquette.core.picture import decode_picture, encode_png, size_of
from maquette.core.recipe import PromptText
from maquette.core.version import Version
from maquette.operations.settings import prompt_text
from maquette.stages.produce import repeat
from maquette.studio.desk import read_file, seeds_from
from maquette.studio.looking import Looking

if TYPE_CHECKING:
    from maquette.exchange.imports import Found

__all__ = ["Making"]


class Making(Looking):
    """The verbs that draw, alter or take in pictures."""

    def generate(
        self,
        prompt: str,
        *,
        negative: str = "",
        seed: int | None = None,
        n: int = 1,
        size: tuple[int, int] | None = None,
        quality: str = "final",
        steps: int | None = None,
        guidance: float | None = None,
        sampler: str | None = None,
        interpreter: str = "attention",
        maps: bool = True,
    ) -> list[Version]:
        """Draw ``n`` pictures from words, with seeds ``seed``, ``seed + 1`` and so on.

        Raises:
            PromptRefused, SettingRefused, RecipeRefused, Cancelled, EngineFailed.
        """
        recipes = tuple(
            operations.generate(
                prompt,
                negative,
                capabilities=self.capabilities(),
                seed=each,
                size=size,
                quality=quality,
                steps=steps,
                guidance=guidance,
                sampler=sampler,
                interpreter=interpreter,
            )
            for each in seeds_from(seed, n)
        )
        return self._make("generate", recipes, (), maps=maps)

    def vary(
        self,
        version: Version | str,
        *,
        strength: float = 0.5,
        seed: int | None = None,
        n: int = 1,
        prompt: str | None = None,
        negative: str | None = None,
        quality: str = "final",
        steps: int | None = None,
        guidance: float | None = None,
    ) -> list[Version]:
        """Pictures near a version: image-to-image at ``strength`` (0 keeps it, 1 ignores it)."""
        version = self.version(version)
        recipes = tuple(
            operations.vary(
                version,
                strength=strength,
                seed=each,
                prompt=prompt,
                negative=negative,
                capabilities=self.capabilities(),
                quality=quality,
                steps=steps,
                guidance=guidance,
            )
            for each in seeds_from(seed, n)
        )
        return self._make("vary", recipes, (version,))

    def reweight(self, version: Version | str, weights: Mapping[str, float]) -> Version:
        """The same picture with some words weighing more or less; seed and composition stay.

        Raises:
            WordUnknown, SettingRefused, RecipeRefused.
        """
        version = self.version(version)
        return self._make("reweight", (operations.reweight(version, weights),), (version,))[0]

    def inpaint(
        self,
        version: Version | str,
        mask: Image.Image | bytes | str | Path,
        prompt: str = "",
        *,
        negative: str = "",
        seed: int | None = None,
        strength: float = 1.0,
        feather: int | None = None,
        quality: str = "final",
        steps: int | None = None,
        guidance: float | None = None,
    ) -> Version:
        """Draw new pixels where the mask is white; every other pixel keeps its bytes.

        Raises:
            MaskRefused, PromptRefused, SettingRefused, RecipeRefused.
        """
        version = self.version(version)
        white = self._read_mask(mask, version)
        recipe = operations.inpaint(
            version,
            mask_digest=self.blobs.put(encode_png(white)),
            mask=white,
            prompt=prompt,
            negative=negative,
            seed=seeds_from(seed, 1)[0],
            strength=strength,
            feather=feather,
            capabilities=self.capabilities(),
            quality=quality,
            steps=steps,
            guidance=guidance,
        )
        return self._make("inpaint", (recipe,), (version,))[0]

    def outpaint(
        self,
        version: Version | str,
        *,
        left: int = 0,
        top: int = 0,
        right: int = 0,
        bottom: int = 0,
        prompt: str | None = None,
        seed: int | None = None,
        quality: str = "final",
        steps: int | None = None,
        guidance: float | None = None,
    ) -> Version:
        """Continue the picture past its edges by so many pixels."""
        version = self.version(version)
        recipe = operations.outpaint(
            version,
            left=left,
            top=top,
            right=right,
            bottom=bottom,
            prompt=prompt,
            seed=seeds_from(seed, 1)[0],
            capabilities=self.capabilities(),
            quality=quality,
            steps=steps,
            guidance=guidance,
        )
        return self._make("outpaint", (recipe,), (version,))[0]

    def upscale(self, version: Version | str, scale: float = 2.0) -> Version:
        """The same picture with ``scale`` times as many pixels a side."""
        version = self.version(version)
        return self._make("upscale", (operations.upscale(version, scale=scale),), (version,))[0]

    def rollback(self, version: Version | str) -> Version:
        """An earlier version as the newest again, with its recipe and its token maps, so that work
        goes on from there. Nothing is lost: what came between stays."""
        target = self.version(version)
        return repeat(target, "rollback", (target.id,), self.records)

    def import_picture(
        self, source: str | Path | bytes, *, caption: str | None = None
    ) -> tuple[Version, Found]:
        """Take a picture from outside, with the recipe that its file tells of, if any.

        ``caption`` says what it shows, and counts before a prompt that the file tells of.

        Raises:
            PictureRefused: no picture, damaged, or too large to open safely.
            PromptRefused: an overlong caption.
        """
        from maquette.exchange.imports import read_metadata

        data, name = read_file(source)
        image = decode_picture(data, name=name)
        found = read_metadata(data, name=name)
        recipe = operations.import_picture(
            image_digest=self.blobs.put(encode_png(image)),
            original=self.blobs.put(data),
            size=size_of(image),
            source=found.source,
            prompt=_caption(caption) or found.prompt,
            sampling=found.sampling,
            model=found.recipe.model if found.recipe else None,
        )
        return self._make("import", (recipe,), ())[0], found


def _caption(text: str | None) -> PromptText | None:
    if text is None or not text.strip():
        return None
    return prompt_text(text)
