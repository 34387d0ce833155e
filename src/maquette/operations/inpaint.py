"""Inpaint: new pixels where a mask is white, every other pixel the same bytes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Unpack

import numpy as np
from PIL import Image

from maquette.core.capabilities import Capabilities
from maquette.core.conditioning import Conditioning
from maquette.core.geometry import Box, neighbourhood
from maquette.core.picture import size_of
from maquette.core.raster import mask_box
from maquette.core.recipe import Inpaint, Recipe
from maquette.core.version import Version
from maquette.errors import MaskRefused
from maquette.operations import settings
from maquette.operations.drawing import How, drawn

__all__ = ["MAX_FEATHER", "inpaint"]

MAX_FEATHER = 256


def inpaint(
    version: Version,
    *,
    mask_digest: str,
    mask: Image.Image,
    prompt: str = "",
    negative: str = "",
    seed: int,
    strength: float = 1.0,
    feather: int | None = None,
    capabilities: Capabilities,
    conditionings: Sequence[Conditioning] = (),
    **how: Unpack[How],
) -> Recipe:
    """The recipe of a local edit.

    ``mask`` is greyscale, of the version's size, white = edit, and ``mask_digest`` names its PNG.
    A blank prompt means the version's own; so does a blank negative prompt then. ``strength`` 1
    draws the masked place from nothing, less keeps something of it. ``feather`` is the width of
    the blend inside the mask in pixels, a twelfth of the mask's shorter side (3 to 24) unless
    given. ``conditionings`` are what steers it beside its words, with the version's own LoRAs and
    learned words; their maps and masks are of the version's size.

    Raises:
        MaskRefused: a mask of another size, or an empty one.
        PromptRefused: overlong, or none given and the version has none.
        SettingRefused: a number out of its range, or an unknown name.
        RecipeRefused: the engine does not inpaint.
    """
    settings.needs_task(capabilities, "inpaint")
    box = _checked_box(version, mask)
    if feather is None:
        feather = min(max(3, min(box.width, box.height) // 12), 24)
    region, work = neighbourhood(box, version.size, capabilities.best_size, capabilities.multiple)
    words = settings.prompt_or_own(version, prompt, negative or None)
    task = Inpaint(
        image=version.image,
        mask=mask_digest,
        region=region,
        work=work,
        strength=settings.bounded("strength", strength, 0.0, 1.0, open_=True),
        feather=settings.whole("feather", feather, 0, MAX_FEATHER),
    )
    return drawn(
        task,
        words,
        version.size,
        capabilities=capabilities,
        seed=seed,
        conditionings=conditionings,
        version=version,
        **how,
    )


def _checked_box(version: Version, mask: Image.Image) -> Box:
    if size_of(mask) != version.size:
        raise MaskRefused(
            f"the mask has {size_of(mask)} pixels, version {version.short} has {version.size}"
        )
    box = mask_box(np.asarray(mask.convert("L")))
    if box is None:
        raise MaskRefused("the mask is empty: nothing in it is white")
    return box
