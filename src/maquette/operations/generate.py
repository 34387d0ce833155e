"""Generate: a picture from words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Unpack

from maquette.core.capabilities import Capabilities
from maquette.core.conditioning import Conditioning
from maquette.core.geometry import Size
from maquette.core.recipe import Recipe, TextToImage
from maquette.operations import settings
from maquette.operations.drawing import How, drawn

__all__ = ["generate"]


def generate(
    prompt: str,
    negative: str = "",
    *,
    capabilities: Capabilities,
    seed: int,
    size: Size | tuple[int, int] | None = None,
    conditionings: Sequence[Conditioning] = (),
    interpreter: str = "attention",
    **how: Unpack[How],
) -> Recipe:
    """The recipe of a new picture; ``size`` is the model's best one unless given.

    ``conditionings`` are what steers it beside its words; the rest is as in ``How``.

    Raises:
        PromptRefused: an empty or overlong prompt.
        SettingRefused: a number out of its range, or an unknown name.
        RecipeRefused: the engine does not draw from words.
    """
    settings.needs_task(capabilities, "text-to-image")
    words = settings.prompt_text(prompt, negative, interpreter)
    return drawn(
        TextToImage(),
        words,
        settings.drawable_size(capabilities, size),
        capabilities=capabilities,
        seed=seed,
        conditionings=conditionings,
        **how,
    )
