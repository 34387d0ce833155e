"""What steers a drawing beside its words: one file for each kind of conditioning."""

from __future__ import annotations

from typing import TYPE_CHECKING

from maquette.core.recipe import Recipe
from maquette.engines.base import Inputs
from maquette.errors import RecipeRefused

if TYPE_CHECKING:
    from maquette.engines.diffusers.hooks import Steering
    from maquette.engines.diffusers.models import ModelCard
    from maquette.engines.diffusers.weights import Parts

__all__ = ["check", "prepare"]


def check(recipe: Recipe, card: ModelCard) -> None:
    """What this model cannot be steered by. Loads no weights.

    Raises:
        RecipeRefused: for a conditioning that the model does not take.
    """
    for each in recipe.conditionings:
        raise RecipeRefused(f"the model {card.ref.name} does not take {each.kind} adapters yet")


def prepare(parts: Parts, recipe: Recipe, inputs: Inputs) -> Steering:
    """The conditionings of a checked recipe, ready for a model."""
    raise RecipeRefused(
        f"{parts.card.ref.name} was given {len(inputs)} pictures and cannot use"
        f" {len(recipe.conditionings)} conditionings"
    )
