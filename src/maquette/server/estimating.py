"""How long something will take, by what the same project's versions took. Pure."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from maquette.core.capabilities import Capabilities
from maquette.core.recipe import Inpaint, Outpaint, Recipe
from maquette.core.version import Version
from maquette.server.shapes_words import Estimate

__all__ = ["Asked", "estimate"]

_ON_PIXELS = frozenset({"upscale", "retouch", "restore", "composite", "logo"})
_ENOUGH = 20
"""The newest so many that are alike count; older ones may be another machine's."""


@dataclass(frozen=True)
class Asked:
    """What is to be estimated."""

    operation: str
    quality: str = "final"
    n: int = 1
    width: int | None = None
    height: int | None = None
    steps: int | None = None


def estimate(asked: Asked, past: Sequence[Version], able: Capabilities | None) -> Estimate:
    """The estimate from versions, newest first.

    A drawn picture's time is taken as proportional to steps times pixels, any other's to pixels.
    """
    if able is None:
        return Estimate(seconds=None, samples=0, source="nothing yet")
    preset = able.presets.get(asked.quality)
    steps = asked.steps or (preset.steps if preset else 30)
    width, height = asked.width or able.best_size.width, asked.height or able.best_size.height
    drawn = asked.operation not in _ON_PIXELS
    if asked.operation in {"inpaint", "outpaint"}:
        # Only the neighbourhood of the mask is drawn, at the model's own size.
        width, height = able.best_size.width, able.best_size.height
    work = width * height * (steps if drawn else 1)
    alike = [
        version.cost.seconds / done
        for version in past
        if version.cost.seconds > 0
        and (version.recipe.sampling is not None and version.recipe.engine == able.engine) == drawn
        and (drawn or version.operation == asked.operation)
        and (done := _work(version.recipe)) > 0
    ][:_ENOUGH]
    if not alike:
        return Estimate(seconds=None, samples=0, source="nothing yet")
    seconds = statistics.median(alike) * work * asked.n
    said = f"{len(alike)} version{'s' if len(alike) != 1 else ''} of this project"
    return Estimate(seconds=round(seconds, 2), samples=len(alike), source=said)


def _work(recipe: Recipe) -> int:
    task = recipe.task
    size = task.work if isinstance(task, Inpaint | Outpaint) else recipe.size
    return size.area * (recipe.sampling.steps if recipe.sampling else 1)
