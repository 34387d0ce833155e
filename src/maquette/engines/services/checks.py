"""What every service's ``check`` looks at, beside what it knows of its own."""

from __future__ import annotations

from maquette.core.capabilities import Capabilities
from maquette.core.recipe import Inpaint, Outpaint, PromptText, Recipe, Sampling
from maquette.engines.base import Substitution
from maquette.engines.checks import check_recipe
from maquette.errors import PromptRefused, SettingRefused

__all__ = ["check_service", "drawn_size", "no_guidance", "no_seed", "short_enough"]


def check_service(recipe: Recipe, can: Capabilities) -> tuple[PromptText, Sampling]:
    """``check_recipe``, and the sizes of a service that has only some.

    Raises:
        RecipeRefused, SettingRefused.
    """
    check_recipe(recipe, can)
    assert recipe.prompt is not None and recipe.sampling is not None  # noqa: S101 - checked
    local = isinstance(recipe.task, Inpaint | Outpaint)
    if can.sizes and not local and recipe.size not in can.sizes:
        raise SettingRefused(
            f"the size {recipe.size} does not fit: there are {', '.join(map(str, can.sizes))}",
            hint=f"the nearest that fits is {can.nearest(recipe.size)}",
        )
    return recipe.prompt, recipe.sampling


def drawn_size(recipe: Recipe, can: Capabilities) -> tuple[Substitution, ...]:
    """A local edit at a size that the service lacks is drawn at the nearest and resampled."""
    task = recipe.task
    if not isinstance(task, Inpaint | Outpaint) or not can.sizes or task.work in can.sizes:
        return ()
    near = can.nearest(task.work)
    return (
        Substitution(
            asked=f"drawing at {task.work}",
            given=f"{near}, resampled",
            reason=f"the sizes are {', '.join(map(str, can.sizes))}",
        ),
    )


def no_seed(sampling: Sampling) -> Substitution:
    """The service draws at random."""
    return Substitution(
        asked=f"seed {sampling.seed}",
        given="chance",
        reason="this service takes no seed: each order draws another picture",
    )


def no_guidance(sampling: Sampling) -> tuple[Substitution, ...]:
    """Guidance where there is none; 0 says nothing."""
    if not sampling.guidance:
        return ()
    return (
        Substitution(
            asked=f"guidance {sampling.guidance:g}",
            given="the service's own",
            reason="it cannot be set",
        ),
    )


def short_enough(text: str, most: int) -> None:
    """Refuse a prompt that the service would cut or refuse.

    Raises:
        PromptRefused.
    """
    if len(text) > most:
        raise PromptRefused(
            f"the prompt has {len(text):,} characters; this model reads {most:,}",
            hint="shorten it",
        )
