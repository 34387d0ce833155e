"""Vary: a picture near another one, by image-to-image."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Unpack

from maquette.core.capabilities import Capabilities
from maquette.core.conditioning import Conditioning
from maquette.core.geometry import Size
from maquette.core.recipe import ImageToImage, Recipe
from maquette.core.version import Version
from maquette.operations import settings
from maquette.operations.drawing import How, drawn

__all__ = ["vary"]


def vary(
    version: Version,
    *,
    strength: float = 0.5,
    seed: int,
    prompt: str | None = None,
    negative: str | None = None,
    size: Size | tuple[int, int] | None = None,
    capabilities: Capabilities,
    conditionings: Sequence[Conditioning] = (),
    **how: Unpack[How],
) -> Recipe:
    """The recipe of a variation. ``strength`` near 0 keeps the picture, 1 ignores it.

    Prompt and negative prompt are the version's own unless given. The result has the ``size`` that
    was asked for, else the version's or the nearest that the model can draw. ``conditionings`` are
    what steers it beside its words, with the version's own LoRAs and learned words.

    Raises:
        PromptRefused: overlong, or none given and the version has none.
        SettingRefused: a number out of its range, or an unknown name.
        RecipeRefused: the engine does no image-to-image.
    """
    settings.needs_task(capabilities, "image-to-image")
    words = settings.prompt_or_own(version, prompt, negative)
    return drawn(
        ImageToImage(
            image=version.image,
            strength=settings.bounded("strength", strength, 0.0, 1.0, open_=True),
        ),
        words,
        _size(version, size, capabilities),
        capabilities=capabilities,
        seed=seed,
        conditionings=conditionings,
        version=version,
        **how,
    )


def _size(
    version: Version, size: Size | tuple[int, int] | None, capabilities: Capabilities
) -> Size:
    if size is None:
        return capabilities.nearest(version.size)
    return settings.drawable_size(capabilities, size)
