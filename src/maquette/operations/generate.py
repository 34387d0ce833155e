"""Generate: a picture from words."""

from __future__ import annotations

from collections.abc import Sequence

from maquette.core.capabilities import Capabilities
from maquette.core.conditioning import Conditioning
from maquette.core.geometry import Size
from maquette.core.recipe import Recipe, TextToImage
from maquette.operations import settings
from maquette.operations.conditionings import steered

__all__ = ["generate"]


def generate(
    prompt: str,
    negative: str = "",
    *,
    capabilities: Capabilities,
    seed: int,
    size: Size | tuple[int, int] | None = None,
    quality: str = "final",
    steps: int | None = None,
    guidance: float | None = None,
    sampler: str | None = None,
    conditionings: Sequence[Conditioning] = (),
    interpreter: str = "attention",
) -> Recipe:
    """The recipe of a new picture; ``size`` is the model's best one unless given.

    ``quality`` names a preset of the engine; steps, guidance and sampler count before it.
    ``conditionings`` are what steers it beside its words.

    Raises:
        PromptRefused: an empty or overlong prompt.
        SettingRefused: a number out of its range, or an unknown name.
        RecipeRefused: the engine does not draw from words.
    """
    settings.needs_task(capabilities, "text-to-image")
    words = settings.prompt_text(prompt, negative, interpreter)
    sampling = settings.sampling(
        capabilities,
        seed=seed,
        quality=quality,
        steps=steps,
        guidance=guidance,
        sampler=sampler,
        negative=bool(words.negative),
    )
    return Recipe(
        engine=capabilities.engine,
        task=TextToImage(),
        size=settings.drawable_size(capabilities, size),
        prompt=words,
        model=capabilities.model,
        sampling=sampling,
        conditionings=steered(conditionings, capabilities, sampling, quality=quality),
    )
