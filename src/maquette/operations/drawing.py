"""The recipe of anything that a model draws: how its words, numbers and steering become one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypedDict, Unpack

from maquette.core.capabilities import Capabilities
from maquette.core.conditioning import Conditioning
from maquette.core.geometry import Size
from maquette.core.recipe import PromptText, Recipe, Task
from maquette.core.version import Version
from maquette.operations import settings
from maquette.operations.conditionings import steered

__all__ = ["How", "drawn"]


class How(TypedDict, total=False):
    """How finely something is drawn: ``quality`` names a preset of the engine (default: final);
    steps, guidance and sampler count before it."""

    quality: str
    steps: int | None
    guidance: float | None
    sampler: str | None


def drawn(
    task: Task,
    words: PromptText,
    size: Size,
    *,
    capabilities: Capabilities,
    seed: int,
    conditionings: Sequence[Conditioning] = (),
    version: Version | None = None,
    **how: Unpack[How],
) -> Recipe:
    """The recipe of a task. ``conditionings`` are what steers it beside its words; of a
    ``version`` that it is made of its own LoRAs and learned words come too.

    Raises:
        SettingRefused: a number out of its range, or an unknown name.
    """
    sampling = settings.sampling(capabilities, seed=seed, negative=bool(words.negative), **how)
    return Recipe(
        engine=capabilities.engine,
        task=task,
        size=size,
        prompt=words,
        model=capabilities.model,
        sampling=sampling,
        conditionings=steered(
            conditionings,
            capabilities,
            sampling,
            quality=how.get("quality", "final"),
            version=version,
        ),
    )
