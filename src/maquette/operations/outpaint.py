"""Outpaint: a larger canvas, the picture continued past its edges."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Unpack

from maquette.core.capabilities import Capabilities
from maquette.core.conditioning import Conditioning
from maquette.core.geometry import work_size
from maquette.core.recipe import Outpaint, Recipe
from maquette.core.version import Version
from maquette.errors import SettingRefused
from maquette.operations import settings
from maquette.operations.drawing import How, drawn

__all__ = ["outpaint"]


def outpaint(
    version: Version,
    *,
    left: int = 0,
    top: int = 0,
    right: int = 0,
    bottom: int = 0,
    prompt: str | None = None,
    negative: str | None = None,
    seed: int,
    feather: int = 8,
    overlap: int = 0,
    capabilities: Capabilities,
    conditionings: Sequence[Conditioning] = (),
    **how: Unpack[How],
) -> Recipe:
    """The recipe of a continuation by so many pixels on each side.

    A side grows by the picture's own width or height at most: further out a model sees nothing to
    continue. Do it again for more. Of the old picture ``overlap`` pixels beside the new sides, at
    most a quarter of it, are drawn anew too, so that no line stays where it ended. Prompt and
    negative prompt are the version's own unless given. ``conditionings`` are what steers it beside
    its words, with the version's own LoRAs and learned words; their maps and masks are of the whole
    new canvas.

    Raises:
        PromptRefused: overlong, or none given and the version has none.
        SettingRefused: nothing to add, a number out of its range, or an unknown name.
        RecipeRefused: the engine does not outpaint.
    """
    settings.needs_task(capabilities, "outpaint")
    width, height = version.size.width, version.size.height
    left = settings.whole("left", left, 0, width)
    top = settings.whole("top", top, 0, height)
    right = settings.whole("right", right, 0, width)
    bottom = settings.whole("bottom", bottom, 0, height)
    if not left + top + right + bottom:
        raise SettingRefused(
            "outpainting by 0 pixels changes nothing",
            hint="give left, top, right or bottom in pixels",
        )
    canvas = settings.small_enough(width + left + right, height + top + bottom)
    words = settings.prompt_or_own(version, prompt, negative)
    task = Outpaint(
        image=version.image,
        left=left,
        top=top,
        right=right,
        bottom=bottom,
        work=work_size(canvas, capabilities.best_size, capabilities.multiple),
        feather=settings.whole("feather", feather, 0, 256),
        overlap=settings.whole("overlap", overlap, 0, min(width, height) // 4),
    )
    return drawn(
        task,
        words,
        canvas,
        capabilities=capabilities,
        seed=seed,
        conditionings=conditionings,
        version=version,
        **how,
    )
