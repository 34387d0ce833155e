"""Refusals that every drawing engine shares: a recipe against what the engine declares."""

from __future__ import annotations

from maquette.core.capabilities import Capabilities
from maquette.core.geometry import Size
from maquette.core.recipe import Inpaint, Outpaint, Recipe
from maquette.errors import RecipeRefused, SettingRefused

__all__ = ["check_recipe", "nearest_size"]


def check_recipe(recipe: Recipe, can: Capabilities) -> None:
    """Compare a recipe with an engine's capabilities.

    Raises:
        RecipeRefused: another engine's recipe, a task, interpreter, sampler or model that this
            engine does not have, or a part missing that drawing needs.
        SettingRefused: a size, a number of steps or a change of strength out of range.
    """
    if recipe.engine != can.engine:
        raise RecipeRefused(f"this recipe is for the engine '{recipe.engine}', not '{can.engine}'")
    task = recipe.task
    if task.kind not in can.tasks:
        raise RecipeRefused(
            f"the engine '{can.engine}' does not do {task.kind}",
            hint=f"it does {', '.join(sorted(can.tasks))}",
        )
    if recipe.prompt is None or recipe.sampling is None or recipe.model is None:
        part = next(p for p in ("prompt", "sampling", "model") if getattr(recipe, p) is None)
        raise RecipeRefused(f"this recipe has no {part}, and {task.kind} needs one")
    if can.model is not None and recipe.model != can.model:
        raise RecipeRefused(
            f"this recipe is for the model {recipe.model.name} ({recipe.model.digest[:12]});"
            f" here runs {can.model.name} ({can.model.digest[:12]})",
            hint="load that model, or make the recipe anew with this one",
        )
    if recipe.prompt.interpreter not in can.interpreters:
        raise RecipeRefused(
            f"the engine '{can.engine}' does not read prompts as '{recipe.prompt.interpreter}'",
            hint=f"it knows {', '.join(sorted(can.interpreters))}",
        )
    sampling = recipe.sampling
    if sampling.sampler not in can.samplers:
        raise RecipeRefused(
            f"there is no sampler '{sampling.sampler}' here", hint=f"use {', '.join(can.samplers)}"
        )
    if sampling.steps > can.max_steps:
        raise SettingRefused(f"{sampling.steps} steps are more than the {can.max_steps} possible")
    drawn = task.work if isinstance(task, Inpaint | Outpaint) else recipe.size
    _check_size(drawn, can, "working size" if isinstance(task, Inpaint | Outpaint) else "size")
    if isinstance(task, Inpaint) and (
        task.region.right > recipe.size.width or task.region.bottom > recipe.size.height
    ):
        raise RecipeRefused(f"the region {task.region.corners} leaves the picture {recipe.size}")
    if isinstance(task, Outpaint) and not (task.left or task.top or task.right or task.bottom):
        raise SettingRefused("outpaint by how much? every side is 0")
    if isinstance(task, Outpaint) and 2 * task.overlap >= min(
        recipe.size.width - task.left - task.right, recipe.size.height - task.top - task.bottom
    ):
        raise SettingRefused(f"an overlap of {task.overlap} pixels leaves nothing of the picture")


def nearest_size(size: Size, can: Capabilities) -> Size:
    """The size nearest to ``size`` that fits an engine's grid and range."""

    def fit(side: int) -> int:
        low = -(-can.min_side // can.multiple) * can.multiple
        high = can.max_side // can.multiple * can.multiple
        return min(max((side + can.multiple // 2) // can.multiple * can.multiple, low), high)

    return Size(width=fit(size.width), height=fit(size.height))


def _check_size(size: Size, can: Capabilities, what: str) -> None:
    fitting = nearest_size(size, can)
    if fitting != size:
        raise SettingRefused(
            f"the {what} {size} does not fit: sides are multiples of {can.multiple}"
            f" from {can.min_side} to {can.max_side}",
            hint=f"the nearest that fits is {fitting}",
        )
